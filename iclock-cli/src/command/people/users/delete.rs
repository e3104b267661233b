//! `users delete`.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zk_proto::record::User;

use super::row::Row;
use crate::command::terminal::base::{Answers, Changing, Failure, Terminal, Terminals, Visit, each};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{human, printable};

/// If this program dies, the terminal enables itself after this time, where its firmware can.
const DISABLED_AT_MOST: Duration = Duration::from_secs(10 * 60);
/// The users that are named in the plan.
const LISTED: usize = 20;

/// Deletes users and their fingerprints. Their punches stay in the log; on terminals with 8-byte records they then
/// name nobody, so sync first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli users delete 1042 --device 192.0.2.10
  iclock-cli users delete 1042 1043 --all --yes")]
pub(crate) struct Delete {
    /// User ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    changing: Changing<Terminals>,
}

/// The result at one terminal.
#[derive(Debug, Default, Serialize)]
struct Deleted {
    deleted: Vec<String>,
    /// The ids that were asked for and nobody has.
    missing: Vec<String>,
    #[serde(skip)]
    to_go: Vec<User>,
}

impl Delete {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.changing.choose(context, "users delete")?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Deleted| {
            let table = visit.change(async |client| Ok(client.user_table().await?)).await?;
            for id in &self.ids {
                match table.users().iter().find(|user| user.user_id.as_str() == id) {
                    Some(user) if told.to_go.contains(user) => {}
                    Some(user) => told.to_go.push(user.clone()),
                    None => told.missing.push(id.clone()),
                }
            }
            Ok(())
        })?;
        if answers.code() == ExitCode::Done
            && let Some(id) = self.ids.iter().find(|id| answers.0.iter().all(|it| it.told.missing.contains(id)))
        {
            let what = format!("no terminal here has user {id}; nothing was changed");
            return Err(CliError::new(ExitCode::Usage, what).hint("check the id: iclock-cli users list"));
        }
        if answers.0.iter().any(|answer| !answer.told.to_go.is_empty()) {
            self.changing.ask(context, &plan(&terminals, &answers))?;
        }
        let answers = answers.then(context, &terminals, carry_out)?;
        answers.print(self.changing.json, |told| {
            let done = told.deleted.iter().map(|id| format!("user {} deleted", printable(id)));
            done.chain(told.missing.iter().map(|id| format!("no user {}", printable(id)))).collect()
        });
        Ok(answers.code())
    }
}

async fn carry_out(visit: &Visit<'_>, told: &mut Deleted) -> Result<(), Failure> {
    if told.to_go.is_empty() {
        return Ok(());
    }
    let (to_go, deleted) = (&told.to_go, &mut told.deleted);
    let done = visit
        .change(async |client| {
            let count = |count: usize| {
                let gone = to_go.iter().take(count).map(|user| user.user_id.as_str().to_owned());
                *deleted = gone.collect();
            };
            let work =
                client.while_disabled(Some(DISABLED_AT_MOST), async |client| client.remove_users(to_go, count).await);
            Ok(work.await?)
        })
        .await;
    done.map_err(|failure| {
        let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        failure.hint(format!("run the same again: it deletes who is left{hint}"))
    })
}

/// The people who would be deleted.
fn plan(terminals: &[Terminal], answers: &Answers<Deleted>) -> String {
    let mut lines = Vec::new();
    for (terminal, answer) in terminals.iter().zip(&answers.0) {
        let users = &answer.told.to_go;
        if users.is_empty() {
            continue;
        }
        let title = format!("Deletes at {} ({}), with their fingerprints:", answer.name, answer.address);
        lines.push(human::folded(&title, 2));
        for user in users.iter().take(LISTED) {
            let cells = Row::of(user, terminal.device().encoding, false).cells();
            let [id, name, ..] = &cells[..] else { continue };
            lines.push(human::wrap(&format!("- {id} {name}")));
        }
        if users.len() > LISTED {
            lines.push(human::wrap(&format!("and {} more", users.len() - LISTED)));
        }
    }
    lines.join("\n")
}
