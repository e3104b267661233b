//! What is bad at one moment, as the state of a service has it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::health::{Health, Problem};
use crate::service::status::TerminalState;

/// A clock that is off by more than this needs attention.
pub const DRIFT: TimeDelta = TimeDelta::minutes(2);
/// A terminal whose log is fuller than this share needs attention, in percent.
pub const FULL: u64 = 90;

/// A log is no longer nearly full below so many percent less than the limit.
const LESS: u64 = 5;
/// The time over which the quarantine has to grow.
const OVER: TimeDelta = TimeDelta::hours(1);

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A terminal cannot be read, or does not call.
    Terminal,
    /// A sink takes nothing.
    Sink,
    /// Many records of a terminal were refused within an hour.
    Quarantine,
    /// A terminal's clock is off.
    Clock,
    /// A terminal's log is nearly full.
    Log,
    /// The disk of the state directory is nearly full.
    Disk,
}

/// A condition of one terminal or sink, by its configured name; that of the disk has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subject {
    /// What it is about.
    pub kind: Kind,
    /// The terminal or sink.
    pub name: String,
}

/// The limits beyond which something is bad. [`Limits::default`] makes them; the fields can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The time for which a terminal or a sink may fail. 15 minutes by default.
    pub after: Duration,
    /// The deviation of a clock. [`DRIFT`] by default.
    pub drift: TimeDelta,
    /// The share of a log that may be full, in percent. [`FULL`] by default.
    pub full: u64,
    /// The records of a terminal that may be refused within an hour. 10 by default.
    pub refused: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { after: Duration::from_secs(900), drift: DRIFT, full: FULL, refused: 10 }
    }
}

/// How bad something is. What is between begins nothing and ends nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Bad(String),
    Between,
}

/// The growth of the quarantine of each terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Growth(BTreeMap<String, Hour>);

/// An hour of one terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hour {
    began: DateTime<Utc>,
    /// The count at its beginning.
    count: u64,
    /// The growth in the hour before.
    before: u64,
}

/// Returns what is not good. What is missing is.
pub(super) fn found(
    health: &Health,
    limits: &Limits,
    growth: &mut Growth,
    now: DateTime<Utc>,
) -> BTreeMap<Subject, Level> {
    let mut found = BTreeMap::new();
    for (grace, is_bad) in [(Duration::ZERO, false), (limits.after, true)] {
        for problem in health.problems(now, grace) {
            let (kind, name, error) = match problem {
                Problem::Terminal { name, error } => (Kind::Terminal, name, error),
                Problem::Sink { name, error } => (Kind::Sink, name, error),
                _ => continue,
            };
            found.insert(Subject { kind, name }, if is_bad { Level::Bad(error) } else { Level::Between });
        }
    }
    growth.0.retain(|name, _| health.status.terminals.contains_key(name));
    for (name, terminal) in &health.status.terminals {
        let levels = [
            (Kind::Quarantine, growth.level(name, terminal.quarantined, limits.refused, now)),
            (Kind::Clock, clock(terminal, limits.drift)),
            (Kind::Log, log(terminal, limits.full)),
        ];
        let of = |kind| Subject { kind, name: name.clone() };
        found.extend(levels.into_iter().filter_map(|(kind, level)| Some((of(kind), level?))));
    }
    if let Some(disk) = health.status.disk.filter(|disk| disk.low) {
        let text = format!("only {} MiB are free; once it is full, nothing new is read", disk.free >> 20);
        found.insert(Subject { kind: Kind::Disk, name: String::new() }, Level::Bad(text));
    }
    found
}

fn clock(terminal: &TerminalState, limit: TimeDelta) -> Option<Level> {
    let drift = TimeDelta::milliseconds(terminal.clock_drift_ms?);
    if drift.abs() > limit {
        let side = if drift > TimeDelta::zero() { "ahead" } else { "behind" };
        return Some(Level::Bad(format!("its clock is {} s {side}; set it", drift.num_seconds().abs())));
    }
    (drift.abs() > limit / 2).then_some(Level::Between)
}

fn log(terminal: &TerminalState, limit: u64) -> Option<Level> {
    let (records, capacity) = terminal.records.zip(terminal.capacity).filter(|(_, capacity)| *capacity > 0)?;
    let share = records.saturating_mul(100) / capacity;
    if share >= limit {
        let text = format!("its log is nearly full, {records} of {capacity}; empty it once all is kept");
        return Some(Level::Bad(text));
    }
    (share + LESS > limit).then_some(Level::Between)
}

impl Growth {
    fn level(&mut self, name: &str, count: u64, limit: u64, now: DateTime<Utc>) -> Option<Level> {
        let start = Hour { began: now, count, before: 0 };
        let hour = self.0.entry(name.to_owned()).or_insert(start);
        if count < hour.count {
            // The service counts from its start.
            hour.count = 0;
        }
        let grown = count - hour.count;
        let before = hour.before;
        // A clock that was set back ends the hour, too.
        if (now - hour.began).abs() >= OVER {
            *hour = Hour { before: grown, ..start };
        }
        if grown >= limit {
            let what = if grown == 1 { "record was" } else { "records were" };
            return Some(Level::Bad(format!("{grown} {what} refused within an hour; look at the quarantine")));
        }
        (grown.max(before) > limit / 2).then_some(Level::Between)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::Resources;
    use crate::observer::Silent;
    use crate::report::{DeviceReport, DeviceStatus, ErrorKind, SinkReport, SinkStatus};
    use crate::service::status::Disk;
    use crate::tasks::Board;

    const EVERY: Duration = Duration::from_secs(10);

    /// The health of a service whose terminal fails, or is read, with a sink that fails or not.
    fn health(terminal_fails: bool, sink_fails: bool) -> Health {
        let board = Board::new(Arc::new(SystemClock::new()), Arc::new(Silent));
        board.add_terminal("gate", "192.0.2.10:4370".to_owned());
        board.add_sink("db");
        let mut report = DeviceReport::new("gate", "192.0.2.10:4370");
        let mut delivered = SinkReport::new("db");
        if terminal_fails {
            report.status = DeviceStatus::Failed;
            (report.error_kind, report.error) = (Some(ErrorKind::TimedOut), Some("no answer".to_owned()));
        }
        if sink_fails {
            delivered.status = SinkStatus::Failed;
            (delivered.error_kind, delivered.error) = (Some(ErrorKind::TimedOut), Some("refuses".to_owned()));
        }
        board.polled(&report);
        board.delivered(&delivered);
        Health::of(board.status(), Resources::default(), "1.2.3", EVERY)
    }

    /// The subjects so many seconds later, and if each is bad.
    fn after(mut health: Health, seconds: i64) -> Vec<(Kind, bool)> {
        let now = health.status.at + TimeDelta::seconds(seconds);
        // The service goes on.
        health.status.at = now;
        let found = found(&health, &Limits::default(), &mut Growth::default(), now);
        found.into_iter().map(|(subject, level)| (subject.kind, level != Level::Between)).collect()
    }

    #[test]
    fn a_failure_is_bad_once_it_has_lasted_and_is_not_good_before() {
        assert_eq!(after(health(false, false), 2_000), []);
        assert_eq!(after(health(true, false), 60), [(Kind::Terminal, false)]);
        let both = [(Kind::Terminal, true), (Kind::Sink, true)];
        assert_eq!(after(health(true, true), 901), both);
    }

    #[test]
    fn clock_and_log_and_disk_are_bad_beyond_their_limits_and_good_well_below() {
        let with = |drift: i64, records: u64| {
            let mut health = health(false, false);
            let gate = health.status.terminals.get_mut("gate").unwrap();
            (gate.clock_drift_ms, gate.records, gate.capacity) = (Some(drift), Some(records), Some(1_000));
            after(health, 0)
        };
        assert_eq!(with(60_000, 850), []);
        assert_eq!(with(-60_001, 860), [(Kind::Clock, false), (Kind::Log, false)]);
        assert_eq!(with(120_000, 899), [(Kind::Clock, false), (Kind::Log, false)]);
        assert_eq!(with(-120_001, 900), [(Kind::Clock, true), (Kind::Log, true)]);
        let mut full = health(false, false);
        full.status.disk = Some(Disk { low: true, ..Disk::default() });
        assert_eq!(after(full.clone(), 0), [(Kind::Disk, true)]);
        full.status.disk = Some(Disk::default());
        assert_eq!(after(full, 0), []);
    }

    #[test]
    fn a_quarantine_is_bad_if_it_grows_within_an_hour_and_not_because_it_is_large() {
        let at = |minute: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let mut growth = Growth::default();
        let mut level = |minute, count| match growth.level("gate", count, 10, at(minute)) {
            Some(Level::Bad(text)) => text.split(' ').next().unwrap().to_owned(),
            Some(Level::Between) => "between".to_owned(),
            None => "good".to_owned(),
        };
        assert_eq!([level(0, 5_000), level(1, 5_005), level(2, 5_006)], ["good", "good", "between"]);
        assert_eq!([level(30, 5_009), level(40, 5_010)], ["between", "10"]);
        // The hour ends while it is bad, and the next one does not count it as over at once.
        assert_eq!([level(60, 5_010), level(61, 5_010), level(119, 5_010)], ["10", "between", "between"]);
        assert_eq!([level(121, 5_010), level(122, 5_010)], ["between", "good"]);
        // The service starts again, and counts from 0.
        assert_eq!([level(123, 0), level(124, 9), level(125, 10)], ["good", "between", "10"]);
    }
}
