//! The state of a service: each terminal and each sink as it is now.
//!
//! Everything that shows the state reads this one snapshot: a server, metrics, a health file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use attendance_model::Reason;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::Ingested;
use crate::clock::Clock;
use crate::ledger;
use crate::observer::{DeviceProgress, Observer, SinkProgress};
use crate::report::{DeviceReport, DeviceStatus, ErrorKind, SinkReport, SinkStatus};

/// With less room than this on a large disk, it is low.
const LOW: u64 = 1 << 30;

/// Steps of progress that are kept for a slow reader.
const KEPT: usize = 1_024;

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
    /// A sink has had what there was.
    Delivered(Arc<SinkReport>),
}

/// The state that the tasks write and everybody reads.
#[derive(Debug)]
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    progress: broadcast::Sender<Progress>,
    started_at: DateTime<Utc>,
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    disk: Option<Disk>,
    terminals: BTreeMap<String, TerminalState>,
    sinks: BTreeMap<String, SinkState>,
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>, observer: Arc<dyn Observer>) -> Self {
        let (progress, _) = broadcast::channel(KEPT);
        let started_at = clock.utc_now();
        Self { clock, observer, progress, started_at, parts: Mutex::default() }
    }

    /// The state now.
    pub(crate) fn status(&self) -> Status {
        let parts = self.parts();
        let (terminals, sinks, disk) = (parts.terminals.clone(), parts.sinks.clone(), parts.disk);
        Status { at: self.clock.utc_now(), started_at: self.started_at, terminals, sinks, disk }
    }

    pub(crate) fn progress(&self) -> broadcast::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The disk was looked at. Returns true if its room was low before.
    pub(crate) fn set_disk(&self, disk: Disk) -> bool {
        self.parts().disk.replace(disk).is_some_and(|before| before.low)
    }

    /// Adds a terminal.
    pub(crate) fn add_terminal(&self, name: &str, address: String) {
        let state = TerminalState {
            address,
            serial: None,
            activity: Activity::Waiting,
            last_poll: None,
            last_success: None,
            last_push: None,
            error: None,
            failures: 0,
            polls: 0,
            failed_polls: 0,
            sessions: 0,
            gaps: 0,
            bytes_read: 0,
            records_read: 0,
            new: 0,
            known: 0,
            quarantined: 0,
            rejected: BTreeMap::new(),
            records: None,
            capacity: None,
            clock_drift_ms: None,
        };
        self.parts().terminals.insert(name.to_owned(), state);
    }

    /// Adds a terminal that is never called.
    pub(crate) fn add_pushing(&self, name: &str, address: String, serial: String) {
        self.add_terminal(name, address);
        self.terminal(name, |terminal| (terminal.activity, terminal.serial) = (Activity::Pushing, Some(serial)));
    }

    /// Adds a sink.
    pub(crate) fn add_sink(&self, name: &str) {
        let state = SinkState {
            last_success: None,
            error: None,
            failures: 0,
            deliveries: 0,
            failed_deliveries: 0,
            requests: 0,
            stored: 0,
            already_stored: 0,
            rejected: 0,
            pending: 0,
            pending_since: None,
            held: 0,
            paused: false,
            served: 0,
        };
        self.parts().sinks.insert(name.to_owned(), state);
    }

    pub(crate) fn remove_terminal(&self, name: &str) {
        self.parts().terminals.remove(name);
    }

    pub(crate) fn remove_sink(&self, name: &str) {
        self.parts().sinks.remove(name);
    }

    /// A terminal rests for so long.
    pub(crate) fn rests(&self, name: &str, now: DateTime<Utc>, wait: Duration) {
        let until = after(now, wait);
        self.terminal(name, |terminal| terminal.activity = Activity::Resting { until });
    }

    /// A terminal is listened to, or is to be, until the next poll in so long.
    pub(crate) fn listens(&self, name: &str, is_heard: bool, wait: Duration) {
        let until = after(self.clock.utc_now(), wait);
        let activity = if is_heard { Activity::Listening { until } } else { Activity::Down { until } };
        self.terminal(name, |terminal| terminal.activity = activity);
    }

    /// A session with a terminal was opened to listen to it, after a gap or for the first time.
    pub(crate) fn connected(&self, name: &str, is_gap: bool) {
        self.terminal(name, |terminal| terminal.gaps += u64::from(is_gap));
        self.device(name, DeviceProgress::Connecting);
    }

    /// A terminal is paused.
    pub(crate) fn pauses(&self, name: &str) {
        self.terminal(name, |terminal| terminal.activity = Activity::Paused);
    }

    /// A sink is paused or resumed.
    pub(crate) fn pauses_sink(&self, name: &str, paused: bool) {
        self.sink_state(name, |sink| sink.paused = paused);
    }

    /// A sink has had the events of so many ledger commits, or has failed.
    pub(crate) fn served(&self, name: &str, commits: u64) {
        self.sink_state(name, |sink| sink.served = commits);
    }

    /// Returns true if each sink that works has had the events of so many commits.
    pub(crate) fn have_served(&self, commits: u64) -> bool {
        self.parts().sinks.values().all(|sink| sink.served >= commits || sink.paused || sink.failures > 0)
    }

    /// Returns true if a terminal is polled, or was not yet.
    pub(crate) fn is_polling(&self) -> bool {
        let busy = |activity| {
            use Activity::{Connecting, Reading, Recording, Waiting};
            matches!(activity, Waiting | Connecting | Reading | Recording)
        };
        self.parts().terminals.values().any(|terminal| busy(terminal.activity))
    }

    /// A poll has ended.
    pub(crate) fn polled(&self, report: &DeviceReport) {
        let now = self.clock.utc_now();
        self.terminal(&report.name, |terminal| {
            terminal.polls += 1;
            terminal.bytes_read += report.bytes_read;
            terminal.records_read += report.records_read;
            terminal.new += report.new;
            terminal.known += report.duplicate;
            terminal.quarantined += report.quarantined;
            for (reason, count) in &report.rejected {
                *terminal.rejected.entry(*reason).or_default() += count;
            }
            terminal.last_poll = Some(now);
            terminal.serial = report.serial.clone().or(terminal.serial.take());
            terminal.records = report.records_on_device.or(terminal.records);
            terminal.capacity = report.record_capacity.or(terminal.capacity);
            terminal.clock_drift_ms = report.clock_drift_ms.or(terminal.clock_drift_ms);
            if report.status == DeviceStatus::Ok {
                (terminal.last_success, terminal.error, terminal.failures) = (Some(now), None, 0);
            } else {
                let before = terminal.error.take();
                terminal.error = Some(Failure::new(report.error_kind, report.error.as_deref(), now, before));
                terminal.failures += 1;
                terminal.failed_polls += 1;
            }
        });
        let _ = self.progress.send(Progress::Polled(Arc::new(report.clone())));
    }

    /// Punches of a terminal came by another way than a poll. Those that are counted are durable, all of them or not.
    pub(crate) fn pushed(&self, serial: &str, ingested: &Ingested, all: bool) {
        let now = self.clock.utc_now();
        let mut parts = self.parts();
        let of = parts.terminals.values_mut().find(|terminal| terminal.serial.as_deref() == Some(serial));
        let Some(terminal) = of else { return };
        terminal.new += ingested.new;
        terminal.known += ingested.known;
        terminal.quarantined += ingested.quarantined;
        for (reason, count) in &ingested.rejected {
            *terminal.rejected.entry(*reason).or_default() += count;
        }
        if all {
            terminal.last_push = Some(now);
        }
    }

    /// A delivery has ended.
    pub(crate) fn delivered(&self, report: &SinkReport) {
        let now = self.clock.utc_now();
        self.sink_state(&report.name, |sink| {
            sink.deliveries += 1;
            sink.requests += report.requests;
            sink.stored += report.stored;
            sink.already_stored += report.already_stored;
            sink.rejected += report.rejected;
            sink.held = report.held;
            sink.set_pending(report.pending, now);
            if report.status == SinkStatus::Failed || report.over_limit {
                let before = sink.error.take();
                sink.error = Some(Failure::new(report.error_kind, report.error.as_deref(), now, before));
                sink.failures += 1;
                sink.failed_deliveries += 1;
            } else {
                (sink.last_success, sink.error, sink.failures) = (Some(now), None, 0);
            }
        });
        let _ = self.progress.send(Progress::Delivered(Arc::new(report.clone())));
    }

    fn terminal(&self, name: &str, change: impl FnOnce(&mut TerminalState)) {
        if let Some(terminal) = self.parts().terminals.get_mut(name) {
            change(terminal);
        }
    }

    fn sink_state(&self, name: &str, change: impl FnOnce(&mut SinkState)) {
        if let Some(sink) = self.parts().sinks.get_mut(name) {
            change(sink);
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // No change to a part can panic half-way.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Board {
    fn device(&self, device: &str, progress: DeviceProgress) {
        self.terminal(device, |terminal| match progress {
            DeviceProgress::Connecting => {
                terminal.activity = Activity::Connecting;
                terminal.sessions += 1;
            }
            DeviceProgress::Reading { .. } => terminal.activity = Activity::Reading,
            DeviceProgress::Recording { .. } => terminal.activity = Activity::Recording,
            DeviceProgress::Finished { .. } => {}
        });
        let _ = self.progress.send(Progress::Device(device.into(), progress));
        self.observer.device(device, progress);
    }

    fn sink(&self, sink: &str, progress: SinkProgress) {
        if let SinkProgress::Delivered { pending, .. } = progress {
            let now = self.clock.utc_now();
            self.sink_state(sink, |sink| sink.set_pending(pending, now));
        }
        let _ = self.progress.send(Progress::Sink(sink.into(), progress));
        self.observer.sink(sink, progress);
    }
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
    fn set_pending(&mut self, pending: u64, now: DateTime<Utc>) {
        self.pending = pending;
        self.pending_since = (pending > 0).then(|| self.pending_since.unwrap_or(now));
    }
}

/// A moment after another one.
fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let until = TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait));
    until.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Failure {
    fn new(kind: Option<ErrorKind>, text: Option<&str>, at: DateTime<Utc>, before: Option<Self>) -> Self {
        let (kind, text) = (kind.unwrap_or(ErrorKind::Internal), text.unwrap_or_default().to_owned());
        Self { kind, text, at, since: before.map_or(at, |before| before.since) }
    }
}
