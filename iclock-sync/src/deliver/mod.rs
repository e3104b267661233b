//! Delivery from the ledger to one sink: pending events, oldest first, in batches, several at once if the sink allows.
//!
//! Each sink has its own task, so that one that is down does not delay the others. Outcomes are recorded together, not
//! one by one. After a crash, unrecorded events are sent again, and the sink reports that it has them.

mod circuit;
mod drain;
mod fetch;
mod flight;
mod lost;
mod names;
pub(crate) mod send;
mod sort_out;
pub(crate) mod task;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use attendance_model::{Notice, SinkError};
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use self::drain::Drained;
use self::send::Sender;
use crate::audit::Audit;
use crate::error::{blocking, chain};
use crate::ledger::{Admission, ChangedIds, News, SinkState};
use crate::observer::SinkProgress;
use crate::report::{ErrorKind, SinkReport, SinkStatus};
use crate::tasks::{List, OptionsAt, Orders, failure};
use crate::{Hooks, Ledger, RunOptions, SyncError, tell};

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
    /// The commits of a service: names give way to what enters the ledger meanwhile.
    pub(crate) commits: Option<watch::Receiver<News>>,
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
        let mut known_as = None;
        let all_admitted = loop {
            let news = *self.news.borrow_and_update();
            if news.over || self.is_at_once() {
                let sink = self.admit(&mut report).await?;
                known_as = Some(sink.id);
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
        if let (End::Done, Some(sink)) = (end, known_as) {
            self.send_names(sink, &mut report).await;
        }
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
