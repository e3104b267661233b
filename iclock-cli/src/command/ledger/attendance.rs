//! `attendance`: shows punches, of the ledger or of a terminal's log. Works while a service runs.

use attendance_model::{AttendanceEvent, Policy, PunchState, Reason, Rules};
use chrono::{Local, NaiveDateTime, TimeDelta, Utc};
use clap::Args;
use iclock_sync::Bound;
use iclock_sync::query::{Filter, Names, Query};
use iclock_sync::report::DeviceReport;

use super::known::require_terminal;
use crate::config::Config;
use crate::config::duration::When;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::{Ended, ExitCode};
use crate::global::Targets;
use crate::output::sheet::{Cell, Column, Format};
use crate::output::{counted, progress};
use crate::wiring;

/// What is said when there is no punch to show.
const NONE: &str = "no such punch";

/// Events that are read at once.
const PAGE: usize = 1_000;

const COLUMNS: [Column; 16] = [
    Column::new("local_time", "time"),
    Column::new("user_id", "user id"),
    Column::new("name", "name"),
    Column::new("device_name", "terminal"),
    Column::detail("device_serial", "serial number"),
    Column::new("direction", "direction"),
    Column::new("verified_by", "verified by"),
    Column::detail("punch_state", "punch state"),
    Column::detail("verify_mode", "verify mode"),
    Column::detail("work_code", "work code"),
    Column::detail("utc_time", "time (UTC)"),
    Column::detail("zone", "zone"),
    Column::detail("source", "source"),
    Column::new("flags", "flags"),
    Column::detail("clock_drift_ms", "clock drift (ms)"),
    Column::detail("event_id", "event id"),
];

/// Shows punches in the order of their times.
///
/// They are those of the ledger: what a sync has read. With --device, the whole log of that terminal is read instead
/// and proven as in a sync, and nothing is kept. It shows the records that the rules would refuse, too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  iclock-cli attendance --since 1\n  \
                        iclock-cli attendance --person 42 --since 2026-11-01 --until 2026-11-30\n  \
                        iclock-cli attendance --device 192.0.2.10 --xlsx front-gate.xlsx")]
pub(crate) struct Attendance {
    /// Read this terminal, as for sync, and not the ledger; repeats
    #[arg(long, value_name = "SPEC")]
    device: Vec<String>,
    /// Only of the person with this user id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Only of this terminal: its name or serial number
    #[arg(long, value_name = "NAME")]
    terminal: Option<String>,
    /// Only punches since then: days (2), a span (36h), a date, a time
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    since: Option<When>,
    /// Only punches until then; a date is that whole day
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    until: Option<When>,
    #[command(flatten)]
    format: Format,
}

impl Attendance {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        if self.device.is_empty() {
            let config = context.quiet_config()?;
            let query = context.query(&config)?;
            require_terminal(&context.ledger(&config)?, self.terminal.as_deref())?;
            self.show(&query, NONE)?;
            return Ok(ExitCode::Done);
        }
        let mut config = context.config(&Targets { device: self.device.clone(), ..Targets::default() })?;
        config.engine.rules = all_shown();
        config.engine.names = true;
        let engine = wiring::engine(&config, Vec::new(), Some(self.observer(context, &config)), &[])?;
        context.block_on(async |signals| {
            let looked = engine.look(&signals.stop).await;
            progress::clear();
            let (report, query) = looked?;
            if signals.asked().is_some() {
                return Err(CliError::new(ExitCode::Interrupted, "interrupted; nothing was kept"));
            }
            // Of a terminal that was not read nobody knows.
            let all_read = report.devices.iter().all(|device| device.error.is_none());
            self.show(&query, if all_read { NONE } else { "" })?;
            report.devices.iter().for_each(complain);
            Ok(ExitCode::of(&Ended::Run(&report)))
        })
    }

    fn observer(&self, context: &Context, config: &Config) -> std::sync::Arc<dyn iclock_sync::Observer> {
        let names: Vec<String> = config.devices.iter().map(|device| device.name.clone()).collect();
        progress::observer(&names, &[], self.format.is_table() && !context.is_quiet())
    }

    fn show(&self, query: &Query, if_none: &str) -> Result<(), CliError> {
        let filter = self.filter()?;
        let names = query.names()?;
        let mut sheet = self.format.begin("Attendance", &COLUMNS)?;
        let mut after = None;
        loop {
            let page = query.events(&filter, after, PAGE)?;
            for event in &page.events {
                if !sheet.row(row(event, &names))? {
                    return Ok(());
                }
            }
            after = page.next;
            if after.is_none() {
                return sheet.finish(if_none);
            }
        }
    }

    fn filter(&self) -> Result<Filter, CliError> {
        let now = Utc::now();
        let mut filter = Filter::default();
        (filter.user, filter.terminal) = (self.person.clone(), self.terminal.clone());
        filter.from = self.since.map(|since| wall(since.since(now)));
        // Up to the end of the second.
        filter.to = self.until.map(|until| wall(until.until(now)) + TimeDelta::seconds(1));
        match (filter.from, filter.to) {
            (Some(from), Some(to)) if to <= from => {
                Err(CliError::new(ExitCode::Usage, "--until is before --since")
                    .hint("exchange the two, or leave one out"))
            }
            _ => Ok(filter),
        }
    }
}

/// A bound by the terminals' clocks, which are taken to show this computer's time.
fn wall(bound: Bound) -> NaiveDateTime {
    match bound {
        Bound::Wall(time) => time,
        Bound::Instant(moment) => moment.with_timezone(&Local).naive_local(),
    }
}

/// Rules under which every record that has a time is shown, with what is remarkable about it.
fn all_shown() -> Rules {
    Reason::ALL
        .into_iter()
        .filter(|reason| !reason.is_fixed())
        .fold(Rules::default(), |rules, reason| rules.clone().policy(reason, Policy::Flag).unwrap_or(rules))
}

/// Says on stderr why punches of a terminal are missing.
fn complain(device: &DeviceReport) {
    if let Some(error) = &device.error {
        CliError::new(ExitCode::Terminal, format!("{}: {error}", device.name)).print();
    }
    for (reason, count) in &device.rejected {
        eprintln!("{}: {} no place in the list: {reason}", device.name, counted(*count, "record has", "records have"));
    }
}

fn row(event: &AttendanceEvent, names: &Names) -> Vec<Cell> {
    let protocol = event.source.protocol();
    vec![
        Cell::Time(event.local_time),
        Cell::text(&event.user_id),
        Cell::text(names.at(&event.device_serial, &event.user_id).unwrap_or_default()),
        Cell::text(&event.device_name),
        Cell::text(&event.device_serial),
        Cell::text(direction(event.punch_state)),
        Cell::text(event.verify_mode.word(protocol).map_or_else(|| event.verify_mode.0.to_string(), str::to_owned)),
        Cell::Number(event.punch_state.0.into()),
        Cell::Number(event.verify_mode.0.into()),
        Cell::number(event.work_code),
        event.instant.map_or(Cell::Empty, |instant| Cell::text(instant.utc.format("%Y-%m-%dT%H:%M:%SZ").to_string())),
        Cell::text(event.instant.map_or("", |instant| instant.zone.name())),
        Cell::text(event.source.as_str()),
        Cell::text(event.flags_text()),
        Cell::number(event.clock_drift_ms),
        Cell::text(event.id.to_string()),
    ]
}

/// The person's declaration in words; empty if the terminal asked for none.
pub(crate) fn direction(state: PunchState) -> String {
    match state.0 {
        0 => "in".to_owned(),
        1 => "out".to_owned(),
        2 => "break out".to_owned(),
        3 => "break in".to_owned(),
        4 => "overtime in".to_owned(),
        5 => "overtime out".to_owned(),
        255 => String::new(),
        other => other.to_string(),
    }
}
