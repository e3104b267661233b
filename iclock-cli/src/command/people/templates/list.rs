//! `templates list`.

use clap::Args;
use serde::Serialize;
use zk_proto::Uid;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{FingerTemplate, User};

use crate::command::terminal::base::{Otherwise, Terminals, Visit, each};
use crate::context::{Context, Outcome};
use crate::output::printable;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli templates list --device 192.0.2.10
  iclock-cli templates list --user 1042 --all --json")]
pub(crate) struct List {
    /// Only of the user with this id; repeats
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    #[command(flatten)]
    terminals: Terminals,
    /// Print JSON: a line for each terminal
    #[arg(long)]
    json: bool,
}

/// The fingerprints of one terminal.
#[derive(Debug, Default, Serialize)]
struct Found {
    /// The version of the fingerprint algorithm; versions do not mix.
    algorithm: Option<String>,
    fingerprints: Vec<Finger>,
}

/// A fingerprint, without its template.
#[derive(Debug, Serialize)]
struct Finger {
    /// `null` if no user has the slot.
    user_id: Option<String>,
    name: String,
    finger: u8,
    kind: String,
    bytes: usize,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::All, "templates list")?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, found: &mut Found| {
            let people = visit.session(async |client| Ok(client.backup().await?)).await?;
            let encoding = visit.terminal().device().encoding;
            let all = people.fingers.iter().map(|finger| Finger::of(finger, &people.users, encoding));
            let is_wanted = |finger: &Finger| {
                self.users.is_empty() || finger.user_id.as_ref().is_some_and(|id| self.users.contains(id))
            };
            found.fingerprints = all.filter(is_wanted).collect();
            found.algorithm = people.algorithm;
            Ok(())
        })?;
        answers.print_table(self.json, &["user id", "name", "finger", "kind", "bytes"], |found| {
            found.fingerprints.iter().map(Finger::cells).collect()
        });
        answers.say_none(self.json, "no fingerprints", |found| found.fingerprints.is_empty());
        Ok(answers.code())
    }
}

impl Finger {
    fn of(finger: &FingerTemplate, users: &[User], encoding: TextEncoding) -> Self {
        let FingerTemplate { uid, finger: number, flag, template } = finger;
        let owner = users.iter().find(|user| user.uid == *uid && *uid != Uid(0));
        let kind = match flag {
            0 => "invalid".to_owned(),
            1 => "valid".to_owned(),
            3 => "duress".to_owned(),
            other => other.to_string(),
        };
        Self {
            user_id: owner.map(|user| user.user_id.as_str().to_owned()),
            name: owner.map(|user| user.name_text(encoding)).unwrap_or_default(),
            finger: *number,
            kind,
            bytes: template.len(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let id = self.user_id.as_deref().map_or_else(|| "(nobody)".to_owned(), printable);
        vec![id, printable(&self.name), self.finger.to_string(), self.kind.clone(), self.bytes.to_string()]
    }
}
