//! A sink, with what this process knows about it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use attendance_model::{AttendanceEvent, Notice, Outcome, Sink};
use tokio::sync::OnceCell;

use super::pace::Pace;

/// The time after which a service looks for delivered events again, so that a punch alone costs no lookup.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// A sink, with what this process knows about it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) sink: Arc<dyn Sink>,
    /// The size of its batches.
    pub(crate) pace: Pace,
    pub(crate) probed: OnceCell<Vec<Notice>>,
    memory: Mutex<Memory>,
}

/// The things that a process remembers of a sink.
#[derive(Debug, Default)]
struct Memory {
    /// True once it has found delivered events in it.
    checked: bool,
    /// The time of the last look that found some.
    looked_at: Option<Duration>,
    /// An event that the sink has.
    known: Option<AttendanceEvent>,
    /// No names go out before this time.
    names_rest_until: Option<Duration>,
}

impl Target {
    pub(crate) fn new(sink: Arc<dyn Sink>) -> Self {
        let pace = Pace::new(sink.capabilities().batch);
        Self { sink, pace, probed: OnceCell::new(), memory: Mutex::default() }
    }

    /// Returns true once this process has found delivered events in it.
    pub(crate) fn is_checked(&self) -> bool {
        self.with_memory(|memory| memory.checked)
    }

    pub(crate) fn set_checked(&self, now: Duration) {
        self.with_memory(|memory| (memory.checked, memory.looked_at) = (true, Some(now)));
    }

    /// Returns true if a service should look for delivered events again.
    pub(crate) fn look_is_due(&self, now: Duration) -> bool {
        let recent = |at: Duration| now.saturating_sub(at) < LOOK_EVERY;
        !self.with_memory(|memory| memory.looked_at.is_some_and(recent))
    }

    /// Returns true while names wait after a failure.
    pub(crate) fn names_rest(&self, now: Duration) -> bool {
        self.with_memory(|memory| memory.names_rest_until.is_some_and(|until| now < until))
    }

    /// Lets names wait until this time.
    pub(crate) fn rest_names(&self, until: Duration) {
        self.with_memory(|memory| memory.names_rest_until = Some(until));
    }

    /// An event that the sink has, if any was ever sent.
    pub(crate) fn known(&self) -> Option<AttendanceEvent> {
        self.with_memory(|memory| memory.known.clone())
    }

    /// Takes an event that the sink was sent by an earlier process, if this one knows none yet.
    pub(crate) fn recall(&self, event: AttendanceEvent) {
        self.with_memory(|memory| memory.known = memory.known.take().or(Some(event)));
    }

    pub(crate) fn remember(&self, events: &[AttendanceEvent], outcomes: &[Outcome]) {
        let there = |outcome: &Outcome| matches!(outcome, Outcome::Stored | Outcome::AlreadyStored);
        if let Some((event, _)) = events.iter().zip(outcomes).rfind(|(_, outcome)| there(outcome)) {
            self.with_memory(|memory| memory.known = Some(event.clone()));
        }
    }

    /// Notices of its probe.
    pub(crate) fn notices(&self) -> &[Notice] {
        self.probed.get().map_or(&[], Vec::as_slice)
    }

    fn with_memory<T>(&self, use_it: impl FnOnce(&mut Memory) -> T) -> T {
        // Nothing can panic while the lock is held.
        use_it(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
