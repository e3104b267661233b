//! The report of a run. Its JSON is stable: names and words are those of the published schema.

mod add;
mod backfill;
pub(crate) mod hint;
mod kind;

use std::collections::BTreeMap;

use attendance_model::Reason;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::delays::Delays;
pub use backfill::{BackfillReport, GapCause, GapState};
pub use hint::Hint;
use hint::Refused;
pub use kind::ErrorKind;

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The run itself.
    pub run: RunReport,
    /// One for each terminal, in configured order.
    pub devices: Vec<DeviceReport>,
    /// One for each sink, in configured order.
    pub sinks: Vec<SinkReport>,
    /// Gaps of terminals that push, for which they were asked, or which they answered, since the report before. Only a
    /// service has them.
    #[serde(default)]
    pub backfills: Vec<BackfillReport>,
    /// Sums.
    pub totals: Totals,
}

/// The time and the result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunReport {
    /// Sorts by start.
    pub id: String,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// Its end.
    pub finished_at: DateTime<Utc>,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// The process's exit code if this run were its last.
    pub exit_code: u8,
    /// True if it changed nothing anywhere.
    pub dry_run: bool,
}

/// The result at one terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceReport {
    /// The configured name.
    pub name: String,
    /// `HOST:PORT`.
    pub address: String,
    /// The serial number, or `name:NAME`; `None` when it was never reached.
    pub serial: Option<String>,
    /// The result in one word.
    pub status: DeviceStatus,
    /// The way in which the log was read; `None` if it was not.
    pub mode: Option<ReadMode>,
    /// The failure, its cause, and a hint.
    pub error: Option<String>,
    /// The kind of that failure.
    pub error_kind: Option<ErrorKind>,
    /// The log that was kept because it could not be proven.
    pub unproven: Option<KeptLog>,
    /// Records that the terminal says it holds.
    pub records_on_device: Option<u64>,
    /// Records that it can hold.
    pub record_capacity: Option<u64>,
    /// Records read and proven, without the overlap.
    pub records_read: u64,
    /// Bytes of the log that came over the wire.
    pub bytes_read: u64,
    /// Events that entered the ledger.
    pub new: u64,
    /// Records whose key the ledger had, without the overlap.
    pub duplicate: u64,
    /// Events that go out with a flag, by reason.
    pub flagged: BTreeMap<Reason, u64>,
    /// Records refused by validation, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Records that entered the quarantine; those already there are not counted.
    pub quarantined: u64,
    /// Refused records that were counted only, by reason: so many of the terminal wait in the quarantine for that
    /// reason that no more are kept.
    pub counted_only: BTreeMap<Reason, u64>,
    /// Events that left the quarantine because the rules or the reading of records changed since the last run; not
    /// counted as `new`.
    pub released: u64,
    /// The terminal's clock less the true time, in milliseconds.
    pub clock_drift_ms: Option<i64>,
    /// The setting of its clock; `None` if it was left alone.
    pub clock_set: Option<ClockSet>,
    /// Repeated readings of its log before it was proven.
    pub rereads: Rereads,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// Advice for a person.
    pub hints: Vec<Hint>,
    /// Records that rules refused and that are new in the quarantine.
    #[serde(skip)]
    pub(crate) refused: BTreeMap<Reason, Refused>,
    /// Other remarks for a person.
    pub notes: Vec<String>,
}

/// The setting of a terminal's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClockSet {
    /// The terminal's clock less the true time before, in milliseconds; `None` if it showed no time that exists.
    pub before_ms: Option<i64>,
    /// The same after, as it was read back.
    pub after_ms: Option<i64>,
}

/// Repeated readings of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rereads {
    /// Their number.
    pub count: u64,
    /// The reason for each.
    pub reasons: Vec<String>,
}

/// A log that could not be proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptLog {
    /// Its number in the ledger; `None` in a dry run, which keeps nothing.
    pub id: Option<i64>,
    /// The reason why it was refused, in one sentence.
    pub verdict: String,
}

/// The result at a terminal, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceStatus {
    /// Read.
    Ok,
    /// Not read.
    Failed,
    /// Read, but not proven. The whole log was kept.
    Unproven,
}

/// The way in which a terminal's log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadMode {
    /// From the first record.
    Full,
    /// From the known end.
    Tail,
    /// There was nothing new to read.
    Unchanged,
}

impl ReadMode {
    /// The word in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tail => "tail",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The result at one sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SinkReport {
    /// The configured name.
    pub name: String,
    /// The result in one word.
    pub status: SinkStatus,
    /// Events that it has now and did not have before.
    pub stored: u64,
    /// Events that it had before.
    pub already_stored: u64,
    /// Events whose document is that of an earlier event.
    pub merged: u64,
    /// Events that it will never take.
    pub rejected: u64,
    /// Events that still have to go out; in a dry run, those that would.
    pub pending: u64,
    /// Events outside the window.
    pub held: u64,
    /// Calls to write, and its probe.
    pub requests: u64,
    /// The failure, its cause, and a hint.
    pub error: Option<String>,
    /// The kind of that failure.
    pub error_kind: Option<ErrorKind>,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// True if the safety limit kept events back; for the exit code and the human report.
    #[serde(skip)]
    pub over_limit: bool,
    /// The time from the punch of each event that was stored; for the metrics.
    #[serde(skip)]
    pub(crate) delays: Delays,
    /// None of what was delivered to it is there any more: it has to be sent again
    /// ([`Ledger::replay`](crate::Ledger::replay)).
    pub lost: bool,
    /// Other remarks for a person.
    pub notes: Vec<String>,
}

/// The result at a sink, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkStatus {
    /// Something was written.
    Ok,
    /// It failed or refused events.
    Failed,
    /// It was not called.
    Idle,
}

/// Sums over terminals and sinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Records read and proven.
    pub records_read: u64,
    /// Events that entered the ledger.
    pub new: u64,
    /// Events stored, over all sinks.
    pub stored: u64,
    /// Events that still have to go out, over all sinks.
    pub pending: u64,
    /// Records that entered the quarantine.
    pub quarantined: u64,
    /// Events that left the quarantine, also of terminals that are no longer configured.
    pub released: u64,
}

impl Report {
    /// A report of these parts. The totals are the sums.
    #[must_use]
    pub fn new(run: RunReport, devices: Vec<DeviceReport>, sinks: Vec<SinkReport>) -> Self {
        Self { run, totals: Totals::of(&devices, &sinks), devices, sinks, backfills: Vec::new() }
    }
}

impl RunReport {
    /// A run that began at this time. Nothing else is known of it yet.
    #[must_use]
    pub fn new(id: impl Into<String>, started_at: DateTime<Utc>) -> Self {
        Self { id: id.into(), started_at, finished_at: started_at, duration_ms: 0, exit_code: 0, dry_run: false }
    }
}

impl KeptLog {
    /// A log that was kept under a number, or refused in a dry run.
    #[must_use]
    pub fn new(id: Option<i64>, verdict: impl Into<String>) -> Self {
        Self { id, verdict: verdict.into() }
    }
}

impl DeviceReport {
    /// The report of a terminal about which nothing is known yet.
    #[must_use]
    pub fn new(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: address.into(),
            serial: None,
            status: DeviceStatus::Ok,
            mode: None,
            error: None,
            error_kind: None,
            unproven: None,
            records_on_device: None,
            record_capacity: None,
            records_read: 0,
            bytes_read: 0,
            new: 0,
            duplicate: 0,
            flagged: BTreeMap::new(),
            rejected: BTreeMap::new(),
            quarantined: 0,
            counted_only: BTreeMap::new(),
            released: 0,
            clock_drift_ms: None,
            clock_set: None,
            rereads: Rereads::default(),
            duration_ms: 0,
            hints: Vec::new(),
            refused: BTreeMap::new(),
            notes: Vec::new(),
        }
    }
}

impl Rereads {
    /// Counts one more, with its reason.
    pub fn add(&mut self, reason: impl Into<String>) {
        self.count += 1;
        self.reasons.push(reason.into());
    }
}

impl SinkReport {
    /// The report of a sink that was not called.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            status: SinkStatus::Idle,
            stored: 0,
            already_stored: 0,
            merged: 0,
            rejected: 0,
            pending: 0,
            held: 0,
            requests: 0,
            error: None,
            error_kind: None,
            duration_ms: 0,
            over_limit: false,
            delays: Delays::default(),
            lost: false,
            notes: Vec::new(),
        }
    }
}

impl Totals {
    /// Adds up the reports of terminals and sinks.
    #[must_use]
    pub fn of(devices: &[DeviceReport], sinks: &[SinkReport]) -> Self {
        Self {
            records_read: devices.iter().map(|device| device.records_read).sum(),
            new: devices.iter().map(|device| device.new).sum(),
            stored: sinks.iter().map(|sink| sink.stored).sum(),
            pending: sinks.iter().map(|sink| sink.pending).sum(),
            quarantined: devices.iter().map(|device| device.quarantined).sum(),
            released: devices.iter().map(|device| device.released).sum(),
        }
    }
}

/// Returns the exit code for a run's results: the first of 30 (a sink failed), 20 (a terminal failed), 40 (a transfer
/// was not proven), 50 (stopped at the safety limit); else 0.
#[must_use]
pub fn exit_code(devices: &[DeviceReport], sinks: &[SinkReport]) -> u8 {
    let device = |status| devices.iter().any(|device| device.status == status);
    if sinks.iter().any(|sink| sink.status == SinkStatus::Failed) {
        30
    } else if device(DeviceStatus::Failed) {
        20
    } else if device(DeviceStatus::Unproven) {
        40
    } else if sinks.iter().any(|sink| sink.over_limit) {
        50
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(status: DeviceStatus) -> DeviceReport {
        DeviceReport { status, ..DeviceReport::new("gate", "192.0.2.10:4370") }
    }

    #[test]
    fn a_failed_sink_comes_before_a_failed_terminal_before_an_unproven_one() {
        let failed_sink = SinkReport { status: SinkStatus::Failed, ..SinkReport::new("db") };
        let limited = SinkReport { over_limit: true, ..SinkReport::new("db") };
        let devices = [device(DeviceStatus::Unproven), device(DeviceStatus::Failed)];
        assert_eq!(exit_code(&devices, &[limited.clone(), failed_sink]), 30);
        assert_eq!(exit_code(&devices, std::slice::from_ref(&limited)), 20);
        assert_eq!(exit_code(&devices[..1], std::slice::from_ref(&limited)), 40);
        assert_eq!(exit_code(&[device(DeviceStatus::Ok)], &[limited]), 50);
        assert_eq!(exit_code(&[device(DeviceStatus::Ok)], &[SinkReport::new("db")]), 0);
    }

    #[test]
    fn the_json_has_the_published_names_and_no_others() {
        let mut gate = device(DeviceStatus::Ok);
        gate.mode = Some(ReadMode::Tail);
        gate.rejected.insert(Reason::EmptyUserId, 2);
        gate.notes.push("3 stray bytes".to_owned());
        gate.rereads.add("misaligned");
        let value = serde_json::to_value(&gate).unwrap();
        let names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "name",
            "address",
            "serial",
            "status",
            "mode",
            "error",
            "error_kind",
            "unproven",
            "records_on_device",
            "record_capacity",
            "records_read",
            "bytes_read",
            "new",
            "duplicate",
            "flagged",
            "rejected",
            "quarantined",
            "counted_only",
            "released",
            "clock_drift_ms",
            "clock_set",
            "rereads",
            "duration_ms",
            "hints",
            "notes",
        ];
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(value["mode"], "tail");
        assert_eq!(value["notes"][0], "3 stray bytes");
        assert_eq!((&value["rereads"]["count"], &value["rereads"]["reasons"][0]), (&1.into(), &"misaligned".into()));
        assert_eq!(value["rejected"]["empty_user_id"], 2);
    }
}
