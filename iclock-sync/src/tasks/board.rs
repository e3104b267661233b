//! The board: the tasks write on it what they do, and [`Status`] is what it shows at one moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, broadcast};

#[cfg(feature = "push")]
use super::backfills::Backfills;
use super::status::{Activity, Delays, Disk, Failure, Progress, Pushed, SinkState, Status, TerminalState};
use crate::Ingested;
use crate::clock::Clock;
#[cfg(feature = "push")]
use crate::ledger::PushGap;
use crate::observer::{DeviceProgress, Observer, SinkProgress};
use crate::report::{BackfillReport, DeviceReport, DeviceStatus, SinkReport, SinkStatus};

/// Steps of progress that are kept for a slow reader.
const KEPT: usize = 1_024;

/// The state that the tasks write and everybody reads.
#[derive(Debug)]
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    progress: broadcast::Sender<Progress>,
    /// There may be news of gaps.
    asked: Notify,
    started_at: DateTime<Utc>,
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    disk: Option<Disk>,
    terminals: BTreeMap<String, TerminalState>,
    sinks: BTreeMap<String, SinkState>,
    pushed: Pushed,
    /// The gaps of terminals that push.
    #[cfg(feature = "push")]
    backfills: Backfills,
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>, observer: Arc<dyn Observer>) -> Self {
        let (progress, _) = broadcast::channel(KEPT);
        let started_at = clock.utc_now();
        Self { clock, observer, progress, asked: Notify::new(), started_at, parts: Mutex::default() }
    }

    /// The state now.
    pub(crate) fn status(&self) -> Status {
        let parts = self.parts();
        let (terminals, sinks, disk) = (parts.terminals(), parts.sinks.clone(), parts.disk);
        let (at, pushed) = (self.clock.utc_now(), parts.pushed.clone());
        Status { at, started_at: self.started_at, terminals, sinks, disk, pushed }
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
            last_call: None,
            backfill: None,
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

    /// A terminal that pushes has called, or with `waits`, a receiver begins to wait for it.
    #[cfg(feature = "push")]
    pub(crate) fn calls(&self, serial: &str, waits: bool) {
        let now = self.clock.utc_now();
        let mut parts = self.parts();
        let is_it = |terminal: &&mut TerminalState| {
            terminal.activity == Activity::Pushing && terminal.serial.as_deref() == Some(serial)
        };
        if let Some(terminal) = parts.terminals.values_mut().find(is_it) {
            terminal.last_call = if waits { terminal.last_call.or(Some(now)) } else { Some(now) };
        }
    }

    /// An upload of a table was acknowledged, with so many lines.
    #[cfg(feature = "push")]
    pub(crate) fn uploads(&self, table: &str, lines: u64) {
        let mut parts = self.parts();
        *parts.pushed.uploads.entry(table.to_owned()).or_default() += 1;
        *parts.pushed.lines.entry(table.to_owned()).or_default() += lines;
    }

    /// A request of a terminal was refused.
    #[cfg(feature = "push")]
    pub(crate) fn refuses(&self, reason: &str) {
        *self.parts().pushed.refused.entry(reason.to_owned()).or_default() += 1;
    }

    /// A terminal that pushes is asked for a gap, or has answered; or a receiver begins, and the ledger has the gap.
    #[cfg(feature = "push")]
    pub(crate) fn asks_for(&self, name: &str, gap: &PushGap, at_start: bool) {
        self.parts().backfills.insert(name, gap, at_start);
        self.asked.notify_one();
    }

    /// Waits until there are news of gaps.
    pub(crate) async fn has_asked(&self) {
        loop {
            self.asked.notified().await;
            if self.has_backfills() {
                return;
            }
        }
    }

    /// Returns true if there are news of gaps.
    pub(crate) fn has_backfills(&self) -> bool {
        #[cfg(feature = "push")]
        return self.parts().backfills.have_news(self.clock.utc_now());
        #[cfg(not(feature = "push"))]
        false
    }

    /// Returns the news of gaps, which are reported with that.
    pub(crate) fn take_backfills(&self) -> Vec<BackfillReport> {
        #[cfg(feature = "push")]
        return self.parts().backfills.take_news(self.clock.utc_now());
        #[cfg(not(feature = "push"))]
        Vec::new()
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
            delays: Delays::default(),
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
        self.waits(name, Activity::Resting { until: after(now, wait) });
    }

    /// A terminal is listened to, or is to be, until the next poll in so long.
    pub(crate) fn listens(&self, name: &str, is_heard: bool, wait: Duration) {
        let until = after(self.clock.utc_now(), wait);
        self.waits(name, if is_heard { Activity::Listening { until } } else { Activity::Down { until } });
    }

    fn waits(&self, name: &str, activity: Activity) {
        self.terminal(name, |terminal| terminal.activity = activity);
        let _ = self.progress.send(Progress::Waits(name.into(), activity));
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
    pub(crate) fn pushed(&self, serial: &str, name: &str, ingested: &Ingested, all: bool) {
        let now = self.clock.utc_now();
        let _ = self.progress.send(Progress::Pushed(serial.into(), name.into(), Arc::new(ingested.clone())));
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
            sink.delays.add(&report.delays);
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

impl Parts {
    fn terminals(&self) -> BTreeMap<String, TerminalState> {
        #[cfg_attr(not(feature = "push"), expect(unused_mut))]
        let mut terminals = self.terminals.clone();
        #[cfg(feature = "push")]
        for terminal in terminals.values_mut() {
            terminal.backfill = terminal.serial.as_ref().and_then(|serial| self.backfills.of(serial));
        }
        terminals
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

/// A moment after another one.
fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let until = TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait));
    until.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
