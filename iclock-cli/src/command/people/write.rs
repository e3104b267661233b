//! Writing people to terminals: the plans are shown, a person agrees, each terminal is written and read back.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zk_proto::Client;
use zk_proto::client::{Plan, Restored};

use super::shown::{self, PlanJson};
use crate::command::terminal::base::{Answers, Consent, Failure, Terminal, Visit, each};
use crate::context::{Context, Outcome};
use crate::output::{self, grouped, human};

/// If this program dies, the terminal enables itself after this time, where its firmware can.
const DISABLED_AT_MOST: Duration = Duration::from_secs(60 * 60);

/// The flags of a command that shows a plan before it writes.
#[derive(Debug, Args)]
pub(crate) struct Doing {
    /// Show the difference, change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
    /// Print JSON: a line for each terminal
    #[arg(long)]
    json: bool,
}

/// What a command says about its plans.
#[derive(Debug)]
pub(crate) struct Words {
    /// The end of a plan's title.
    pub(crate) compared: String,
    /// The next thing to try after an obstacle.
    pub(crate) hint: &'static str,
}

/// The result at one terminal.
#[derive(Debug, Default, Serialize)]
struct Target {
    plan: Option<PlanJson>,
    users_written: usize,
    fingerprints_written: usize,
    #[serde(skip)]
    to_do: Option<Plan>,
    /// All that was to be written.
    #[serde(skip)]
    done: Option<Restored>,
}

impl Target {
    /// Keeps the plan.
    ///
    /// # Errors
    /// The first obstacle.
    fn compared(&mut self, plan: Plan, terminal: &Terminal, hint: &str) -> Result<(), Failure> {
        self.plan = Some(PlanJson::of(&plan, terminal.device().encoding));
        let obstacle = plan.obstacles.first().map(ToString::to_string);
        let more = plan.obstacles.len().saturating_sub(1);
        self.to_do = Some(plan);
        let Some(obstacle) = obstacle else { return Ok(()) };
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        Err(Failure::refused(format!("{obstacle}{more}; nothing was changed")).hint(hint))
    }

    /// Does what was planned, and reads it back.
    async fn carry_out(&mut self, visit: &Visit<'_>) -> Result<Restored, Failure> {
        let Some(plan) = self.to_do.take().filter(|plan| !plan.is_empty()) else {
            return Ok(Restored::default());
        };
        let mut so_far = Restored::default();
        let done = visit
            .change(async |client| {
                let count = |now: Restored| so_far = now;
                let work =
                    client.while_disabled(Some(DISABLED_AT_MOST), async |client| client.carry_out(&plan, count).await);
                Ok(work.await?)
            })
            .await;
        (self.users_written, self.fingerprints_written) = (so_far.users, so_far.fingers);
        let Err(mut failure) = done else { return Ok(so_far) };
        if so_far != Restored::default() {
            failure.error = format!("{}, after writing {}", failure.error, counted(so_far));
        }
        let hint = failure.hint.take().map(|hint| format!("; {hint}")).unwrap_or_default();
        Err(failure.hint(format!("run the same again: it writes what is missing{hint}")))
    }
}

/// Shows what would be done to the terminals, asks, and does it. `plan` compares, and writes nothing.
pub(crate) fn write(
    context: &Context,
    terminals: &[Terminal],
    doing: &Doing,
    words: &Words,
    plan: impl AsyncFn(&Visit<'_>, &mut Client) -> Result<Plan, Failure>,
) -> Outcome {
    let answers = each(context, terminals, async |visit: &Visit<'_>, target: &mut Target| {
        let plan = visit.change(async |client| plan(visit, client).await).await?;
        target.compared(plan, visit.terminal(), words.hint)
    })?;
    let plans = plans(words, terminals, &answers);
    if doing.dry_run {
        if doing.json {
            answers.print_json();
        } else {
            plans.iter().for_each(output::line);
            answers.complain();
        }
        return Ok(answers.code());
    }
    let is_to_do = |target: &Target| target.to_do.as_ref().is_some_and(|plan| !plan.is_empty());
    if answers.0.iter().any(|answer| answer.error.is_none() && is_to_do(&answer.told)) {
        doing.consent.ask(context, &plans.join("\n"))?;
    } else if !context.is_quiet() && !plans.is_empty() {
        eprintln!("{}", plans.join("\n"));
    }
    let answers = answers.then(context, terminals, async |visit: &Visit<'_>, target: &mut Target| {
        target.done = Some(target.carry_out(visit).await?);
        Ok(())
    })?;
    answers.print(doing.json, |target| target.done.map(done).into_iter().collect());
    Ok(answers.code())
}

fn done(written: Restored) -> String {
    match written == Restored::default() {
        true => "nothing to write: all of it is there".to_owned(),
        false => format!("{} written and verified", counted(written)),
    }
}

/// Users and fingerprints in a sentence.
fn counted(Restored { users, fingers }: Restored) -> String {
    let part = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{} {what}s", grouped(count as u64))),
    };
    let parts: Vec<String> = [part(users, "user"), part(fingers, "fingerprint")].into_iter().flatten().collect();
    parts.join(" and ")
}

/// The plans, for people.
fn plans(words: &Words, terminals: &[Terminal], answers: &Answers<Target>) -> Vec<String> {
    let mut lines = Vec::new();
    for (terminal, answer) in terminals.iter().zip(&answers.0) {
        let Some(plan) = &answer.told.to_do else { continue };
        let title = format!("{} ({}){}:", answer.name, answer.address, words.compared);
        lines.push(human::folded(&title, 2));
        lines.extend(shown::lines(plan, terminal.device().encoding));
    }
    lines
}
