//! Delivery from the ledger to one sink: pending events, oldest first, in batches, several at once if the sink allows.
//!
//! Each sink has its own task, so that one that is down does not delay the others. Outcomes are recorded together, not
//! one by one. After a crash, unrecorded events are sent again, and the sink reports that it has them.

mod circuit;
mod fetch;
mod flight;
mod lost;
pub(crate) mod send;
mod sort_out;
pub(crate) mod task;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use attendance_model::{AttendanceEvent, Budget, Notice, Outcome, SinkError};
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::fetch::Fetcher;
use self::flight::{Flight, Landed};
use self::send::{NoAnswer, Sender};
use crate::audit::Audit;
use crate::error::{blocking, chain, fault};
use crate::ledger::{Admission, ChangedIds, News, Settled, SinkState};
use crate::observer::SinkProgress;
use crate::report::{ErrorKind, SinkReport, SinkStatus};
use crate::tasks::{List, OptionsAt, Orders, failure};
use crate::trail::line::{Sent, runs};
use crate::{Hooks, Ledger, RunOptions, SyncError, tell};

/// Events whose outcomes are recorded together.
const RECORDED_TOGETHER: usize = 10_000;

/// The most batches from the oldest under way up to the latest. It bounds the memory while one write is slow.
const MOST_AHEAD: usize = 64;

/// The longest time before an outcome is recorded.
const RECORDED_WITHIN: Duration = Duration::from_secs(1);

/// The delivery to one sink in one run.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) sender: Sender,
    pub(crate) ledger: Arc<Ledger>,
    /// A second connection, which does not wait while terminals enter records. It is opened for the first event.
    pub(crate) reader: Option<Arc<Ledger>>,
    pub(crate) run: RunOptions,
    /// Makes `run` again at each admission, because a window can move.
    pub(crate) options_at: OptionsAt,
    /// A pause ends the delivery after the writes under way; `None` if nobody can order one.
    pub(crate) orders: Option<watch::Receiver<Orders>>,
    /// Begins with one write of one event, because the sink failed before.
    pub(crate) probe: bool,
    /// Looks for delivered events.
    pub(crate) look: bool,
    pub(crate) news: watch::Receiver<News>,
    /// The commits of which the last admission knew.
    pub(crate) seen: u64,
    /// The logs file that lists what is stored, if configured.
    pub(crate) list: Option<List>,
    /// The program that wants to know what was delivered.
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    /// The audit in the state directory, if configured.
    pub(crate) trail: Option<Arc<Audit>>,
}

/// The end of a delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// Everything was sent, or the delivery was stopped.
    Done,
    /// The sink put the rest off, until that time if it says so.
    PutOff { until: Option<DateTime<Utc>> },
    /// The sink failed, and may have asked for a wait.
    Failed { asked: Option<Duration> },
}

/// The end of sending what was admitted.
#[derive(Debug)]
enum Drained {
    /// All admitted events went out, or the run was stopped.
    All,
    /// The sink put the rest off to another day.
    PutOff,
    /// The sink failed.
    Failed(SinkError),
}

impl Delivery {
    /// Delivers until every terminal has ended and nothing is left, the sink has failed, or the run is stopped.
    ///
    /// # Errors
    /// When the ledger cannot be used. A failure of the sink is in the report.
    pub(crate) async fn run(mut self) -> Result<(SinkReport, End), SyncError> {
        let started = self.sender.clock.monotonic();
        let mut report = SinkReport::new(self.sender.target.sink.name());
        let (mut looked, mut looked_with_news, mut lost) = (!self.look, !self.look, None);
        let mut end = End::Done;
        let all_admitted = loop {
            let news = *self.news.borrow_and_update();
            if news.over || self.is_at_once() {
                let sink = self.admit(&mut report).await?;
                let has_news = sink.admitted > sink.delivered;
                if !looked || (has_news && !looked_with_news) {
                    lost = self.look_for_delivered(&sink).await?;
                    (looked, looked_with_news) = (true, has_news);
                }
                let reader = match &self.reader {
                    Some(reader) => Arc::clone(reader),
                    None => Arc::clone(self.reader.insert(self.open_reader().await?)),
                };
                match self.drain(reader, sink, &mut report).await? {
                    Drained::All => {}
                    Drained::PutOff => {
                        let now = self.sender.clock.utc_now();
                        let budget = self.sender.target.sink.budget();
                        end = End::PutOff { until: budget.map(|budget| budget.resets_at(now)) };
                        break news.over;
                    }
                    Drained::Failed(error) => {
                        end = End::Failed { asked: error.retry_after };
                        report.status = SinkStatus::Failed;
                        report.error = Some(explain(&error));
                        report.error_kind = Some(error.kind.into());
                        break news.over;
                    }
                }
            }
            if news.over || self.sender.stop.is_cancelled() {
                break news.over;
            }
            tokio::select! {
                changed = self.news.changed() => if changed.is_err() { break false },
                () = self.sender.stop.cancelled() => break false,
            }
        };
        self.finish_list(&mut report).await?;
        report.requests = self.sender.requests.load(Ordering::Relaxed);
        if report.requests > 0 && report.status == SinkStatus::Idle {
            report.status = SinkStatus::Ok;
        }
        if let Some(lost) = lost {
            report.status = SinkStatus::Failed;
            report.lost = true;
            report.error_kind.get_or_insert(ErrorKind::Lost);
            report.error = Some(match report.error.take() {
                Some(error) => format!("{error}; {lost}"),
                None => lost.to_owned(),
            });
        }
        let took = self.sender.clock.monotonic().saturating_sub(started);
        report.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let ok = report.status != SinkStatus::Failed;
        self.sender.observer.sink(&report.name, SinkProgress::Finished { ok });
        if !all_admitted {
            // This run's window also applies to events that arrive after the sink has failed.
            while !self.news.borrow_and_update().over && self.news.changed().await.is_ok() {}
            self.admit(&mut report).await?;
        }
        self.count_waiting(&mut report).await?;
        if report.requests > 0 {
            report.notes.extend(self.sender.target.notices().iter().map(explain_notice));
        }
        report.notes.extend(self.outlook(report.pending));
        tell::of_sink(&report);
        Ok((report, end))
    }

    /// Says when the rest will be done, if a daily budget puts it off.
    fn outlook(&self, pending: u64) -> Option<String> {
        let (budget, now) = (self.sender.target.sink.budget()?, self.sender.clock.utc_now());
        let left = budget.left(now);
        if pending <= left {
            return None;
        }
        let when = |moment: DateTime<Utc>| moment.format("%Y-%m-%d %H:%M UTC");
        let done = match budget.done_by(now, pending) {
            Some(moment) => format!("all will be done on the day that begins at {}", when(moment)),
            None => "they will never all be done".to_owned(),
        };
        Some(format!(
            "{pending} events are pending, and {left} of the {} writes of a day are left; the next day's come at {}, \
             and {done}, unless there are new ones",
            budget.per_day(),
            when(budget.resets_at(now)),
        ))
    }

    /// Counts what would go out, and calls nobody.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub(crate) async fn rehearse(mut self) -> Result<SinkReport, SyncError> {
        let mut report = SinkReport::new(self.sender.target.sink.name());
        let sink = self.admit(&mut report).await?;
        self.restore_budget(&sink).await?;
        self.count_waiting(&mut report).await?;
        report.notes.extend(self.outlook(report.pending));
        Ok(report)
    }

    /// A safety limit is counted over all terminals.
    fn is_at_once(&self) -> bool {
        self.run.max_new.is_none() || self.run.force
    }

    async fn open_reader(&self) -> Result<Arc<Ledger>, SyncError> {
        let ledger = Arc::clone(&self.ledger);
        blocking("ledger", move || Ok(Arc::new(ledger.reader()?))).await
    }

    fn is_halted(&self) -> bool {
        self.sender.stop.is_cancelled() || self.orders.as_ref().is_some_and(|orders| orders.borrow().paused)
    }

    async fn admit(&mut self, report: &mut SinkReport) -> Result<SinkState, SyncError> {
        self.run = self.options_at.at(self.sender.clock.utc_now());
        self.seen = self.news.borrow().commits;
        let (ledger, sink, run) = (Arc::clone(&self.ledger), Arc::clone(&self.sender.target.sink), self.run.clone());
        let admitted = blocking("ledger", move || {
            Ok(ledger.admit(&Admission {
                target: &sink.target(),
                name: sink.name(),
                ids: sink.capabilities().ids,
                window: run.window,
                max_new: run.max_new.filter(|_| !run.force),
            })?)
        })
        .await?;
        report.merged += admitted.merged + admitted.changed_ids.map_or(0, |changed| changed.merged);
        report.notes.extend(admitted.changed_ids.as_ref().map(explain_change));
        report.already_stored += admitted.imported;
        if let (Some(new), Some(most)) = (admitted.over_limit, self.run.max_new) {
            report.over_limit = true;
            report.error_kind = Some(ErrorKind::OverLimit);
            report.error = Some(format!(
                "{new} new events, more than the safety limit of {most}: none went out; check that they are real"
            ));
        }
        Ok(admitted.sink)
    }

    /// Sends all admitted events, or as many as the sink takes. Those that enter meanwhile are admitted while the last
    /// write is under way, so that a sink does not wait for them.
    async fn drain(
        &mut self,
        reader: Arc<Ledger>,
        mut sink: SinkState,
        report: &mut SinkReport,
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
            // The next write is under way meanwhile.
            let now = self.sender.clock.monotonic();
            if flight.unrecorded() >= RECORDED_TOGETHER || now.saturating_sub(recorded_at) >= RECORDED_WITHIN {
                self.record(&sink, &mut flight, std::mem::take(&mut landed_events), report).await?;
                recorded_at = now;
            }
            if ready.is_none() && drained.is_all() && !self.is_halted() && self.has_more() {
                sink = self.admit(report).await?;
                fetcher.go_on(sink);
                ready = fetcher.next(target.pace.size()).await?;
                if ready.is_some() {
                    continue;
                }
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
        self.record(&sink, &mut flight, landed_events, report).await?;
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
    async fn restore_budget(&self, sink: &SinkState) -> Result<(), SyncError> {
        let Some(budget) = self.sender.target.sink.budget() else { return Ok(()) };
        let (ledger, id) = (Arc::clone(&self.ledger), sink.id);
        if let Some(spent) = blocking("ledger", move || Ok(ledger.spent(id)?)).await? {
            budget.restore(spent);
        }
        Ok(())
    }

    /// Makes outcomes durable. Both audits and the hook come first, because a recorded event is not seen again.
    async fn record(
        &mut self,
        sink: &SinkState,
        flight: &mut Flight,
        landed: Vec<(AttendanceEvent, Outcome)>,
        report: &SinkReport,
    ) -> Result<(), SyncError> {
        if let Some(spent) = self.sender.target.sink.budget().map(Budget::spent) {
            let (ledger, id) = (Arc::clone(&self.ledger), sink.id);
            blocking("ledger", move || Ok(ledger.keep_spent(id, spent)?)).await?;
        }
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
        blocking("ledger", move || {
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
        })
        .await?;
        let Some(delivered) = delivered else { return Ok(()) };
        let pending = sink.admitted.saturating_sub(delivered).max(0).cast_unsigned();
        let settled = report.stored + report.already_stored + report.merged + report.rejected;
        tracing::debug!(sink = %report.name, settled, pending, "outcomes recorded");
        self.sender.observer.sink(&report.name, SinkProgress::Delivered { settled, pending });
        Ok(())
    }

    async fn finish_list(&mut self, report: &mut SinkReport) -> Result<(), SyncError> {
        let Some(list) = self.list.take() else { return Ok(()) };
        let (dir, now) = (list.dir.clone(), self.sender.clock.monotonic());
        if let Err(error) = blocking("audit", move || Ok(list.finish(now))).await? {
            report.status = SinkStatus::Failed;
            report.error_kind.get_or_insert(ErrorKind::LogsFile);
            report.error.get_or_insert_with(|| failure(&dir, &error));
        }
        Ok(())
    }

    async fn count_waiting(&self, report: &mut SinkReport) -> Result<(), SyncError> {
        let (ledger, target) = (Arc::clone(&self.ledger), self.sender.target.sink.target());
        let waiting = blocking("ledger", move || Ok(ledger.waiting(&target)?)).await?;
        (report.pending, report.held) = (waiting.pending, waiting.held);
        Ok(())
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

fn explain_change(change: &ChangedIds) -> String {
    let ChangedIds { from, to, parted, merged } = change;
    let effect = match (parted, merged) {
        (0, 0) => "no waiting event is affected".to_owned(),
        (0, merged) => format!("{merged} waiting events have the documents of earlier ones, and are merged"),
        (parted, _) => format!("{parted} events that had been merged go out as documents of their own"),
    };
    format!("its ids were {from} and are {to} now: {effect}; events that it has keep their ids")
}

fn explain_notice(notice: &Notice) -> String {
    match &notice.hint {
        Some(hint) => format!("{}; {hint}", notice.message),
        None => notice.message.clone(),
    }
}

/// An error and what to try next.
pub(crate) fn explain(error: &SinkError) -> String {
    match &error.hint {
        Some(hint) => format!("{}; {hint}", chain(error)),
        None => chain(error),
    }
}
