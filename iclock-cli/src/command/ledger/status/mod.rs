//! `status`: what each terminal and sink was doing last, what is pending, and what needs attention. Works next to a
//! running service and without one.

mod gap;
mod sink;
mod terminal;

use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use clap::Args;
use iclock_sync::health::{Health, Problem};
use iclock_sync::ledger::{BadEnd, BadEnds, Overview, PastRun, PushGap};
use iclock_sync::reconcile::{Lacking, Noted};
use iclock_sync::{Contact, Ledger};
use serde::Serialize;

use super::configured::ConfiguredSinks;
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::sheet::shown;
use crate::output::{self, counted, grouped, human, printed};
use sink::Sink;
use terminal::{Kept, Sources, Terminal};

/// Shows what each terminal and sink was doing last, and what needs attention.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  iclock-cli status\n  iclock-cli status --json")]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
struct Shown {
    service: Option<Service>,
    /// The process that writes the ledger now: a service, or a run.
    writing_process: Option<u32>,
    last_run: Option<Run>,
    last_verify: Option<Verified>,
    terminals: Vec<Terminal>,
    sinks: Vec<Sink>,
    attention: Vec<Attention>,
}

/// Something that a person should look at.
#[derive(Debug, Serialize)]
struct Attention {
    what: String,
    /// The command that helps.
    #[serde(rename = "try")]
    hint: Option<String>,
}

impl Attention {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    fn with(what: impl Into<String>, command: &str) -> Self {
        Self { what: what.into(), hint: Some(printed::command(command)) }
    }
}

#[derive(Debug, Serialize)]
struct Service {
    process: u32,
    version: String,
    since: DateTime<Utc>,
    /// False if it was killed, or hangs.
    is_alive: bool,
    heard_at: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct Run {
    id: String,
    started_at: DateTime<Utc>,
    exit_code: u8,
    new: u64,
    stored: u64,
}

/// The last `verify`, and what any of them found missing and none has found since.
#[derive(Debug, Serialize)]
struct Verified {
    at: DateTime<Utc>,
    exit_code: u8,
    lacking: Vec<Lacking>,
}

impl Verified {
    fn of(noted: Noted) -> Option<Self> {
        noted.at.map(|at| Self { at, exit_code: noted.exit_code, lacking: noted.lacking })
    }

    fn attention(&self, found: &mut Vec<Attention>) {
        let as_found = |at| format!("as verify found at {}", local(at));
        for Lacking { name, is_terminal, missing, at, .. } in &self.lacking {
            let (name, found_at) = (self::shown(name), as_found(*at));
            let what = match is_terminal {
                true => format!("{name}: the ledger misses {} of it", counted(*missing, "record", "records")),
                false => format!("{name}: {} missing there", counted(*missing, "event is", "events are")),
            };
            found
                .push(Attention::with(format!("{what}, {found_at}; to send what is missing again"), "verify --repair"));
        }
        if ![ExitCode::Done as u8, ExitCode::Found as u8].contains(&self.exit_code) {
            let why = in_words(self.exit_code).map(|why| format!(": {why}")).unwrap_or_default();
            let what = format!("the last verify, at {}, ended with {}{why}", local(self.at), self.exit_code);
            found.push(Attention::with(format!("{what}; to compare again"), "verify"));
        }
    }
}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?.serving();
        let ledger = context.ledger(&config)?;
        let dir = &config.state_dir;
        let health = Health::read(dir).map_err(|error| {
            CliError::because(ExitCode::State, format!("cannot read the health file in {}", dir.display()), &error)
        })?;
        let overview = ledger.overview(Local::now().naive_local())?;
        let run = ledger.runs(1)?.into_iter().next();
        let gaps = ledger.push_gaps(None)?;
        let verified = Noted::read(dir).map_err(|error| {
            let what = format!("cannot read the result of the last verify in {}", dir.display());
            CliError::because(ExitCode::State, what, &error).hint("check the rights of the state directory")
        })?;
        let (verified, writing_process) = (Verified::of(verified), Ledger::writing_process(dir));
        let past = Past { run, verified, ends: ledger.bad_ends()?, writing_process };
        let shown = Shown::of(&config, health, &overview, &gaps, past, Utc::now());
        if self.json {
            let json = serde_json::to_string(&shown)
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot print the status", &error))?;
            output::line(json);
        } else {
            shown.print(Utc::now());
        }
        Ok(ExitCode::Done)
    }
}

/// What is known of runs.
struct Past {
    run: Option<PastRun>,
    verified: Option<Verified>,
    ends: BadEnds,
    writing_process: Option<u32>,
}

impl Shown {
    fn of(
        config: &Config,
        health: Option<Health>,
        overview: &Overview,
        gaps: &[PushGap],
        past: Past,
        now: DateTime<Utc>,
    ) -> Self {
        let Past { run, verified, ends, writing_process } = past;
        let is_of_last_run = |end: &BadEnd| run.as_ref().is_some_and(|run| run.id == end.run);
        let problems = health.as_ref().map(|health| health.problems(now, Duration::ZERO)).unwrap_or_default();
        let is_alive = !problems.iter().any(|problem| matches!(problem, Problem::Silent { .. }));
        let service = health.as_ref().map(|health| Service {
            process: health.process,
            version: health.version.clone(),
            since: health.status.started_at,
            is_alive,
            heard_at: health.status.at,
        });
        let live = |name: &str| health.as_ref().and_then(|health| health.status.terminals.get(name));
        let kept = Kept::new(config, overview);
        let mut names: Vec<&str> = config.devices.iter().map(|device| device.name.as_str()).collect();
        names.extend(health.iter().flat_map(|health| health.status.terminals.keys().map(String::as_str)));
        names.extend(kept.others());
        // One that was named by a flag, and never read.
        names.extend(ends.terminals.iter().filter(|end| is_of_last_run(end)).map(|end| end.name.as_str()));
        let is_configured = |name: &str| kept.is_configured(name);
        let is_known = |name: &str| config.devices.is_empty() || is_configured(name);
        let terminals = distinct(names).into_iter().map(|name| {
            let (kept, live) = (kept.called(name), live(name));
            let gap = gaps.iter().find(|gap| {
                let configured = config.devices.iter().find(|device| device.name == name);
                let is_it = |serial: &str| serial == gap.serial;
                configured.and_then(|device| device.serial.as_deref()).is_some_and(is_it)
                    || kept.is_some_and(|kept| is_it(&kept.serial))
            });
            let ended = ends.terminals.iter().find(|end| end.name == name);
            let device = config.devices.iter().find(|device| device.name == name);
            let pushes =
                device.filter(|device| device.contact == Contact::Push).and_then(|device| device.serial.as_deref());
            let is_current = is_configured(name) || ended.is_some_and(is_of_last_run);
            Terminal::of(name, &Sources { kept, live, ended, is_current, gap, pushes }, is_alive, is_known(name))
        });
        let terminals = terminals.collect();
        let live = |name: &str| health.as_ref().and_then(|health| health.status.sinks.get(name));
        let is_sink = |name: &str| config.sinks.iter().any(|sink| sink.name == name);
        let ended = |name: &str| {
            let end = ends.sinks.iter().find(|end| end.name == name);
            end.filter(|end| is_sink(name) || is_of_last_run(end))
        };
        let sinks = sink::all(&ConfiguredSinks::of(config), overview, live, ended, is_alive);
        let last_run = run.map(|run| Run {
            id: run.id,
            started_at: run.started_at,
            exit_code: run.exit_code,
            new: run.new,
            stored: run.stored,
        });
        let (last_verify, attention) = (verified, Vec::new());
        let mut shown = Self { service, writing_process, last_run, last_verify, terminals, sinks, attention };
        shown.attention = shown.attention(is_configured);
        shown
    }

    /// Lists what a person should look at, the most urgent first.
    fn attention(&self, is_configured: impl Fn(&str) -> bool) -> Vec<Attention> {
        let mut found = Vec::new();
        if let Some(service) = self.service.as_ref().filter(|service| !service.is_alive) {
            found.push(Attention::new(format!(
                "the service (process {}) was last heard of at {}; it was killed, or it hangs: start it again",
                service.process,
                local(service.heard_at)
            )));
        }
        if let Some(run) = self.last_run.as_ref().filter(|run| self.service.is_none() && run.exit_code != 0) {
            let why = in_words(run.exit_code).map(|why| format!(": {why}")).unwrap_or_default();
            let is_explained = self.terminals.iter().any(|terminal| terminal.error.is_some())
                || self.sinks.iter().any(|sink| sink.error.is_some());
            let then = if is_explained { "" } else { "; run it again to see why" };
            found.push(Attention::new(format!("the last run ended with {}{why}{then}", run.exit_code)));
        }
        self.terminals.iter().for_each(|terminal| terminal.attention(is_configured(&terminal.name), &mut found));
        self.sinks.iter().for_each(|sink| sink.attention(&mut found));
        self.last_verify.iter().for_each(|verified| verified.attention(&mut found));
        found
    }

    /// What happens now without a service.
    fn present(&self) -> String {
        match self.writing_process {
            Some(process) => format!("A run is under way: process {process}."),
            None => "No service runs.".to_owned(),
        }
    }

    fn print(&self, now: DateTime<Utc>) {
        output::line(match (&self.service, &self.last_run) {
            (Some(service), _) if service.is_alive => {
                format!("A service runs: process {}, since {}.", service.process, local(service.since))
            }
            (Some(_), _) => "A service ran, and is not heard of any more.".to_owned(),
            (None, Some(run)) => format!(
                "{} The last run was {}: {} new, {} stored.",
                self.present(),
                ago(Some(run.started_at), now),
                grouped(run.new),
                grouped(run.stored)
            ),
            (None, None) => format!("{} No run was recorded.", self.present()),
        });
        let header = ["terminal", "", "last contact", "last punch", "log"];
        let rows = self.terminals.iter().map(|terminal| {
            let log = match (terminal.records, terminal.capacity) {
                (Some(records), Some(capacity)) => format!("{} of {}", grouped(records), grouped(capacity)),
                (Some(records), None) => grouped(records),
                _ => String::new(),
            };
            let contact = terminal.last_poll.max(terminal.last_call).or(terminal.last_records);
            let punch = terminal.last_punch.clone().unwrap_or_default();
            vec![self::shown(&terminal.name), terminal.state.clone(), ago(contact, now), punch, log]
        });
        if !self.terminals.is_empty() {
            output::line(format_args!("\n{}", human::table(&header, rows)));
        }
        for terminal in &self.terminals {
            let gap = terminal.backfill.as_ref().filter(|gap| gap.is_news(now));
            let told = gap.map(|gap| gap.told(&self::shown(&terminal.name), now));
            told.iter().for_each(|told| output::line(format_args!("\n{}", human::wrap(told))));
        }
        // Only a service knows the times, and names alone mostly tell the sinks apart.
        let is_dated = self.sinks.iter().any(|sink| sink.last_delivery.is_some());
        let has_targets = self.sinks.iter().any(|sink| sink.odd_target().is_some());
        let mut header = vec!["sink", "", "pending", "held"];
        header.extend(is_dated.then_some("last delivery"));
        header.extend(has_targets.then_some("target"));
        let rows = self.sinks.iter().map(|sink| {
            let mut row = vec![shown(&sink.name), sink.state.clone(), grouped(sink.pending), grouped(sink.held)];
            row.extend(is_dated.then(|| ago(sink.last_delivery, now)));
            row.extend(has_targets.then(|| sink.odd_target().cloned().unwrap_or_default()));
            row
        });
        if !self.sinks.is_empty() {
            output::line(format_args!("\n{}", human::table(&header, rows)));
        }
        if self.attention.is_empty() {
            output::line("\nNothing needs attention.");
        } else {
            output::line("\nNeeds attention");
            for Attention { what, hint } in &self.attention {
                output::line(human::wrap(what));
                // Not folded, to be copied.
                hint.iter().for_each(|command| output::line(format_args!("    {command}")));
            }
        }
    }
}

/// The meaning of a run's exit code.
fn in_words(exit_code: u8) -> Option<&'static str> {
    match exit_code {
        20 => Some("a terminal failed"),
        30 => Some("a sink failed"),
        40 => Some("a log could not be verified"),
        50 => Some("it stopped at the safety limit"),
        60 => Some("the state directory could not be used"),
        _ => None,
    }
}

/// Each name once, in the order in which they came.
fn distinct(names: Vec<&str>) -> Vec<&str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

fn local(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string()
}

fn ago(moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let Some(moment) = moment else { return "-".to_owned() };
    let seconds = now.signed_duration_since(moment).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_past_is_told_in_words() {
        let now = Utc::now();
        let told = [0, 59, 60, 3_599, 7_200, 172_800].map(|seconds| ago(Some(now - TimeDelta::seconds(seconds)), now));
        assert_eq!(told, ["0 s ago", "59 s ago", "1 min ago", "59 min ago", "2 h ago", "2 days ago"]);
        assert_eq!(ago(None, now), "-");
    }
}
