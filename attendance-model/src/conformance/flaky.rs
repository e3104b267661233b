//! A sink that fails on request, for tests of an engine.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chrono::NaiveDate;

use crate::{
    AttendanceEvent, Budget, Capabilities, EventId, NamedPerson, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};

/// The fate of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing: it goes through.
    None,
    /// It fails before anything is stored.
    Before(SinkErrorKind),
    /// Everything is stored, and the answer is lost.
    After(SinkErrorKind),
}

/// Passes everything on to another sink, and fails those writes that its plan names. After the plan's end all go
/// through.
#[derive(Debug)]
pub struct FlakySink<S> {
    inner: S,
    plan: Mutex<VecDeque<Mishap>>,
}

impl<S: Sink> FlakySink<S> {
    /// Wraps a sink; `plan` is used up write by write.
    pub fn new(inner: S, plan: impl IntoIterator<Item = Mishap>) -> Self {
        Self { inner, plan: Mutex::new(plan.into_iter().collect()) }
    }

    fn next_mishap(&self) -> Mishap {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(Mishap::None)
    }
}

#[async_trait]
impl<S: Sink> Sink for FlakySink<S> {
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
        self.inner.probe().await
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        match self.next_mishap() {
            Mishap::None => self.inner.write(batch).await,
            Mishap::Before(kind) => Err(SinkError::new(kind, "failed as planned, before the write")),
            Mishap::After(kind) => {
                self.inner.write(batch).await?;
                Err(SinkError::new(kind, "failed as planned, after the write"))
            }
        }
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        self.inner.lookup(ids).await
    }

    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        self.inner.count_by_day(days).await
    }

    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        self.inner.write_names(people).await
    }

    fn budget(&self) -> Option<&Budget> {
        self.inner.budget()
    }
}
