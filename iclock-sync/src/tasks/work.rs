//! The work of a task: the orders that it takes, and the results that it reports.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::SyncError;
use crate::intake::rejudge::Released;
use crate::report::{DeviceReport, SinkReport};

/// The work of a part.
pub(crate) trait Work: Clone + Send + Sync + 'static {
    /// Works until it is stopped or done.
    fn run(self) -> impl Future<Output = Result<(), SyncError>> + Send;

    /// Reports that it stopped by an internal fault.
    fn report_fault(&self, error: SyncError) -> impl Future<Output = ()> + Send;

    /// Returns true if it ends by itself.
    fn is_once(&self) -> bool;
}

/// The state in which somebody wants a task to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Orders {
    /// It does nothing until it is resumed.
    pub(crate) paused: bool,
    /// Polls that were asked for. Each change wakes the task.
    pub(crate) asked: u64,
    /// The next polls read the whole log.
    pub(crate) full: bool,
    /// Others who do something in its place for a moment. It rests while there are any.
    pub(crate) guests: u32,
}

impl Orders {
    /// Returns true if the task is to do nothing now.
    pub(crate) fn rests(&self) -> bool {
        self.paused || self.guests > 0
    }
}

/// The place of a task, which it holds while it has a session or delivers. A guest takes it.
pub(crate) type TaskPlace = Arc<Mutex<()>>;

/// A result of a task.
#[derive(Debug)]
pub(crate) enum Told {
    /// A poll has ended.
    Polled(Box<DeviceReport>),
    /// A sink has had what there was.
    Took(Box<SinkReport>),
    /// Records were released from the quarantine.
    Released(Released),
}
