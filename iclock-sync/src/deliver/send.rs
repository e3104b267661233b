//! Calls to one sink: each with a time limit, and retried if that may help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use attendance_model::{AttendanceEvent, Notice, Outcome, Sink, SinkError, SinkErrorKind};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::EngineOptions;
use crate::clock::Clock;
use crate::observer::{Observer, SinkProgress};
use crate::retry::Backoff;

/// A sink, with what this process knows about it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) sink: Arc<dyn Sink>,
    probed: OnceCell<Vec<Notice>>,
    /// True once this process has found delivered events in it.
    checked: AtomicBool,
}

/// Calls one sink in one run.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) target: Arc<Target>,
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) stop: CancellationToken,
    /// Calls made in this run.
    pub(crate) requests: Arc<AtomicU64>,
}

impl Target {
    pub(crate) fn new(sink: Arc<dyn Sink>) -> Self {
        Self { sink, probed: OnceCell::new(), checked: AtomicBool::new(false) }
    }

    pub(crate) fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_checked(&self) {
        self.checked.store(true, Ordering::Relaxed);
    }

    /// Notices of its probe.
    pub(crate) fn notices(&self) -> &[Notice] {
        self.probed.get().map_or(&[], Vec::as_slice)
    }
}

impl Sender {
    /// Writes a batch. The first one of a process probes the sink before.
    pub(crate) async fn write(&self, events: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let sink = &self.target.sink;
        self.target.probed.get_or_try_init(|| self.persist(|| sink.probe())).await?;
        let outcomes = self.persist(|| sink.write(events)).await?;
        tracing::debug!(sink = %sink.name(), events = events.len(), "batch written");
        if outcomes.len() != events.len() {
            let message = format!("answered {} outcomes for {} events", outcomes.len(), events.len());
            return Err(SinkError::new(SinkErrorKind::Invalid, message));
        }
        Ok(outcomes)
    }

    /// Calls until it works, cannot work, or was tried often enough.
    async fn persist<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, SinkError>
    where
        F: Future<Output = Result<T, SinkError>>,
    {
        let mut backoff = Backoff::new(self.options.attempts, self.options.backoff);
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let limit = self.options.sink_timeout;
            let answer = tokio::time::timeout(limit, call()).await.unwrap_or_else(|_| {
                let message = format!("no answer within {} s", limit.as_secs_f64());
                Err(SinkError::new(SinkErrorKind::TimedOut, message))
            });
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = backoff.wait(error.retry_after).filter(|_| error.is_transient());
            let Some(wait) = wait else { return Err(error) };
            tracing::debug!(sink = %self.target.sink.name(), tried = backoff.tried(), %error, "tried again");
            self.observer.sink(self.target.sink.name(), SinkProgress::Retrying { attempt: backoff.tried() });
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = self.stop.cancelled() => return Err(error),
            }
        }
    }
}
