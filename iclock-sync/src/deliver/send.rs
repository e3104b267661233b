//! Calls to one sink: each with a time limit, and retried if that may help.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use attendance_model::{AttendanceEvent, EventId, NamedPerson, Outcome, SinkError, SinkErrorKind};
use tokio_util::sync::CancellationToken;

use crate::EngineOptions;
use crate::clock::Clock;
use crate::observer::{Observer, SinkProgress};
use crate::random::{Random, share};
use crate::retry::Backoff;
use crate::tasks::Target;

/// Calls one sink in one delivery.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) target: Arc<Target>,
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) stop: CancellationToken,
    /// Calls made in this delivery.
    pub(crate) requests: Arc<AtomicU64>,
}

/// The end of a call that brought no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The sink failed.
    Failed(SinkError),
    /// The sink's answer breaks its contract, so that nothing in it counts.
    Broken(SinkError),
    /// The call was given up, or not made, because the delivery is stopped.
    Stopped,
}

impl Sender {
    /// Probes the sink, once in a process. One that says nothing for all of its time is not waited for several times.
    pub(crate) async fn probe(&self) -> Result<(), NoAnswer> {
        let sink = &self.target.sink;
        let probe = || async {
            let mut backoff = self.backoff();
            loop {
                match self.call(self.counted(sink.probe())).await {
                    Err(NoAnswer::Failed(error)) if error.kind != SinkErrorKind::TimedOut => {
                        self.wait(&mut backoff, error).await?;
                    }
                    end => return end,
                }
            }
        };
        self.target.probed.get_or_try_init(probe).await?;
        Ok(())
    }

    /// Asks the sink something that may be asked twice, and again after a failure that may pass.
    pub(crate) async fn ask<T, F>(&self, question: impl Fn() -> F) -> Result<T, NoAnswer>
    where
        F: Future<Output = Result<T, SinkError>>,
    {
        let mut backoff = self.backoff();
        loop {
            match self.call(question()).await {
                Err(NoAnswer::Failed(error)) => self.wait(&mut backoff, error).await?,
                end => return end,
            }
        }
    }

    /// Writes a batch, in parts if the sink does not take it as a whole.
    pub(crate) async fn write(&self, events: &[AttendanceEvent]) -> Result<Vec<Outcome>, NoAnswer> {
        let mut outcomes = Vec::with_capacity(events.len());
        let (mut rest, mut backoff) = (events, self.backoff());
        while !rest.is_empty() {
            let (part, later) = rest.split_at(self.target.pace.size().min(rest.len()));
            let put = match self.put(part).await {
                Ok(put) => put,
                Err(NoAnswer::Failed(error)) if error.kind.may_be_of_single_events() => {
                    self.sort_out(part, error).await?
                }
                Err(NoAnswer::Failed(error)) => {
                    self.wait(&mut backoff, error).await?;
                    continue;
                }
                Err(end) => return Err(end),
            };
            outcomes.extend(put);
            (rest, backoff) = (later, self.backoff());
        }
        Ok(outcomes)
    }

    /// Writes events in one call.
    pub(super) async fn put(&self, events: &[AttendanceEvent]) -> Result<Vec<Outcome>, NoAnswer> {
        let Target { sink, pace, .. } = &*self.target;
        let outcomes = self.call(self.counted(sink.write(events))).await.inspect_err(|end| {
            if matches!(end, NoAnswer::Failed(error) if error.kind == SinkErrorKind::TimedOut) {
                pace.timed_out(events.len());
            }
        })?;
        tracing::debug!(sink = %sink.name(), events = events.len(), "batch written");
        if outcomes.len() != events.len() {
            let message = format!("answered {} outcomes for {} events", outcomes.len(), events.len());
            return Err(NoAnswer::Broken(SinkError::new(SinkErrorKind::Invalid, message)));
        }
        pace.passed(events.len());
        self.target.remember(events, &outcomes);
        Ok(outcomes)
    }

    /// Asks which of these ids are stored. One attempt.
    pub(crate) async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, NoAnswer> {
        self.call(self.target.sink.lookup(ids)).await
    }

    /// Writes people's names, and returns how many of them the sink has now, from the first on. One attempt.
    pub(crate) async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, NoAnswer> {
        self.probe().await?;
        self.call(self.counted(self.target.sink.write_names(people))).await
    }

    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.options.attempts, self.options.backoff)
    }

    /// Waits before the next attempt. Gives the error back if there is none.
    pub(super) async fn wait(&self, backoff: &mut Backoff, error: SinkError) -> Result<(), NoAnswer> {
        let wait = backoff.wait(error.retry_after, share(&*self.random)).filter(|_| error.is_transient());
        let Some(wait) = wait else { return Err(NoAnswer::Failed(error)) };
        let name = self.target.sink.name();
        tracing::debug!(sink = %name, tried = backoff.tried(), %error, "tried again");
        self.observer.sink(name, SinkProgress::Retrying { attempt: backoff.tried() });
        tokio::select! {
            () = self.clock.sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(NoAnswer::Failed(error)),
        }
    }

    /// Counts a call that is made. Looking for what was delivered is not counted.
    async fn counted<T>(&self, call: impl Future<Output = T>) -> T {
        self.requests.fetch_add(1, Ordering::Relaxed);
        call.await
    }

    /// Makes one call within the time limit. A stop leaves it a short time to end.
    async fn call<T>(&self, call: impl Future<Output = Result<T, SinkError>>) -> Result<T, NoAnswer> {
        if self.stop.is_cancelled() {
            return Err(NoAnswer::Stopped);
        }
        let limit = self.options.sink_timeout;
        let given_up = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.options.stop_grace).await;
        };
        tokio::select! {
            biased;
            answer = tokio::time::timeout(limit, call) => answer
                .unwrap_or_else(|_| {
                    let message = format!("no answer within {} s", limit.as_secs_f64());
                    Err(SinkError::new(SinkErrorKind::TimedOut, message))
                })
                .map_err(NoAnswer::Failed),
            () = given_up => Err(NoAnswer::Stopped),
        }
    }
}
