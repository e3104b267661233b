//! The batches of one delivery: read, written, and their outcomes recorded.

use std::sync::Arc;
use std::time::Duration;

use attendance_model::{AttendanceEvent, Budget, Outcome, SinkError};
use tokio::task::{JoinHandle, JoinSet};

use super::fetch::Fetcher;
use super::flight::{Flight, Landed};
use super::send::NoAnswer;
use crate::deliver::Delivery;
use crate::error::{blocking, fault};
use crate::ledger::{Settled, SinkState};
use crate::observer::SinkProgress;
use crate::report::{ErrorKind, SinkReport, SinkStatus};
use crate::trail::line::{Sent, runs};
use crate::{Ledger, SyncError};

/// Events whose outcomes are recorded together.
const RECORDED_TOGETHER: usize = 10_000;

/// The most batches from the oldest under way up to the latest. It bounds the memory while one write is slow.
const MOST_AHEAD: usize = 64;

/// The longest time before an outcome is recorded.
const RECORDED_WITHIN: Duration = Duration::from_secs(1);

/// The end of sending what was admitted.
#[derive(Debug)]
pub(super) enum Drained {
    /// All admitted events went out, or the run was stopped.
    All,
    /// The sink put the rest off to another day.
    PutOff,
    /// The sink failed.
    Failed(SinkError),
}

impl Delivery {
    /// Sends all admitted events, or as many as the sink takes. Those that enter meanwhile are admitted while the last
    /// write is under way, and outcomes are recorded while the next one is, so that a sink waits for neither.
    pub(super) async fn drain(
        &mut self,
        reader: Arc<Ledger>,
        sink: SinkState,
        report: &mut SinkReport,
    ) -> Result<Drained, SyncError> {
        let mut recording = Recording::default();
        let drained = self.drain_recording(reader, sink, report, &mut recording).await;
        recording.end().await?;
        drained
    }

    async fn drain_recording(
        &mut self,
        reader: Arc<Ledger>,
        mut sink: SinkState,
        report: &mut SinkReport,
        recording: &mut Recording,
    ) -> Result<Drained, SyncError> {
        self.restore_budget(&sink).await?;
        self.recall_known(&sink).await?;
        let target = Arc::clone(&self.sender.target);
        let concurrency = target.sink.capabilities().concurrency.max(1);
        let mut probing = self.probe;
        let mut fetcher = Fetcher::new(reader, sink);
        let mut flight = Flight::default();
        let mut writes = JoinSet::new();
        let mut drained = Drained::All;
        let mut recorded_at = self.sender.clock.monotonic();
        let mut landed_events = Vec::new();
        // One batch is read ahead, so that the ledger is read while the sink writes.
        let mut ready = fetcher.next(if probing { 1 } else { target.pace.size() }).await?;
        let mut probed = false;
        loop {
            while drained.is_all()
                && !self.is_halted()
                && writes.len() < if probing { 1 } else { concurrency }
                && flight.length() < MOST_AHEAD
            {
                let Some(batch) = ready.take() else { break };
                ready = fetcher.next(target.pace.size()).await?;
                let (number, events) = flight.launch(batch);
                if events.is_empty() {
                    // Nothing but exceptions up to the watermark.
                    flight.land(number, Vec::new());
                    continue;
                }
                if !std::mem::replace(&mut probed, true) {
                    // Before the first write, so that writes do not probe one after another.
                    if let Err(end) = self.sender.probe().await {
                        flight.fail(number);
                        drained.end_with(end);
                        break;
                    }
                }
                let sender = self.sender.clone();
                writes.spawn(async move {
                    let outcomes = sender.write(&events).await;
                    (number, events, outcomes)
                });
            }
            if ready.is_none() && drained.is_all() && !self.is_halted() && self.has_more() {
                sink = self.admit(report).await?;
                fetcher.go_on(sink);
                ready = fetcher.next(target.pace.size()).await?;
                if ready.is_some() {
                    continue;
                }
            }
            // The next write is under way meanwhile.
            let now = self.sender.clock.monotonic();
            if flight.unrecorded() >= RECORDED_TOGETHER || now.saturating_sub(recorded_at) >= RECORDED_WITHIN {
                recording.end().await?;
                recording.begin(self.record(&sink, &mut flight, std::mem::take(&mut landed_events), report));
                recorded_at = now;
            }
            let Some(written) = writes.join_next().await else { break };
            let (number, events, outcomes) = written.map_err(|source| fault("sink", source))?;
            match outcomes {
                Ok(outcomes) => {
                    if self.list.is_some() || self.hooks.is_some() {
                        let answered = events.iter().zip(&outcomes).filter(|(_, outcome)| !is_deferred(outcome));
                        landed_events.extend(answered.map(|(event, outcome)| (event.clone(), outcome.clone())));
                    }
                    probing = false;
                    let (utc_now, local_now) = (self.sender.clock.utc_now(), self.sender.clock.local_now());
                    let stored = events.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Stored);
                    stored.for_each(|(event, _)| report.delays.note(event, utc_now, local_now));
                    let landed = flight.land(number, outcomes);
                    count(report, landed);
                    if landed.deferred > 0 && drained.is_all() {
                        drained = Drained::PutOff;
                    }
                }
                Err(end) => {
                    flight.fail(number);
                    drained.end_with(end);
                }
            }
        }
        flight.end();
        recording.end().await?;
        recording.begin(self.record(&sink, &mut flight, landed_events, report));
        Ok(drained)
    }

    /// Returns true if events have entered since the last admission, and may go out at once.
    fn has_more(&self) -> bool {
        self.is_at_once() && self.news.borrow().commits > self.seen
    }

    /// Looks up an event that the sink took from an earlier process. By it a sink that refuses one event is told from
    /// one that refuses all, even if no other event waits.
    async fn recall_known(&self, sink: &SinkState) -> Result<(), SyncError> {
        let target = &self.sender.target;
        if target.known().is_some() || sink.delivered == 0 {
            return Ok(());
        }
        let (ledger, sink) = (Arc::clone(&self.ledger), *sink);
        let sample = blocking("ledger", move || Ok(ledger.delivered_sample(&sink, 1)?)).await?;
        sample.into_iter().for_each(|event| target.recall(event));
        Ok(())
    }

    /// Counts the writes of earlier processes on the same day.
    pub(super) async fn restore_budget(&self, sink: &SinkState) -> Result<(), SyncError> {
        let Some(budget) = self.sender.target.sink.budget() else { return Ok(()) };
        let (ledger, id) = (Arc::clone(&self.ledger), sink.id);
        if let Some(spent) = blocking("ledger", move || Ok(ledger.spent(id)?)).await? {
            budget.restore(spent);
        }
        Ok(())
    }

    /// Makes outcomes durable. Both audits and the hook come first, because a recorded event is not seen again.
    fn record(
        &self,
        sink: &SinkState,
        flight: &mut Flight,
        landed: Vec<(AttendanceEvent, Outcome)>,
        report: &SinkReport,
    ) -> impl Future<Output = Result<(), SyncError>> + Send + 'static {
        let spent = self.sender.target.sink.budget().map(Budget::spent);
        let (settled, numbers) = (flight.take_settled(), flight.take_sent());
        let delivered = settled.as_ref().map(|settled| settled.delivered);
        let sent = Sent {
            sink: report.name.clone(),
            target: self.sender.target.sink.target(),
            through: delivered.unwrap_or(0),
            ..Sent::default()
        };
        let (trail, now) = (self.trail.clone().filter(|_| !numbers.is_empty()), self.sender.clock.utc_now());
        let (ledger, list, id) = (Arc::clone(&self.ledger), self.list.clone(), sink.id);
        let reader = self.reader.clone().unwrap_or_else(|| Arc::clone(&self.ledger));
        let (hooks, elapsed) = (self.hooks.clone().filter(|_| !landed.is_empty()), self.sender.clock.monotonic());
        let recorded = blocking("ledger", move || {
            if let Some(spent) = spent {
                ledger.keep_spent(id, spent)?;
            }
            if let Some(hooks) = hooks {
                hooks.after_delivery(&sent.sink, &landed);
            }
            if let Some(list) = list {
                let stored = landed.into_iter().filter(|(_, outcome)| *outcome == Outcome::Stored);
                // Even if the oldest batch is under way and the watermark waits for it.
                list.add(&stored.map(|(event, _)| event).collect::<Vec<_>>(), elapsed);
            }
            let head = trail.and_then(|trail| {
                let (stored, had) = (runs(numbers.stored), runs(numbers.already_stored));
                trail.record(&reader, Some(Sent { stored, had, refused: numbers.rejected, ..sent }), now)
            });
            if let Some(settled) = settled {
                ledger.settle(id, &Settled { audit: head, ..settled })?;
            }
            Ok(())
        });
        let pending = delivered.map(|delivered| sink.admitted.saturating_sub(delivered).max(0).cast_unsigned());
        let settled = report.stored + report.already_stored + report.merged + report.rejected;
        let (observer, name) = (Arc::clone(&self.sender.observer), report.name.clone());
        async move {
            recorded.await?;
            if let Some(pending) = pending {
                tracing::debug!(sink = %name, settled, pending, "outcomes recorded");
                observer.sink(&name, SinkProgress::Delivered { settled, pending });
            }
            Ok(())
        }
    }

    pub(super) fn is_halted(&self) -> bool {
        self.sender.stop.is_cancelled() || self.orders.as_ref().is_some_and(|orders| orders.borrow().rests())
    }
}

/// The recording of outcomes that is under way. One is over before the next begins: each moves the watermark further.
#[derive(Debug, Default)]
struct Recording(Option<JoinHandle<Result<(), SyncError>>>);

impl Recording {
    fn begin(&mut self, recording: impl Future<Output = Result<(), SyncError>> + Send + 'static) {
        self.0 = Some(tokio::spawn(recording));
    }

    async fn end(&mut self) -> Result<(), SyncError> {
        match self.0.take() {
            Some(recording) => recording.await.map_err(|source| fault("ledger", source))?,
            None => Ok(()),
        }
    }
}

impl Drained {
    fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Takes the end of a call. The first failure counts; a call that was given up at a stop is none.
    fn end_with(&mut self, end: NoAnswer) {
        match end {
            NoAnswer::Failed(error) | NoAnswer::Broken(error) if !matches!(self, Self::Failed(_)) => {
                *self = Self::Failed(error);
            }
            _ => {}
        }
    }
}

/// Returns true if the sink put an event off, or said something of it that is not known here.
fn is_deferred(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Stored | Outcome::AlreadyStored | Outcome::Rejected { .. })
}

fn count(report: &mut SinkReport, landed: Landed) {
    report.stored += landed.stored;
    report.already_stored += landed.already_stored;
    report.rejected += landed.rejected;
    if report.rejected > 0 {
        report.status = SinkStatus::Failed;
        report.error_kind = Some(ErrorKind::Rejected);
        report.error = Some(format!(
            "refused {} events for good; they are set aside for this sink and not sent to it again",
            report.rejected
        ));
    }
}
