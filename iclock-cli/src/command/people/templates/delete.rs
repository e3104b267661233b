//! `templates delete`.

use clap::Args;
use serde::Serialize;
use zk_proto::client::UserError;
use zk_proto::record::FingerTemplate;

use crate::command::terminal::base::{Answers, Changing, Failure, Terminals, Visit, each};
use crate::config::number;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{human, printable};

/// Deletes fingerprints of a user, all of them or one finger. The user stays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli templates delete 1042 --finger 6 --device 192.0.2.10
  iclock-cli templates delete 1042 --all --yes")]
pub(crate) struct Delete {
    /// The user id
    #[arg(value_name = "ID")]
    id: String,
    /// Only this finger, 0 to 9; repeats
    #[arg(long = "finger", value_name = "N", value_parser = number::within::<u8>(0..=9))]
    fingers: Vec<u8>,
    #[command(flatten)]
    changing: Changing<Terminals>,
}

/// The result at one terminal.
#[derive(Debug, Default, Serialize)]
struct Deleted {
    fingers_deleted: Vec<u8>,
    #[serde(skip)]
    to_go: Vec<FingerTemplate>,
}

impl Delete {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.changing.choose(context, "templates delete")?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Deleted| {
            let people = visit.change(async |client| Ok(client.backup().await?)).await?;
            let user = people.users.iter().find(|user| user.user_id.as_str() == self.id);
            let is_wanted = |finger: &u8| self.fingers.is_empty() || self.fingers.contains(finger);
            let is_to_go =
                |finger: &FingerTemplate| user.is_some_and(|user| user.uid == finger.uid) && is_wanted(&finger.finger);
            told.to_go = people.fingers.into_iter().filter(is_to_go).collect();
            Ok(())
        })?;
        let id = printable(&self.id);
        if answers.0.iter().all(|answer| answer.told.to_go.is_empty()) && answers.code() == ExitCode::Done {
            let what = format!("no terminal here has such a fingerprint of user {id}; nothing was changed");
            return Err(CliError::new(ExitCode::Usage, what).hint("look: iclock-cli templates list"));
        }
        if answers.0.iter().any(|answer| !answer.told.to_go.is_empty()) {
            self.changing.ask(context, &plan(&id, &answers))?;
        }
        let answers = answers.then(context, &terminals, carry_out)?;
        answers.print(self.changing.json, |told| match numbers(&told.fingers_deleted) {
            none if none.is_empty() => Vec::new(),
            fingers => vec![format!("finger {fingers} of user {id} deleted")],
        });
        Ok(answers.code())
    }
}

async fn carry_out(visit: &Visit<'_>, told: &mut Deleted) -> Result<(), Failure> {
    if told.to_go.is_empty() {
        return Ok(());
    }
    let (to_go, deleted) = (&told.to_go, &mut told.fingers_deleted);
    visit
        .change(async |client| {
            let count = |count: usize| *deleted = to_go.iter().take(count).map(|finger| finger.finger).collect();
            let done = client.remove_fingerprints(to_go, count).await;
            if matches!(done, Err(UserError::FingerNotDeleted { .. })) {
                // It was acknowledged, and is there.
                deleted.clear();
            }
            Ok(done?)
        })
        .await
}

fn numbers(fingers: &[u8]) -> String {
    fingers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// The fingers that would be deleted.
fn plan(id: &str, answers: &Answers<Deleted>) -> String {
    let some = answers.0.iter().filter(|answer| !answer.told.to_go.is_empty());
    let lines = some.map(|answer| {
        let fingers: Vec<u8> = answer.told.to_go.iter().map(|finger| finger.finger).collect();
        let text =
            format!("Deletes finger {} of user {id} at {} ({}).", numbers(&fingers), answer.name, answer.address);
        human::folded(&text, 2)
    });
    lines.collect::<Vec<_>>().join("\n")
}
