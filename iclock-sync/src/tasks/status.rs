//! The state of a service: each terminal and each sink as it is now.
//!
//! Everything that shows the state reads this one snapshot: a server, metrics, a health file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use attendance_model::Reason;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Ingested;
pub use crate::delays::Delays;
use crate::ledger;
use crate::observer::{DeviceProgress, SinkProgress};
use crate::report::{DeviceReport, ErrorKind, SinkReport};

/// With less room than this on a large disk, it is low.
const LOW: u64 = 1 << 30;

/// The state of a service at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The moment.
    pub at: DateTime<Utc>,
    /// The start of the service.
    pub started_at: DateTime<Utc>,
    /// The terminals by their configured names.
    pub terminals: BTreeMap<String, TerminalState>,
    /// The sinks by their configured names.
    pub sinks: BTreeMap<String, SinkState>,
    /// The disk of the state directory, once it was looked at.
    #[serde(default)]
    pub disk: Option<Disk>,
    /// What terminals have pushed.
    #[serde(default)]
    pub pushed: Pushed,
}

/// What terminals have pushed since the start, and what they were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pushed {
    /// Uploads that were acknowledged, by their table as terminals write it. Those of unknown tables are `other`.
    pub uploads: BTreeMap<String, u64>,
    /// The lines in them. Good, known and bad ones count.
    pub lines: BTreeMap<String, u64>,
    /// Requests that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// The room on the disk of the state directory, as of the last look at it, a minute ago at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Disk {
    /// Bytes that are free.
    pub free: u64,
    /// Less than a tenth of the disk is free, and less than 1 GiB.
    pub low: bool,
    /// Bytes of the ledger's file.
    pub ledger: u64,
    /// Bytes of its write-ahead log.
    pub log: u64,
}

/// The state of one terminal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TerminalState {
    /// `HOST:PORT`.
    pub address: String,
    /// The serial number, or `name:NAME`, once it was reached.
    pub serial: Option<String>,
    /// Its present activity.
    pub activity: Activity,
    /// The end of its last poll.
    pub last_poll: Option<DateTime<Utc>>,
    /// The end of its last poll that went well.
    pub last_success: Option<DateTime<Utc>>,
    /// The last time at which punches of it came by another way than a poll.
    #[serde(default)]
    pub last_push: Option<DateTime<Utc>>,
    /// The last time at which it called a receiver of this program; before its first call, the time since which one
    /// waits for it. Only of terminals that are never called.
    #[serde(default)]
    pub last_call: Option<DateTime<Utc>>,
    /// The last gap for whose punches a terminal that pushes was asked.
    #[serde(default)]
    pub backfill: Option<Backfill>,
    /// The last failure, if nothing has gone well since.
    pub error: Option<Failure>,
    /// Polls in a row that failed.
    pub failures: u64,
    /// Polls that have ended.
    pub polls: u64,
    /// Polls that failed.
    pub failed_polls: u64,
    /// Sessions that were opened.
    pub sessions: u64,
    /// Bytes of its log that came over the wire.
    pub bytes_read: u64,
    /// Records read and proven.
    pub records_read: u64,
    /// Times at which it could not be heard for a while, although it is listened to. It was polled after each.
    pub gaps: u64,
    /// Events that entered the ledger.
    pub new: u64,
    /// Records that the ledger had.
    pub known: u64,
    /// Records that entered the quarantine.
    pub quarantined: u64,
    /// Records refused by validation, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Records that it holds.
    pub records: Option<u64>,
    /// Records that it can hold.
    pub capacity: Option<u64>,
    /// Its clock less the true time, in milliseconds.
    pub clock_drift_ms: Option<i64>,
}

/// A span of time whose punches a terminal that pushes may not send by itself, so that it was asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backfill {
    /// Its beginning.
    pub since: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// The time of the answer. The punches come before it, or soon after.
    pub answered_at: Option<DateTime<Utc>>,
    /// The terminal is not asked any more after this time.
    pub asked_until: DateTime<Utc>,
}

/// The present activity at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// It was not polled yet.
    Waiting,
    /// A connection is being made.
    Connecting,
    /// Its log is being read.
    Reading,
    /// Its records enter the ledger.
    Recording,
    /// Nothing until the next poll.
    Resting {
        /// The next poll.
        until: DateTime<Utc>,
    },
    /// It is listened to: a punch is read at once.
    Listening {
        /// The next poll without a punch.
        until: DateTime<Utc>,
    },
    /// It is to be listened to, and cannot be reached. Attempts go on all the time.
    Down {
        /// The next poll.
        until: DateTime<Utc>,
    },
    /// A person has paused it.
    Paused,
    /// It is never called: its punches come when it pushes them.
    Pushing,
}

/// The state of one sink.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SinkState {
    /// The end of its last delivery that went well.
    pub last_success: Option<DateTime<Utc>>,
    /// The last failure, if nothing has gone well since.
    pub error: Option<Failure>,
    /// Deliveries in a row that failed.
    pub failures: u64,
    /// Deliveries that have ended.
    pub deliveries: u64,
    /// Deliveries that failed.
    pub failed_deliveries: u64,
    /// Calls to write, and probes.
    pub requests: u64,
    /// Events that it has now and did not have before.
    pub stored: u64,
    /// Events that it had before.
    pub already_stored: u64,
    /// Events that it will never take.
    pub rejected: u64,
    /// Events that still have to go out.
    pub pending: u64,
    /// The time since which events have had to go out; `None` if none has to.
    pub pending_since: Option<DateTime<Utc>>,
    /// Events outside the window.
    pub held: u64,
    /// True if a person has paused it.
    pub paused: bool,
    /// The time from the punch of each event that it did not have before. Only in the process itself.
    #[serde(skip)]
    pub delays: Delays,
    /// Ledger commits of which it has had the events.
    #[serde(skip)]
    pub(crate) served: u64,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// Its kind.
    pub kind: ErrorKind,
    /// The failure, its cause, and a hint.
    pub text: String,
    /// The time.
    pub at: DateTime<Utc>,
    /// The time of the first of the failures in a row.
    pub since: DateTime<Utc>,
}

/// A step of progress.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// Progress at a terminal, by its configured name.
    Device(Arc<str>, DeviceProgress),
    /// Progress at a sink, by its configured name.
    Sink(Arc<str>, SinkProgress),
    /// A poll has ended.
    Polled(Arc<DeviceReport>),
    /// A terminal, by its configured name, waits for its next poll: it rests, is listened to, or is down.
    Waits(Arc<str>, Activity),
    /// Punches came another way than by a poll: the terminal's serial number and name, and what became of them.
    Pushed(Arc<str>, Arc<str>, Arc<Ingested>),
    /// A sink has had what there was.
    Delivered(Arc<SinkReport>),
}

impl Disk {
    /// Looks at the disk of a state directory.
    pub(crate) fn of(state_dir: &Path) -> io::Result<Self> {
        let (free, all) = (fs4::available_space(state_dir)?, fs4::total_space(state_dir)?);
        let size = |end: &str| fs::metadata(ledger::file(state_dir, end)).map_or(0, |file| file.len());
        Ok(Self { free, low: free < (all / 10).min(LOW), ledger: size(""), log: size("-wal") })
    }
}

impl SinkState {
    pub(super) fn set_pending(&mut self, pending: u64, now: DateTime<Utc>) {
        self.pending = pending;
        self.pending_since = (pending > 0).then(|| self.pending_since.unwrap_or(now));
    }
}

impl Failure {
    pub(super) fn new(kind: Option<ErrorKind>, text: Option<&str>, at: DateTime<Utc>, before: Option<Self>) -> Self {
        let (kind, text) = (kind.unwrap_or(ErrorKind::Internal), text.unwrap_or_default().to_owned());
        Self { kind, text, at, since: before.map_or(at, |before| before.since) }
    }
}
