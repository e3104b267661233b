//! The lines of `sync --loop` and `--live`: a dated one for each poll and each punch, as they come.

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attendance_model::AttendanceEvent;
use chrono::{DateTime, Local, Utc};
use iclock_sync::query::{Names, Query};
use iclock_sync::report::{DeviceReport, DeviceStatus, ErrorKind, SinkReport, SinkStatus};
use iclock_sync::service::Progress;
use iclock_sync::service::status::Activity;
use iclock_sync::{Ingested, LedgerError, Report};

use crate::command::ledger::attendance::direction;
use crate::output::human::{self, Remarks};
use crate::output::punch::{self, Columns};
use crate::output::{self, counted, grouped};

/// The most punches of one poll that have a line each. A log that is read for the first time has thousands.
const LISTED: u64 = 20;
/// The hints that are remembered, so that each is printed once.
const REMEMBERED: usize = 1_000;
/// The columns of a date and of the spaces after it.
const DATE: u16 = 21;

/// Prints what a service does, a line for each poll and each punch.
#[derive(Debug)]
pub(crate) struct Diary {
    state_dir: PathBuf,
    quiet: bool,
    columns: Columns,
    /// The number of the last event before the service began.
    begin: i64,
    query: Option<Query>,
    /// The last event of each terminal that was printed or passed over, by serial number.
    seen: HashMap<String, i64>,
    /// Polls whose terminals do not wait for the next one yet.
    polled: HashMap<String, Arc<DeviceReport>>,
    /// The hints that were printed.
    hints: HashSet<Vec<String>>,
    /// The errors of the sinks that fail.
    failing: HashMap<String, String>,
}

impl Diary {
    /// For a service with these terminals, that has not begun yet. Only failures are printed if `quiet` is set.
    ///
    /// # Errors
    /// [`LedgerError`] when there is a ledger that cannot be read.
    pub(crate) fn before<'a>(
        state_dir: &Path,
        terminals: impl Iterator<Item = &'a str>,
        quiet: bool,
    ) -> Result<Self, LedgerError> {
        let earlier = Query::open(state_dir)?;
        Ok(Self {
            state_dir: state_dir.to_owned(),
            quiet,
            columns: Columns::of(terminals),
            begin: earlier.map_or(Ok(0), |query| query.last_entered())?,
            query: None,
            seen: HashMap::new(),
            polled: HashMap::new(),
            hints: HashSet::new(),
            failing: HashMap::new(),
        })
    }

    /// Prints a poll once its terminal waits for the next one.
    pub(crate) fn hear(&mut self, progress: Progress) {
        match progress {
            Progress::Polled(report) => {
                if let Some(earlier) = self.polled.insert(report.name.clone(), report) {
                    self.poll(&earlier, None);
                }
            }
            Progress::Waits(name, activity) => {
                if let Some(report) = self.polled.remove(&*name) {
                    self.poll(&report, Some(activity));
                }
            }
            Progress::Pushed(serial, name, ingested) => self.pushed(&serial, &name, &ingested),
            _ => {}
        }
    }

    /// Prints what a terminal has pushed.
    fn pushed(&mut self, serial: &str, name: &str, ingested: &Ingested) {
        if self.quiet {
            return;
        }
        if let Err(error) = self.punches(Some(serial), ingested.new) {
            tracing::warn!("the punches of {name} cannot be shown: {error}");
        }
        if ingested.new > LISTED {
            self.say(name, &format!("pushed {}", counted(ingested.new, "new punch", "new punches")));
        }
        if ingested.quarantined > 0 {
            let records = counted(ingested.quarantined, "record", "records");
            self.say(name, &format!("pushed {records} that went to the quarantine: iclock-cli quarantine list"));
        }
    }

    /// Prints the polls after which no other one comes.
    pub(crate) fn end(&mut self) {
        for report in std::mem::take(&mut self.polled).into_values() {
            self.poll(&report, None);
        }
    }

    /// Prints what a report says beside the results of its polls: sinks that fail or work again, refused records and
    /// hints.
    pub(crate) fn remark(&mut self, report: &Report) {
        report.sinks.iter().for_each(|sink| self.sink(sink));
        let Remarks { each_time, once } = human::remarks(report);
        if self.hints.len() > REMEMBERED {
            self.hints.clear();
        }
        let new = once.into_iter().filter(|hint| self.hints.insert(hint.clone())).flatten();
        let lines: Vec<String> = each_time.into_iter().chain(new).collect();
        if !self.quiet && !lines.is_empty() {
            output::line(human::indented(&lines));
        }
    }

    /// Prints the results of a dry run, and when the next one is due.
    pub(crate) fn rehearsed(&mut self, report: &Report, next: Option<DateTime<Utc>>) {
        for device in &report.devices {
            self.poll(device, None);
        }
        for sink in report.sinks.iter().filter(|_| !self.quiet) {
            self.say(&sink.name, &format!("{} would be sent", counted(sink.pending, "event", "events")));
        }
        self.remark(report);
        if let Some(next) = next.filter(|_| !self.quiet) {
            output::line(format_args!("{}  next dry run {}", now(), clock(next)));
        }
    }

    fn poll(&mut self, report: &DeviceReport, next: Option<Activity>) {
        // The person who stopped it knows.
        if report.error_kind == Some(ErrorKind::Stopped) || (self.quiet && report.status == DeviceStatus::Ok) {
            return;
        }
        if let Err(error) = self.punches(report.serial.as_deref(), report.new) {
            tracing::warn!("the punches of {} cannot be shown: {error}", report.name);
        }
        self.say(&report.name, &format!("{}{}", human::outcome(report), next.map(waits).unwrap_or_default()));
    }

    /// Prints the new punches of a terminal, if they are not too many.
    fn punches(&mut self, serial: Option<&str>, new: u64) -> Result<(), LedgerError> {
        let Some(serial) = serial.filter(|_| new > 0) else { return Ok(()) };
        if self.query.is_none() {
            self.query = Query::open(&self.state_dir)?;
        }
        let Some(query) = &self.query else { return Ok(()) };
        if new > LISTED {
            self.seen.insert(serial.to_owned(), query.last_entered()?);
            return Ok(());
        }
        let after = self.seen.get(serial).copied().unwrap_or(self.begin);
        let most = usize::try_from(new).unwrap_or(usize::MAX);
        let entered = query.entered(serial, after, most)?;
        let Some((last, _)) = entered.last() else { return Ok(()) };
        self.seen.insert(serial.to_owned(), *last);
        let names = query.names()?;
        for (_, event) in &entered {
            output::line(line(self.columns, event, &names));
        }
        Ok(())
    }

    fn sink(&mut self, sink: &SinkReport) {
        let error = sink.error.as_ref().filter(|_| sink.status == SinkStatus::Failed || sink.over_limit);
        if let Some(error) = error {
            if self.failing.insert(sink.name.clone(), error.clone()).as_ref() != Some(error) {
                let word = if sink.over_limit { "STOPPED" } else { "FAILED" };
                self.say(&sink.name, &format!("{word}, {} pending: {error}", grouped(sink.pending)));
            }
            return;
        }
        let recovered = self.failing.remove(&sink.name).is_some();
        // A punch is stored within moments; only a sink that was behind says so.
        if recovered || (!self.quiet && sink.stored > LISTED) {
            let again = if recovered { "works again: " } else { "" };
            self.say(&sink.name, &format!("{again}{} stored, {} pending", grouped(sink.stored), grouped(sink.pending)));
        }
    }

    /// Prints a dated line about a terminal or a sink. On a screen it is folded; a pipe has it whole.
    fn say(&self, name: &str, text: &str) {
        let (text, rest) = text.split_once('\n').unwrap_or((text, ""));
        let text = format!("{}  {text}", self.columns.terminal(name));
        let text = if std::io::stdout().is_terminal() { human::folded(&text, DATE) } else { text };
        output::line(format_args!("{}  {text}", now()));
        rest.lines().for_each(|line| output::line(format_args!("    {line}")));
    }
}

/// The line of a punch that entered the ledger.
fn line(columns: Columns, event: &AttendanceEvent, names: &Names) -> String {
    let how = event.verify_mode.word(event.source.protocol());
    columns.punch(punch::Line {
        time: &event.local_time.format("%Y-%m-%d %H:%M:%S").to_string(),
        terminal: &event.device_name,
        id: &event.user_id,
        name: names.at(&event.device_serial, &event.user_id).unwrap_or_default(),
        direction: &direction(event.punch_state),
        verified_by: &how.map_or_else(|| event.verify_mode.0.to_string(), str::to_owned),
    })
}

/// The end of a poll's line: when the next one is due.
fn waits(activity: Activity) -> String {
    match activity {
        Activity::Resting { until } => format!("; next poll {}", clock(until)),
        Activity::Listening { until } => format!("; listening, next poll {}", clock(until)),
        Activity::Down { until } => format!("; trying to listen, next poll {}", clock(until)),
        _ => String::new(),
    }
}

fn now() -> String {
    Local::now().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A moment by this computer's clock; with its date if that is not today's.
fn clock(moment: DateTime<Utc>) -> String {
    let moment = moment.with_timezone(&Local);
    let is_today = moment.date_naive() == Local::now().date_naive();
    moment.format(if is_today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}
