//! A sink in memory with a peculiarity: only what differs has to be written.

use std::fmt::Debug;

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Budget, Capabilities, EventId, MemorySink, Notice, Outcome, Sink, SinkError};
use chrono::NaiveDate;

/// The difference from a sink in memory.
#[async_trait]
pub(crate) trait Oddity: Debug + Send + Sync {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError>;

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        Ok(Vec::new())
    }

    fn budget(&self) -> Option<&Budget> {
        None
    }
}

#[derive(Debug)]
pub(crate) struct OddSink<O> {
    pub(crate) inner: MemorySink,
    pub(crate) oddity: O,
}

#[async_trait]
impl<O: Oddity> Sink for OddSink<O> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn target(&self) -> String {
        self.inner.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.oddity.probe().await
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        self.oddity.write(&self.inner, batch).await
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        self.inner.lookup(ids).await
    }

    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        self.inner.count_by_day(days).await
    }

    fn budget(&self) -> Option<&Budget> {
        self.oddity.budget()
    }
}
