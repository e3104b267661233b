//! Writing people to terminals: the plans are shown, a person agrees, each terminal is written and read back.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::Args;
use iclock_sync::DeviceOptions;
use serde::Serialize;
use zk_proto::client::{Backup, Plan, RestoreOptions, Restored};
use zk_proto::encoding::TextEncoding;

use super::shown::{self, PlanJson};
use super::visit::{self, Stopped};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, grouped, human};
use crate::signal::Signals;

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
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
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
#[derive(Debug, Serialize)]
struct Target {
    name: String,
    address: String,
    error: Option<String>,
    /// The next thing to try after the error.
    #[serde(rename = "try")]
    hint: Option<String>,
    plan: Option<PlanJson>,
    users_written: usize,
    fingerprints_written: usize,
    #[serde(skip)]
    device: DeviceOptions,
    #[serde(skip)]
    to_do: Option<Plan>,
    #[serde(skip)]
    code: ExitCode,
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
    fn of(device: &DeviceOptions) -> Self {
        Self {
            name: device.name.clone(),
            address: device.address(),
            error: None,
            hint: None,
            plan: None,
            users_written: 0,
            fingerprints_written: 0,
            device: device.clone(),
            to_do: None,
            code: ExitCode::Done,
        }
    }

    fn fail(&mut self, why: Stopped) {
        self.code = why.code();
        let (error, hint) = why.told();
        (self.error, self.hint) = (Some(error), hint.map(str::to_owned));
        self.to_do = None;
    }

    /// Compares, and writes nothing.
    async fn compare(&mut self, source: &Source, options: &RestoreOptions, signals: &Signals) {
        let planned = visit::session(&self.device, signals, async |client| {
            if source.not_to.is_some() && client.identity().await?.serial == source.not_to {
                return Err(Stopped::Refused("it is the terminal that the users are from".into()));
            }
            Ok(client.plan_restore(&source.people, options).await?)
        })
        .await;
        match planned {
            Err(why) => self.fail(why),
            Ok(plan) => {
                self.plan = Some(PlanJson::of(&plan, self.device.encoding));
                let obstacles = plan.obstacles.len();
                if let Some(first) = plan.obstacles.first() {
                    let more = if obstacles > 1 { format!(" (and {} more)", obstacles - 1) } else { String::new() };
                    self.fail(Stopped::Refused(format!("{first}{more}; nothing was changed")));
                    self.hint = Some("--user ID selects users, --no-fingerprints leaves fingerprints out".into());
                }
                self.to_do = Some(plan);
            }
        }
    }

    /// Does what was planned, and reads it back.
    async fn carry_out(&mut self, signals: &Signals) {
        let Some(plan) = self.to_do.take().filter(|plan| plan.obstacles.is_empty() && !plan.is_empty()) else { return };
        let mut so_far = Restored::default();
        let done = visit::session(&self.device, signals, async |client| {
            let count = |now: Restored| so_far = now;
            let work =
                client.while_disabled(Some(DISABLED_AT_MOST), async |client| client.carry_out(&plan, count).await);
            Ok(work.await?)
        })
        .await;
        (self.users_written, self.fingerprints_written) = (so_far.users, so_far.fingers);
        if let Err(why) = done {
            self.fail(why);
            if so_far != Restored::default() {
                let error = self.error.take().unwrap_or_default();
                let (users, fingers) = (grouped(so_far.users as u64), grouped(so_far.fingers as u64));
                self.error = Some(format!("{error}, after {users} users and {fingers} fingerprints were written"));
            }
            let hint = self.hint.take().map(|hint| format!("; {hint}")).unwrap_or_default();
            self.hint = Some(format!("run the same again: it writes what is missing{hint}"));
        }
    }

    fn report(&self, json: bool) {
        if json {
            output::json(self);
            return;
        }
        if let Some(error) = &self.error {
            let error = CliError::new(self.code, format!("{}: {error}", self.name));
            return match &self.hint {
                Some(hint) => error.hint(hint.clone()).print(),
                None => error.print(),
            };
        }
        let (users, fingers) = (grouped(self.users_written as u64), grouped(self.fingerprints_written as u64));
        let text = format!("{}: {users} users and {fingers} fingerprints written and verified", self.name);
        output::line(human::folded(&text, 2));
    }
}

/// Shows what would be done to the terminals, asks, and does it.
pub(crate) fn write(context: &Context, mut source: Source, devices: &[DeviceOptions], writing: &Writing) -> Outcome {
    source.select(&writing.users)?;
    let options = RestoreOptions::default().encoding(source.encoding).fingers(!writing.no_fingerprints);
    context.block_on(async |signals| {
        let mut targets: Vec<Target> = devices.iter().map(Target::of).collect();
        for target in &mut targets {
            target.compare(&source, &options, &signals).await;
        }
        if !(writing.json && (writing.dry_run || writing.yes) || context.is_quiet()) {
            targets.iter().for_each(|target| show(&source, target, writing.dry_run));
        }
        let is_to_do =
            |target: &Target| target.to_do.as_ref().is_some_and(|plan| plan.obstacles.is_empty() && !plan.is_empty());
        if !writing.dry_run {
            if targets.iter().any(is_to_do) && !writing.yes {
                agree(&signals).await?;
            }
            for target in &mut targets {
                target.carry_out(&signals).await;
            }
        }
        for target in &targets {
            if writing.json || target.error.is_some() || !writing.dry_run {
                target.report(writing.json);
            }
        }
        let codes = [ExitCode::Interrupted, ExitCode::Terminal, ExitCode::Refused];
        let holds = |code: &ExitCode| targets.iter().any(|target| target.code == *code);
        Ok(codes.into_iter().find(holds).unwrap_or(ExitCode::Done))
    })
}

/// Prints a plan: on stdout if it is all that was asked for.
fn show(source: &Source, target: &Target, is_data: bool) {
    let Some(plan) = &target.to_do else { return };
    let title = format!("{} ({}), compared with {}:", target.name, target.address, source.title);
    for line in std::iter::once(human::folded(&title, 2)).chain(shown::lines(plan, target.device.encoding)) {
        if is_data { output::line(line) } else { eprintln!("{line}") }
    }
}

/// Asks a person, until Ctrl-C.
async fn agree(signals: &Signals) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        let what = "nobody can be asked, because stdin is no terminal; nothing was changed";
        return Err(CliError::new(ExitCode::Refused, what).hint("add --yes, or --dry-run to look only"));
    }
    eprint!("Go on? [y/N] ");
    // The question is a courtesy; the answer counts.
    let _ = std::io::stderr().flush();
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: nothing can end a read of the keyboard but the end of the program.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        // The program may have ended meanwhile.
        let _ = tell.send(read.is_ok() && ["y", "yes"].contains(&&*line.trim().to_lowercase()));
    });
    tokio::select! {
        () = signals.stop.cancelled() => {
            Err(CliError::new(ExitCode::Interrupted, "interrupted; nothing was changed").hint("run it again"))
        }
        agreed = told => match agreed {
            Ok(true) => Ok(()),
            _ => {
                let refused = CliError::new(ExitCode::Refused, "not confirmed; nothing was changed");
                Err(refused.hint("answer y, or add --yes"))
            }
        },
    }
}
