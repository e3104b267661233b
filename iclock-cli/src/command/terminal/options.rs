//! `options get` and `options set`: the terminal's settings by name.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::base::{Changing, Failure, Otherwise, Terminals, Visit, each, named, noted};
use crate::context::{Context, Outcome};
use crate::output;

/// The options that `get` reads without a name: those that most terminals have.
const COMMON: [&str; 24] = [
    "~SerialNumber",
    "~Platform",
    "~DeviceName",
    "~OEMVendor",
    "~OS",
    "~ProductTime",
    "~ZKFPVersion",
    "~ExtendFmt",
    "~UserExtFmt",
    "~SSR",
    "~PIN2Width",
    "ZKFaceVersion",
    "FaceFunOn",
    "FingerFunOn",
    "WorkCode",
    "DeviceID",
    "MAC",
    "IPAddress",
    "NetMask",
    "GATEIPAddress",
    "DHCP",
    "Language",
    "VoiceOn",
    "LockOn",
];
/// The words in the names of options that hold a secret.
const SECRET: [&str; 6] = ["key", "pass", "pwd", "psw", "secret", "token"];

#[derive(Debug, Subcommand)]
pub(crate) enum Options {
    /// Show options
    Get(Get),
    /// Change options, and check that the terminal took them
    Set(Set),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli options get --device 192.0.2.10
  iclock-cli options get VoiceOn LockOn --all --json")]
pub(crate) struct Get {
    /// The names of options [default: those that most terminals have]
    #[arg(value_name = "NAME", value_parser = name)]
    names: Vec<String>,
    #[command(flatten)]
    terminals: Terminals,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli options set VoiceOn=0 --device 192.0.2.10
  iclock-cli options set Language=69 LockOn=5 --all --yes")]
pub(crate) struct Set {
    /// Options and their new values
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = pair)]
    pairs: Vec<(String, String)>,
    #[command(flatten)]
    changing: Changing<Terminals>,
}

/// The options of one terminal; `null` for those that it does not have.
#[derive(Debug, Default, Serialize)]
struct Values {
    options: BTreeMap<String, Option<String>>,
}

/// The options that were written, with the values that were read back: `null` for a secret.
#[derive(Debug, Default, Serialize)]
struct Written {
    written: BTreeMap<String, Option<String>>,
}

fn name(text: &str) -> Result<String, String> {
    let is_usable = !text.is_empty() && !text.contains(['=', '\0']);
    is_usable.then(|| text.to_owned()).ok_or_else(|| "write the name alone, such as VoiceOn".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.contains('\0'));
    parts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write NAME=VALUE, such as VoiceOn=0".to_owned())
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word))
}

impl Options {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Get(get) => get.run(context),
            Self::Set(set) => set.run(context),
        }
    }
}

impl Get {
    fn run(self, context: &Context) -> Outcome {
        let noted = noted(["options", "get"].into_iter().chain(self.names.iter().map(String::as_str)));
        let terminals = self.terminals.choose(context, Otherwise::All, &noted)?;
        let is_common = self.names.is_empty();
        let names = if is_common { COMMON.map(str::to_owned).to_vec() } else { self.names };
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Values| {
            visit
                .session(async |client| {
                    for name in &names {
                        let value = match client.option(name).await {
                            Ok(value) => value,
                            // Of the common ones, a terminal may know some and choke on others.
                            Err(why) if is_common => client.skip(why).await.map(|_| None)?,
                            Err(why) => return Err(why.into()),
                        };
                        told.options.insert(name.clone(), value.map(|value| output::printable(&value)));
                    }
                    Ok(())
                })
                .await
        })?;
        answers.print_table(self.json, &["option", "value"], |told| {
            let row = |name: &String| {
                let value = told.options.get(name)?.clone();
                Some(vec![name.clone(), value.or_else(|| (!is_common).then(|| "(none)".to_owned()))?])
            };
            names.iter().filter_map(row).collect()
        });
        Ok(answers.code())
    }
}

impl Set {
    fn run(self, context: &Context) -> Outcome {
        let shown = |(name, value): &(String, String)| match is_secret(name) {
            true => format!("{name}=(secret)"),
            false => format!("{name}={value}"),
        };
        let pairs: Vec<String> = self.pairs.iter().map(shown).collect();
        let noted = noted(["options", "set"].into_iter().chain(pairs.iter().map(String::as_str)));
        let terminals = self.changing.choose(context, &noted)?;
        let plan = format!("Sets {} at {}. A wrong value may cut it off.", pairs.join(", "), named(&terminals));
        self.changing.ask(context, &plan)?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Written| {
            visit
                .change(async |client| {
                    for (name, value) in &self.pairs {
                        client.set_option(name, value).await?;
                        if is_secret(name) {
                            told.written.insert(name.clone(), None);
                            continue;
                        }
                        let kept = client.option(name).await?.unwrap_or_default();
                        if kept != *value {
                            let kept = if kept.is_empty() { "has none".to_owned() } else { format!("has {kept:?}") };
                            let error = format!("it acknowledged {name}={value}, but {kept}");
                            let hint = "this model may not know the option, or not the value; see its menu";
                            return Err(Failure::new(error).hint(hint));
                        }
                        told.written.insert(name.clone(), Some(kept));
                    }
                    Ok(())
                })
                .await
        })?;
        answers.print(self.changing.json, |told| {
            let line = |(name, value): (&String, &Option<String>)| match value {
                Some(value) => format!("{name} is now {value}"),
                None => format!("{name} was written"),
            };
            told.written.iter().map(line).collect()
        });
        Ok(answers.code())
    }
}
