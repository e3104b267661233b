//! `status`: what each terminal and sink was doing last, what is pending, and what needs attention. Works next to a
//! running service and without one.

use std::time::Duration;

use chrono::{DateTime, Local, TimeDelta, Utc};
use clap::Args;
use iclock_sync::health::{Health, Problem};
use iclock_sync::ledger::{Overview, PastRun, SinkOverview, TerminalOverview};
use iclock_sync::service::status::{Activity, SinkState, TerminalState};
use serde::Serialize;

use crate::config::{Config, SinkConfig};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::sheet::shown;
use crate::output::{self, counted, grouped, human, printed};
use crate::sinks;

/// A terminal whose log is fuller than this share needs attention, in percent.
const FULL: u64 = 90;
/// A clock that is off by more than this needs attention.
const DRIFT: TimeDelta = TimeDelta::minutes(2);

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
    last_run: Option<Run>,
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

#[derive(Debug, Serialize)]
struct Terminal {
    name: String,
    serial: Option<String>,
    state: String,
    last_poll: Option<DateTime<Utc>>,
    last_records: Option<DateTime<Utc>>,
    last_punch: Option<String>,
    records: Option<u64>,
    capacity: Option<u64>,
    clock_drift_ms: Option<i64>,
    quarantined: u64,
    unproven: u64,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Sink {
    name: String,
    target: Option<String>,
    state: String,
    pending: u64,
    held: u64,
    set_aside: u64,
    last_delivery: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        let ledger = context.ledger(&config)?;
        let dir = &config.state_dir;
        let health = Health::read(dir).map_err(|error| {
            CliError::because(ExitCode::State, format!("cannot read the health file in {}", dir.display()), &error)
        })?;
        let overview = ledger.overview(Local::now().naive_local())?;
        let run = ledger.runs(1)?.into_iter().next();
        let shown = Shown::of(&config, health, &overview, run, Utc::now());
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

impl Shown {
    fn of(
        config: &Config,
        health: Option<Health>,
        overview: &Overview,
        run: Option<PastRun>,
        now: DateTime<Utc>,
    ) -> Self {
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
        let mut names: Vec<&str> = config.devices.iter().map(|device| device.name.as_str()).collect();
        names.extend(health.iter().flat_map(|health| health.status.terminals.keys().map(String::as_str)));
        names.extend(overview.terminals.iter().map(|terminal| terminal.name.as_str()));
        let is_known =
            |name: &str| config.devices.is_empty() || config.devices.iter().any(|device| device.name == name);
        let terminals = distinct(names).into_iter().map(|name| {
            let kept = overview.terminals.iter().rev().find(|terminal| terminal.name == name);
            Terminal::of(name, kept, live(name), is_alive, is_known(name))
        });
        let live = |name: &str| health.as_ref().and_then(|health| health.status.sinks.get(name));
        let mut sinks: Vec<Sink> =
            overview.sinks.iter().map(|sink| Sink::of(sink, live(&sink.name), is_alive)).collect();
        sinks.extend(config.sinks.iter().filter(|sink| is_new(sink, overview)).map(Sink::new));
        let last_run = run.map(|run| Run {
            id: run.id,
            started_at: run.started_at,
            exit_code: run.exit_code,
            new: run.new,
            stored: run.stored,
        });
        let mut shown = Self { service, last_run, terminals: terminals.collect(), sinks, attention: Vec::new() };
        shown.attention = shown.attention();
        shown
    }

    /// Lists what a person should look at, the most urgent first.
    fn attention(&self) -> Vec<Attention> {
        let mut found = Vec::new();
        if let Some(service) = self.service.as_ref().filter(|service| !service.is_alive) {
            found.push(Attention::new(format!(
                "the service (process {}) was last heard of at {}; it was killed, or it hangs: start it again",
                service.process,
                local(service.heard_at)
            )));
        }
        if let Some(run) = self.last_run.as_ref().filter(|run| self.service.is_none() && run.exit_code != 0) {
            found.push(Attention::new(format!("the last run ended with {}; run it again to see why", run.exit_code)));
        }
        let named = |name: &str, error: &Option<String>| {
            Some(Attention::new(format!("{}: {}", self::shown(name), error.as_ref()?)))
        };
        found.extend(self.terminals.iter().filter_map(|terminal| named(&terminal.name, &terminal.error)));
        found.extend(self.sinks.iter().filter_map(|sink| named(&sink.name, &sink.error)));
        self.terminals.iter().for_each(|terminal| terminal.attention(&mut found));
        for sink in self.sinks.iter().filter(|sink| sink.set_aside > 0) {
            let (name, events) = (self::shown(&sink.name), counted(sink.set_aside, "event", "events"));
            found.push(Attention::new(format!("{name}: it refused {events} for good")));
        }
        found
    }

    fn print(&self, now: DateTime<Utc>) {
        output::line(match (&self.service, &self.last_run) {
            (Some(service), _) if service.is_alive => {
                format!("A service runs: process {}, since {}.", service.process, local(service.since))
            }
            (Some(_), _) => "A service ran, and is not heard of any more.".to_owned(),
            (None, Some(run)) => format!(
                "No service runs. The last run was {}: {} new, {} stored.",
                ago(Some(run.started_at), now),
                grouped(run.new),
                grouped(run.stored)
            ),
            (None, None) => "No service runs, and no run was recorded.".to_owned(),
        });
        let header = ["terminal", "", "last poll", "last punch", "log"];
        let rows = self.terminals.iter().map(|terminal| {
            let log = match (terminal.records, terminal.capacity) {
                (Some(records), Some(capacity)) => format!("{} of {}", grouped(records), grouped(capacity)),
                (Some(records), None) => grouped(records),
                _ => String::new(),
            };
            let poll = terminal.last_poll.or(terminal.last_records);
            let punch = terminal.last_punch.clone().unwrap_or_default();
            vec![self::shown(&terminal.name), terminal.state.clone(), ago(poll, now), punch, log]
        });
        if !self.terminals.is_empty() {
            output::line(format_args!("\n{}", human::table(&header, rows)));
        }
        let header = ["sink", "", "pending", "held", "last delivery"];
        let rows = self.sinks.iter().map(|sink| {
            let (pending, held) = (grouped(sink.pending), grouped(sink.held));
            vec![self::shown(&sink.name), sink.state.clone(), pending, held, ago(sink.last_delivery, now)]
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

impl Terminal {
    fn of(
        name: &str,
        kept: Option<&TerminalOverview>,
        live: Option<&TerminalState>,
        is_alive: bool,
        is_configured: bool,
    ) -> Self {
        let state = match (live, kept) {
            (Some(live), _) if is_alive => activity(live),
            _ if !is_configured => "not configured".to_owned(),
            (None, None) => "never read".to_owned(),
            _ => "not polled".to_owned(),
        };
        let serial = live.and_then(|live| live.serial.clone()).or_else(|| kept.map(|kept| kept.serial.clone()));
        Self {
            name: name.to_owned(),
            serial,
            state,
            last_poll: live.and_then(|live| live.last_poll),
            last_records: kept.and_then(|kept| kept.last_records),
            last_punch: kept.and_then(|kept| kept.last_punch).map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()),
            records: live.and_then(|live| live.records),
            capacity: live.and_then(|live| live.capacity),
            clock_drift_ms: live.and_then(|live| live.clock_drift_ms),
            quarantined: kept.map_or(0, |kept| kept.quarantined),
            unproven: kept.map_or(0, |kept| kept.unproven),
            error: live.and_then(|live| live.error.as_ref()).map(|failure| failure.text.clone()),
        }
    }

    fn attention(&self, found: &mut Vec<Attention>) {
        let name = shown(&self.name);
        if let Some((records, capacity)) = self.records.zip(self.capacity)
            && capacity > 0
            && records.saturating_mul(100) / capacity >= FULL
        {
            let (records, capacity) = (grouped(records), grouped(capacity));
            let what = format!("{name}: its log is nearly full, {records} of {capacity}; empty it once all is kept");
            found.push(Attention::with(what, &format!("clear {}", printed::quoted(&self.name))));
        }
        let drift = self.clock_drift_ms.map(TimeDelta::milliseconds).filter(|drift| drift.abs() > DRIFT);
        if let Some(drift) = drift {
            let side = if drift > TimeDelta::zero() { "ahead" } else { "behind" };
            let minutes = drift.num_minutes().abs();
            let hint = "set it, or write clock = \"correct\" in its configuration";
            found.push(Attention::new(format!("{name}: its clock is {minutes} min {side}; {hint}")));
        }
        if self.unproven > 0 {
            let what = format!("{name}: {} could not be verified", counted(self.unproven, "log", "logs"));
            found.push(Attention::with(what, "unproven list"));
        }
        if self.quarantined > 0 {
            let what = format!("{name}: {} refused", counted(self.quarantined, "record was", "records were"));
            found.push(Attention::with(what, "quarantine list"));
        }
        if self.state == "never read" {
            found.push(Attention::with(format!("{name}: it was never read"), "sync"));
        }
    }
}

impl Sink {
    fn of(kept: &SinkOverview, live: Option<&SinkState>, is_alive: bool) -> Self {
        let state = match live.filter(|_| is_alive) {
            Some(live) if live.paused => "paused",
            Some(live) if live.error.is_some() => "failing",
            Some(live) if live.pending > 0 => "delivering",
            Some(_) => "up to date",
            None if kept.pending > 0 => "waiting",
            None => "up to date",
        };
        Self {
            name: kept.name.clone(),
            target: Some(kept.target.clone()),
            state: state.to_owned(),
            pending: kept.pending,
            held: kept.held,
            set_aside: kept.set_aside,
            last_delivery: live.and_then(|live| live.last_success),
            error: live.and_then(|live| live.error.as_ref()).map(|failure| failure.text.clone()),
        }
    }

    /// A configured sink that never got anything.
    fn new(config: &SinkConfig) -> Self {
        Self {
            name: config.name.clone(),
            target: None,
            state: "never served".to_owned(),
            pending: 0,
            held: 0,
            set_aside: 0,
            last_delivery: None,
            error: None,
        }
    }
}

/// Returns true if the ledger does not know a configured sink.
fn is_new(config: &SinkConfig, overview: &Overview) -> bool {
    let target = sinks::open(config).ok().map(|sink| sink.target());
    !overview.sinks.iter().any(|sink| Some(&sink.target) == target.as_ref() || sink.name == config.name)
}

fn activity(live: &TerminalState) -> String {
    match live.activity {
        Activity::Waiting => "waiting",
        Activity::Connecting => "connecting",
        Activity::Reading => "reading",
        Activity::Recording => "recording",
        Activity::Resting { .. } if live.error.is_some() => "failing",
        Activity::Resting { .. } => "resting",
        Activity::Listening { .. } => "listening",
        Activity::Down { .. } => "down",
        Activity::Paused => "paused",
        _ => "running",
    }
    .to_owned()
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
    use super::*;

    #[test]
    fn the_past_is_told_in_words() {
        let now = Utc::now();
        let told = [0, 59, 60, 3_599, 7_200, 172_800].map(|seconds| ago(Some(now - TimeDelta::seconds(seconds)), now));
        assert_eq!(told, ["0 s ago", "59 s ago", "1 min ago", "59 min ago", "2 h ago", "2 days ago"]);
        assert_eq!(ago(None, now), "-");
    }
}
