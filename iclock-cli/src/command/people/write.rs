//! Writing people to terminals: the plans are shown, a person agrees, each terminal is written and read back.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zk_proto::client::{Backup, Plan, RestoreOptions, Restored};
use zk_proto::encoding::TextEncoding;

use super::shown::{self, PlanJson};
use crate::command::terminal::base::{Answers, Consent, Failure, Terminal, Visit, each};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, grouped, human};

/// If this program dies, the terminal enables itself after this time, where its firmware can.
const DISABLED_AT_MOST: Duration = Duration::from_secs(60 * 60);

/// The flags of a command that writes people.
#[derive(Debug, Args)]
pub(crate) struct Writing {
    /// Only the user with this id; repeats
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    /// Users alone, without their fingerprints
    #[arg(long)]
    no_fingerprints: bool,
    /// Show the difference, change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
    /// Print JSON: a line for each terminal
    #[arg(long)]
    json: bool,
}

/// The people to be written.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) people: Backup,
    pub(crate) encoding: TextEncoding,
    /// Where they are from, for people.
    pub(crate) title: String,
    /// The serial number of a terminal that must not be written.
    pub(crate) not_to: Option<String>,
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

impl Source {
    /// Leaves only these users, if any are named.
    fn select(&mut self, ids: &[String]) -> Result<(), CliError> {
        if ids.is_empty() {
            return Ok(());
        }
        let people = &mut self.people;
        if let Some(id) = ids.iter().find(|id| people.users.iter().all(|user| user.user_id.as_str() != **id)) {
            return Err(CliError::new(ExitCode::Refused, format!("{} has no user {id}", self.title))
                .hint("check the id; nothing was changed"));
        }
        people.users.retain(|user| ids.iter().any(|id| user.user_id.as_str() == id));
        let slots: Vec<_> = people.users.iter().map(|user| user.uid).collect();
        people.fingers.retain(|finger| slots.contains(&finger.uid));
        Ok(())
    }
}

impl Target {
    /// Compares, and writes nothing.
    async fn compare(&mut self, visit: &Visit<'_>, source: &Source, options: &RestoreOptions) -> Result<(), Failure> {
        let encoding = visit.terminal().device().encoding;
        let plan = visit
            .change(async |client| {
                if source.not_to.is_some() && client.identity().await?.serial == source.not_to {
                    return Err(Failure::refused("it is the terminal that the users are from"));
                }
                Ok(client.plan_restore(&source.people, options).await?)
            })
            .await?;
        self.plan = Some(PlanJson::of(&plan, encoding));
        let obstacle = plan.obstacles.first().map(ToString::to_string);
        let more = plan.obstacles.len().saturating_sub(1);
        self.to_do = Some(plan);
        let Some(obstacle) = obstacle else { return Ok(()) };
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        Err(Failure::refused(format!("{obstacle}{more}; nothing was changed"))
            .hint("--user ID selects users, --no-fingerprints leaves fingerprints out"))
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

/// Shows what would be done to the terminals, asks, and does it.
pub(crate) fn write(context: &Context, mut source: Source, terminals: &[Terminal], writing: &Writing) -> Outcome {
    source.select(&writing.users)?;
    let options = RestoreOptions::default().encoding(source.encoding).fingers(!writing.no_fingerprints);
    let answers = each(context, terminals, async |visit: &Visit<'_>, target: &mut Target| {
        target.compare(visit, &source, &options).await
    })?;
    let plans = plans(&source, terminals, &answers);
    if writing.dry_run {
        if writing.json {
            answers.print_json();
        } else {
            plans.iter().for_each(output::line);
            answers.complain();
        }
        return Ok(answers.code());
    }
    let is_to_do = |target: &Target| target.to_do.as_ref().is_some_and(|plan| !plan.is_empty());
    if answers.0.iter().any(|answer| answer.error.is_none() && is_to_do(&answer.told)) {
        writing.consent.ask(context, &plans.join("\n"))?;
    } else if !context.is_quiet() && !plans.is_empty() {
        eprintln!("{}", plans.join("\n"));
    }
    let answers = answers.then(context, terminals, async |visit: &Visit<'_>, target: &mut Target| {
        target.done = Some(target.carry_out(visit).await?);
        Ok(())
    })?;
    answers.print(writing.json, |target| target.done.map(done).into_iter().collect());
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
fn plans(source: &Source, terminals: &[Terminal], answers: &Answers<Target>) -> Vec<String> {
    let mut lines = Vec::new();
    for (terminal, answer) in terminals.iter().zip(&answers.0) {
        let Some(plan) = &answer.told.to_do else { continue };
        let title = format!("{} ({}), compared with {}:", answer.name, answer.address, source.title);
        lines.push(human::folded(&title, 2));
        lines.extend(shown::lines(plan, terminal.device().encoding));
    }
    lines
}
