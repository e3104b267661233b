//! `status`: what each terminal and sink was doing last, what is pending, and what needs attention. Works next to a
//! running service and without one.

mod gap;
mod sink;
mod terminal;

use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use clap::Args;
use iclock_sync::health::{Health, Problem};
use iclock_sync::ledger::{Overview, PastRun, PushGap};
use serde::Serialize;

use super::configured::ConfiguredSinks;
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::sheet::shown;
use crate::output::{self, grouped, human, printed};
use sink::Sink;
use terminal::{Kept, Terminal};

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
        let shown = Shown::of(&config, health, &overview, &gaps, run, Utc::now());
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
        gaps: &[PushGap],
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
        let kept = Kept::new(config, overview);
        let mut names: Vec<&str> = config.devices.iter().map(|device| device.name.as_str()).collect();
        names.extend(health.iter().flat_map(|health| health.status.terminals.keys().map(String::as_str)));
        names.extend(kept.others());
        let is_known = |name: &str| config.devices.is_empty() || kept.is_configured(name);
        let terminals = distinct(names).into_iter().map(|name| {
            let (kept, live) = (kept.called(name), live(name));
            let gap = gaps.iter().find(|gap| {
                let configured = config.devices.iter().find(|device| device.name == name);
                let is_it = |serial: &str| serial == gap.serial;
                configured.and_then(|device| device.serial.as_deref()).is_some_and(is_it)
                    || kept.is_some_and(|kept| is_it(&kept.serial))
            });
            Terminal::of(name, kept, live, gap, is_alive, is_known(name))
        });
        let live = |name: &str| health.as_ref().and_then(|health| health.status.sinks.get(name));
        let sinks = sink::all(&ConfiguredSinks::of(config), overview, live, is_alive);
        let last_run = run.map(|run| Run {
            id: run.id,
            started_at: run.started_at,
            exit_code: run.exit_code,
            new: run.new,
            stored: run.stored,
        });
        let terminals = terminals.collect();
        let mut shown = Self { service, last_run, terminals, sinks, attention: Vec::new() };
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
        let named = |name: String, error: &Option<String>| Some(Attention::new(format!("{name}: {}", error.as_ref()?)));
        found.extend(self.terminals.iter().filter_map(|terminal| named(shown(&terminal.name), &terminal.error)));
        found.extend(self.sinks.iter().filter_map(|sink| named(sink.called(), &sink.error)));
        self.terminals.iter().for_each(|terminal| terminal.attention(&mut found));
        self.sinks.iter().for_each(|sink| sink.attention(&mut found));
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
        let header = ["sink", "", "pending", "held", "last delivery", "target"];
        let rows = self.sinks.iter().map(|sink| {
            let (pending, held) = (grouped(sink.pending), grouped(sink.held));
            let target = sink.odd_target().cloned().unwrap_or_default();
            vec![shown(&sink.name), sink.state.clone(), pending, held, ago(sink.last_delivery, now), target]
        });
        // The last column is needed only where names do not tell the sinks apart.
        let columns = header.len() - usize::from(self.sinks.iter().all(|sink| sink.odd_target().is_none()));
        let rows = rows.map(|mut row: Vec<String>| {
            row.truncate(columns);
            row
        });
        if !self.sinks.is_empty() {
            output::line(format_args!("\n{}", human::table(header.get(..columns).unwrap_or(&header), rows)));
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
