//! `templates export` and `templates import`: fingerprints as a file, by user id.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use zk_proto::Client;
use zk_proto::client::{Backup, Plan, RestoreOptions};
use zk_proto::record::FingerTemplate;

use crate::command::people::export::{Exporting, What};
use crate::command::people::file;
use crate::command::people::write::{Doing, Words, write};
use crate::command::terminal::base::{Failure, Otherwise, Terminals, Visit};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Writes the fingerprints to a JSON file that only its owner may read. It is not encrypted: backup can be.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli templates export fingers.json --device 192.0.2.10
  iclock-cli templates export fingers.json --user 1042 --device front-gate")]
pub(crate) struct Export {
    /// The file, or - for stdout; of several terminals, it is one for each, with the name
    file: PathBuf,
    /// Only of the user with this id; repeats
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    #[command(flatten)]
    exporting: Exporting,
}

/// Writes the fingerprints of a file to the users with the same ids. The users have to be there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli templates import fingers.json --device 192.0.2.10 --dry-run
  iclock-cli templates import fingers.json --all --yes")]
pub(crate) struct Import {
    /// The file that export wrote
    file: PathBuf,
    #[command(flatten)]
    terminals: Terminals,
    #[command(flatten)]
    doing: Doing,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fingers {
    /// The version of the fingerprint algorithm; versions do not mix.
    algorithm: Option<String>,
    fingerprints: Vec<Finger>,
}

/// A fingerprint in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finger {
    user_id: String,
    finger: u8,
    /// 1 valid, 3 duress, as the terminal stores it.
    flag: u8,
    /// In hexadecimal digits.
    #[serde(with = "digits")]
    template: Vec<u8>,
}

/// Bytes as hexadecimal digits.
mod digits {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Export {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let (one, many) = ("fingerprint", "fingerprints");
        let what = What { noted: "templates export", otherwise: Otherwise::One, one, many };
        self.exporting.run(context, &self.file, what, async |visit: &Visit<'_>| {
            let people = visit.session(async |client| Ok(client.backup().await?)).await?;
            let fingers = self.fingers(people);
            let mut text = serde_json::to_vec_pretty(&fingers)
                .map_err(|error| Failure::new(format!("cannot write the fingerprints: {error}")))?;
            text.push(b'\n');
            Ok((text, fingers.fingerprints.len()))
        })
    }

    /// The fingerprints that are wanted and have an owner.
    fn fingers(&self, people: Backup) -> Fingers {
        let Backup { users, algorithm, fingers, .. } = people;
        let named = fingers.into_iter().filter_map(|FingerTemplate { uid, finger, flag, template }| {
            let user_id = users.iter().find(|user| user.uid == uid)?.user_id.as_str().to_owned();
            let is_wanted = self.users.is_empty() || self.users.contains(&user_id);
            is_wanted.then(|| Finger { user_id, finger, flag, template: template.to_vec() })
        });
        Fingers { algorithm, fingerprints: named.collect() }
    }
}

impl Import {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::One, "templates import")?;
        // All of it is read before a terminal is contacted.
        let fingers = Fingers::read(&self.file)?;
        let words = Words {
            compared: format!(", compared with {}", self.file.display()),
            hint: "export at a terminal whose fingerprints have the same version",
        };
        write(context, &terminals, &self.doing, &words, async |_: &Visit<'_>, client: &mut Client| {
            fingers.plan(client).await
        })
    }
}

impl Fingers {
    fn read(path: &Path) -> Result<Self, CliError> {
        let wrong = |why: String| {
            CliError::new(ExitCode::Configuration, format!("cannot use {}: {why}", path.display()))
                .hint("name a file that `templates export` wrote; nothing was changed")
        };
        let fingers: Self = serde_json::from_str(&file::read(path)?).map_err(|error| wrong(error.to_string()))?;
        let is_wrong = |finger: &&Finger| finger.finger > 9 || finger.template.is_empty();
        match fingers.fingerprints.iter().find(is_wrong) {
            Some(finger) => Err(wrong(format!("finger {} of user {} cannot be", finger.finger, finger.user_id))),
            None if fingers.fingerprints.is_empty() => Err(wrong("it has no fingerprint".to_owned())),
            None => Ok(fingers),
        }
    }

    /// Compares with a terminal that has all of the users.
    async fn plan(&self, client: &mut Client) -> Result<Plan, Failure> {
        let table = client.user_table().await?;
        let owner = |id: &str| table.users().iter().find(|user| user.user_id.as_str() == id);
        let strangers = self.fingerprints.iter().filter(|finger| owner(&finger.user_id).is_none());
        if let Some(Finger { user_id, .. }) = strangers.clone().next() {
            let mut ids: Vec<&str> = strangers.map(|finger| finger.user_id.as_str()).collect();
            ids.dedup();
            let more = if ids.len() > 1 { format!(" (and {} more of the file)", ids.len() - 1) } else { String::new() };
            return Err(Failure::refused(format!("it has no user {user_id}{more}; nothing was changed"))
                .hint("import the users first: iclock-cli users import"));
        }
        let mut people = Backup { layout: table.layout(), algorithm: self.algorithm.clone(), ..Backup::default() };
        for Finger { user_id, finger, flag, template } in &self.fingerprints {
            let Some(user) = owner(user_id) else { continue };
            if !people.users.contains(user) {
                people.users.push(user.clone());
            }
            let template = template.clone().into();
            people.fingers.push(FingerTemplate { uid: user.uid, finger: *finger, flag: *flag, template });
        }
        let encoding = client.options().encoding;
        let mut plan = client.plan_restore(&people, &RestoreOptions::default().encoding(encoding)).await?;
        // The others are of no interest here.
        plan.left_alone.clear();
        Ok(plan)
    }
}
