//! `verify`: compares the terminals' logs, the ledger and the sinks by day, and sends again what is missing.

use chrono::{Days, Local, NaiveDate, Utc};
use clap::Args;
use iclock_sync::reconcile::{Example, Fates, Noted, ReconcileOptions, Reconciliation, SinkReconciliation};
use iclock_sync::report::{DeviceStatus, SinkStatus};
use iclock_sync::{CancellationToken, Engine, Report, RunOptions, chain};
use serde::Serialize;

use crate::config::{Config, ConfigErrors, number};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::{Ended, ExitCode};
use crate::global::Targets;
use crate::output::{self, counted, grouped, human, progress};
use crate::{sinks, wiring};

/// Repairs one after another. An event that the first one reads again may be missing at a sink, too.
const REPAIRS: usize = 2;

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Only the last N days, today included [default: all]
    #[arg(long, value_name = "N", value_parser = number::positive::<u32>)]
    days: Option<u32>,
    /// Only the terminal or sink of this name; repeats
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Compare the sinks with the ledger, and contact no terminal
    #[arg(long)]
    no_terminals: bool,
    /// Look up each event at the sinks, also on days on which the counts agree
    #[arg(long)]
    every_event: bool,
    /// Send again what is missing
    #[arg(long)]
    repair: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    targets: Targets,
}

/// The result as `--json` prints it.
#[derive(Serialize)]
struct Printed<'a> {
    exit_code: u8,
    /// The last comparison.
    #[serde(flatten)]
    compared: &'a Reconciliation,
    /// The runs that sent missing events again.
    repairs: &'a [Report],
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut config = Config::load(&context.flags(&self.targets))?;
        context.start(&config, true)?;
        self.choose(&mut config)?;
        // A comparison without a ledger would find everything missing.
        context.ledger(&config)?;
        let names: Vec<String> = config.devices.iter().map(|device| device.name.clone()).collect();
        let observer = progress::observer(&names, &[], !context.is_quiet() && !self.json);
        let engine = wiring::engine(&config, sinks::open_all(&config.sinks)?, Some(observer), &[])?;
        let options = ReconcileOptions::default()
            .since(self.days.and_then(first_of_days))
            .every_event(self.every_event)
            .terminals(!config.devices.is_empty());
        context.block_on(async |signals| {
            let stop = &signals.stop;
            let mut compared = engine.reconcile(&options, stop).await?;
            let mut repairs = Vec::new();
            while self.repair && compared.missing > 0 && repairs.len() < REPAIRS && !stop.is_cancelled() {
                if !self.json && repairs.is_empty() {
                    output::line(text(&compared));
                }
                repairs.push(repair(&engine, &compared, &config, stop).await?);
                compared = engine.reconcile(&options, stop).await?;
            }
            drop(engine);
            progress::clear();
            let code = exit_code(&compared, &repairs);
            self.print(&compared, &repairs, code);
            if signals.asked().is_some() {
                return Ok(ExitCode::Interrupted);
            }
            if let Err(error) = Noted::add(&config.state_dir, &compared, code as u8, Utc::now()) {
                let dir = config.state_dir.display();
                tracing::warn!(
                    "`status` will not know this result, because {dir} cannot be written: {}",
                    chain(&error)
                );
            }
            Ok(code)
        })
    }

    /// Leaves what is to be compared in the configuration.
    fn choose(&self, config: &mut Config) -> Result<(), CliError> {
        let mut missing = config.missing(true);
        // Either is enough for a comparison, if that is what is asked for.
        missing.retain(|error| !(self.no_terminals && error.key == "device"));
        if !missing.is_empty() {
            return Err(ConfigErrors::in_order(missing).into());
        }
        let is_known = |name: &String| {
            config.devices.iter().any(|device| device.name == *name)
                || config.sinks.iter().any(|sink| sink.name == *name)
        };
        if let Some(unknown) = self.only.iter().find(|name| !is_known(name)) {
            let what = format!("no terminal and no sink is called {unknown}");
            return Err(CliError::new(ExitCode::Configuration, what).hint("name a configured one"));
        }
        if !self.only.is_empty() {
            config.devices.retain(|device| self.only.contains(&device.name));
            config.sinks.retain(|sink| self.only.contains(&sink.name));
        }
        if self.no_terminals {
            config.devices.clear();
        }
        if config.devices.is_empty() && config.sinks.is_empty() {
            let what = "nothing is left to compare: --only names terminals, and --no-terminals leaves them out";
            return Err(CliError::new(ExitCode::Usage, what).hint("name a sink with --only, or leave a flag out"));
        }
        Ok(())
    }

    fn print(&self, compared: &Reconciliation, repairs: &[Report], code: ExitCode) {
        if self.json {
            let printed = Printed { exit_code: code as u8, compared, repairs };
            match serde_json::to_string(&printed) {
                Ok(json) => output::line(json),
                Err(error) => tracing::error!("cannot print the result: {error}"),
            }
            return;
        }
        let stored: u64 = repairs.iter().map(|report| report.totals.stored).sum();
        let read: u64 = repairs.iter().map(|report| report.totals.new).sum();
        if !repairs.is_empty() {
            let (read, stored) = (counted(read, "record", "records"), counted(stored, "event", "events"));
            output::line(format!("\nRepaired: {read} read again, {stored} stored. Afterwards:"));
        }
        output::line(text(compared));
        if compared.missing > 0 && !self.repair {
            output::line("\nTo send again what is missing, run the same command with --repair.");
        }
    }
}

/// The first of the last days, by this computer's calendar.
fn first_of_days(days: u32) -> Option<NaiveDate> {
    Local::now().date_naive().checked_sub_days(Days::new(u64::from(days).saturating_sub(1)))
}

async fn repair(
    engine: &Engine,
    compared: &Reconciliation,
    config: &Config,
    stop: &CancellationToken,
) -> Result<Report, CliError> {
    let options = RunOptions::default().max_new(config.max_new);
    let report = engine.repair(compared, &options, stop).await?;
    tracing::info!(new = report.totals.new, stored = report.totals.stored, "repaired");
    Ok(report)
}

/// Something missing comes first: it was found for certain. Then the last repair's failures, and those to compare.
fn exit_code(compared: &Reconciliation, repairs: &[Report]) -> ExitCode {
    if compared.missing > 0 {
        return ExitCode::Found;
    }
    let failed = |status: DeviceStatus| compared.terminals.iter().any(|terminal| terminal.status == status);
    let repaired = repairs.last().map_or(ExitCode::Done, |report| ExitCode::of(&Ended::Run(report)));
    match repaired {
        _ if compared.sinks.iter().any(|sink| sink.status == SinkStatus::Failed) => ExitCode::Sink,
        _ if failed(DeviceStatus::Failed) => ExitCode::Terminal,
        _ if failed(DeviceStatus::Unproven) => ExitCode::Unproven,
        code => code,
    }
}

/// The result for people.
fn text(compared: &Reconciliation) -> String {
    let mut parts = Vec::new();
    if !compared.terminals.is_empty() {
        parts.push(terminals(compared));
    }
    if !compared.sinks.is_empty() {
        parts.push(self::sinks(compared));
    }
    parts.extend(differences(compared));
    parts.extend(failures(compared));
    parts.push(match compared.missing {
        0 => "Nothing is missing.".to_owned(),
        missing => format!("{} missing in all.", grouped(missing)),
    });
    parts.join("\n\n")
}

/// A table without the columns in which no row has a number.
fn without_zeros(header: &[&str], always: &[&str], rows: Vec<Vec<String>>) -> String {
    let is_zero = |text: &String| text == "0";
    let shown: Vec<usize> = (0..header.len())
        .filter(|column| {
            let name = header.get(*column).is_some_and(|name| always.contains(name));
            name || rows.iter().any(|row| row.get(*column).is_some_and(|cell| !is_zero(cell)))
        })
        .collect();
    let pick = |row: &Vec<String>| shown.iter().filter_map(|column| row.get(*column).cloned()).collect();
    let header: Vec<&str> = shown.iter().filter_map(|column| header.get(*column).copied()).collect();
    human::table(&header, rows.iter().map(pick).collect::<Vec<Vec<String>>>())
}

fn terminals(compared: &Reconciliation) -> String {
    let rows = compared.terminals.iter().map(|terminal| {
        let missing = match terminal.status {
            DeviceStatus::Ok => grouped(terminal.missing),
            DeviceStatus::Unproven => "not proven".to_owned(),
            DeviceStatus::Failed => "failed".to_owned(),
        };
        let counts = [terminal.records, terminal.unread, terminal.counted_only].map(grouped);
        [vec![terminal.name.clone()], counts.to_vec(), vec![missing]].concat()
    });
    let header = ["Terminal", "records", "not read yet", "refused", "missing here"];
    without_zeros(&header, &["Terminal", "records", "missing here"], rows.collect())
}

fn sinks(compared: &Reconciliation) -> String {
    let rows = compared.sinks.iter().map(|sink| {
        let Fates { delivered, pending, held, merged, set_aside, imported, shrunk, passed_over, .. } = sink.fates;
        let foreign = sink.not_from_here.map_or_else(|| "?".to_owned(), grouped);
        let missing = match sink.status {
            SinkStatus::Failed if sink.missing == 0 => "failed".to_owned(),
            _ if !sink.compared => "?".to_owned(),
            _ => grouped(sink.missing),
        };
        let counts = [delivered, imported, shrunk, passed_over, pending, held, merged, set_aside].map(grouped);
        [vec![sink.name.clone()], counts.to_vec(), vec![foreign, missing]].concat()
    });
    let header = [
        "Sink",
        "delivered",
        "imported",
        "shrunk",
        "passed over",
        "pending",
        "held",
        "merged",
        "set aside",
        "not from here",
        "missing there",
    ];
    without_zeros(&header, &["Sink", "delivered", "missing there"], rows.collect())
}

/// The days that differ, with examples.
fn differences(compared: &Reconciliation) -> Option<String> {
    let mut rows = Vec::new();
    for terminal in &compared.terminals {
        for day in &terminal.days {
            let date = day.date.map_or_else(|| "no date".to_owned(), |date| date.to_string());
            let counts = [grouped(day.records), grouped(day.records - day.missing), grouped(day.missing)];
            let examples = day.examples.iter().map(|example| shown(example, false));
            rows.push([vec!["ledger".to_owned(), date], counts.to_vec(), vec![listed(examples)]].concat());
        }
    }
    for sink in &compared.sinks {
        for day in sink.days.iter().filter(|day| day.missing > 0) {
            let there = day.documents.map_or_else(|| "?".to_owned(), grouped);
            let counts = [grouped(day.expected), there, grouped(day.missing)];
            let examples = day.examples.iter().map(|example| shown(example, true));
            rows.push(
                [vec![sink.name.clone(), day.date.to_string()], counts.to_vec(), vec![listed(examples)]].concat(),
            );
        }
    }
    let header = ["Missing in", "day", "expected", "there", "missing", "such as"];
    (!rows.is_empty()).then(|| human::table(&header, rows))
}

fn shown(example: &Example, with_terminal: bool) -> String {
    let Example { terminal, user_id, local_time, .. } = example;
    let time = local_time.split_once(' ').map_or(local_time.as_str(), |(_, time)| time);
    let user_id = user_id.escape_debug();
    if with_terminal { format!("{user_id} at {time} on {terminal}") } else { format!("{user_id} at {time}") }
}

fn listed(examples: impl Iterator<Item = String>) -> String {
    examples.collect::<Vec<_>>().join(", ")
}

/// The days of old events that a sink does not have.
fn shrunk_days(sink: &SinkReconciliation) -> String {
    let mut days = sink.days.iter().filter(|day| day.shrunk_missing > 0).map(|day| day.date);
    match (days.next(), days.next_back()) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (first, _) => first.map(|day| day.to_string()).unwrap_or_default(),
    }
}

/// The failures, and what else a person should know.
fn failures(compared: &Reconciliation) -> Option<String> {
    let mut lines = Vec::new();
    for terminal in &compared.terminals {
        lines.extend(terminal.error.as_ref().map(|error| format!("{}: {error}", terminal.name)));
    }
    for sink in &compared.sinks {
        lines.extend(sink.error.as_ref().map(|error| format!("{}: {error}", sink.name)));
        if !sink.compared {
            lines.push(format!("{}: not compared, because it cannot tell which events it has", sink.name));
        }
        if sink.imported_missing > 0 {
            let events = counted(sink.imported_missing, "event", "events");
            lines.push(format!(
                "{}: missing there: {events} of the Python tool's cache; replay sends what is missing",
                sink.name
            ));
        }
        if sink.shrunk_missing > 0 {
            let (events, days) = (counted(sink.shrunk_missing, "old event", "old events"), shrunk_days(sink));
            lines
                .push(format!("{}: missing there: {events} ({days}); what has shrunk cannot be sent again", sink.name));
        }
    }
    let wrapped: Vec<String> = lines.iter().map(|line| human::wrap(line)).collect();
    (!lines.is_empty()).then(|| format!("Notes\n{}", wrapped.join("\n")))
}
