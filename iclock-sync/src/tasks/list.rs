//! The logs file that is being written, and when it is complete.
//!
//! A run completes its file at its end. A service may deliver every second: it goes on with one file for a while.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use attendance_model::AttendanceEvent;
use chrono::NaiveDateTime;

use super::logs_file::LogsFile;
use crate::error::chain;

/// How long a service adds to one file.
pub(crate) const LASTS: Duration = Duration::from_secs(600);

/// The file of all sinks and deliveries; none is open most of the time.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    file: LogsFile,
    /// The sink of which it lists the events, by its configured name.
    sink: String,
    /// The time at which it is complete, by the monotonic clock.
    due: Duration,
}

/// The part of one delivery in the file.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) lists: Arc<Lists>,
    pub(crate) dir: PathBuf,
    pub(crate) sink: String,
    /// The start of the delivery by the host's wall clock, which names a file that begins with it.
    pub(crate) started: NaiveDateTime,
    /// The delivery is that of a run, which completes the file.
    pub(crate) is_of_run: bool,
}

impl List {
    /// Adds events. It blocks.
    pub(crate) fn add(&self, events: &[AttendanceEvent], now: Duration) {
        if events.is_empty() {
            return;
        }
        let mut open = self.lists.open();
        if let Some(other) = open.take_if(|open| open.sink != self.sink || open.file.dir() != self.dir) {
            // After a reload another sink, or another directory, has the list.
            complete(other);
        }
        let open = open.get_or_insert_with(|| Open {
            file: LogsFile::new(self.dir.clone(), self.started),
            sink: self.sink.clone(),
            due: now.saturating_add(LASTS),
        });
        open.file.add(events);
    }

    /// Completes the file if it is time. It blocks.
    ///
    /// # Errors
    /// When it could not be written. The events are stored in any case.
    pub(crate) fn finish(&self, now: Duration) -> io::Result<()> {
        let ready = |open: &mut Open| open.sink == self.sink && (self.is_of_run || open.is_due(now));
        let open = self.lists.open().take_if(ready);
        open.map_or(Ok(()), |open| open.file.finish().map(drop))
    }
}

impl Lists {
    /// Returns the time until the file of a sink is complete, if it has one.
    pub(crate) fn left(&self, sink: &str, now: Duration) -> Option<Duration> {
        let open = self.open();
        open.as_ref().filter(|open| open.sink == sink).map(|open| open.due.saturating_sub(now))
    }

    /// Completes the file of a sink, if it has one. It blocks.
    pub(crate) fn complete(&self, sink: &str) {
        if let Some(open) = self.open().take_if(|open| open.sink == sink) {
            complete(open);
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        // A file that a panic left half-written is completed like any other.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn is_due(&self, now: Duration) -> bool {
        now >= self.due || self.file.has_failed()
    }
}

/// Completes a file that is no delivery's any more.
fn complete(open: Open) {
    let dir = open.file.dir().to_owned();
    if let Err(error) = open.file.finish() {
        tracing::warn!("{}", failure(&dir, &error));
    }
}

/// Says that a file could not be written.
pub(crate) fn failure(dir: &Path, error: &io::Error) -> String {
    format!(
        "the events are stored, but the file that lists them could not be written in {}: {}; check that the directory \
         may be written and has room",
        dir.display(),
        chain(error)
    )
}
