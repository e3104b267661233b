//! The task of one sink: it delivers what enters the ledger, and tries again later if the sink fails.
//!
//! Nothing that a terminal or another sink does delays it. Commits wake it, and so do orders and a timer, because a
//! window moves. Commits do not wake it while the sink is down, or has put off the rest to another day.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::circuit::{Allowed, Circuit};
use super::send::Sender;
use super::{Delivery, End};
use crate::clock::Clock;
use crate::error::blocking;
use crate::ledger::News;
use crate::random::share;
use crate::report::{ErrorKind, SinkReport, SinkStatus};
use crate::tasks::{List, Orders, Shared, Target, TaskPlace, Told, Work};
use crate::{RunOptions, SyncError, tell};

/// The time after which events are admitted again although none entered: a window moves.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// A safety limit counts the new events of all terminals: while one of them is polled, nothing goes out.
const WHILE_POLLING: Duration = Duration::from_millis(200);

/// Delivers to one sink until it is stopped, or until every terminal has been polled.
#[derive(Clone, Debug)]
pub(crate) struct SinkTask {
    pub(crate) target: Arc<Target>,
    /// Ends once all terminals were polled and nothing is left, or the sink has failed.
    pub(crate) once: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: watch::Receiver<Orders>,
    pub(crate) place: TaskPlace,
    pub(crate) told: mpsc::UnboundedSender<Told>,
    /// Ends this task alone.
    pub(crate) stop: CancellationToken,
}

/// The end of a wait for which a sink has asked, by both clocks: a host's clock that is set back makes no longer wait.
#[derive(Clone, Copy, Debug)]
struct PutOff {
    until: DateTime<Utc>,
    monotonic: Duration,
}

impl PutOff {
    fn until(until: Option<DateTime<Utc>>, clock: &dyn Clock) -> Self {
        let now = clock.utc_now();
        let until = until.unwrap_or(now + LOOK_AGAIN);
        Self { until, monotonic: clock.monotonic().saturating_add((until - now).to_std().unwrap_or_default()) }
    }

    /// The wait that is left, if any is.
    fn left(self, clock: &dyn Clock) -> Option<Duration> {
        let by_date = (self.until - clock.utc_now()).to_std().unwrap_or_default();
        let left = by_date.min(self.monotonic.saturating_sub(clock.monotonic()));
        (!left.is_zero()).then_some(left)
    }
}

impl SinkTask {
    /// Delivers until it is stopped or, in a run, done.
    ///
    /// # Errors
    /// When the ledger cannot be used, and waiting does not help.
    async fn serve(mut self) -> Result<(), SyncError> {
        let mut news = self.shared.news.subscribe();
        if self.once {
            let (report, _) = self.delivery(news, true).run().await?;
            self.tell(report);
            return Ok(());
        }
        let clock = Arc::clone(&self.shared.clock);
        // Each delivery ends once it has sent what there is.
        let (over, _) = watch::channel(News { over: true, ..News::default() });
        let (mut circuit, mut put_off_until, mut was_paused) = (Circuit::default(), None, false);
        let mut refused = false;
        loop {
            if self.stop.is_cancelled() {
                self.complete_list().await?;
                return Ok(());
            }
            if self.list_is_due_in().is_some_and(|left| left.is_zero()) {
                self.complete_list().await?;
            }
            let paused = self.orders.borrow_and_update().rests();
            let RunOptions { deliver: delivers, max_new, force, .. } = self.shared.settings().run_options(&*clock);
            let is_limited = max_new.is_some() && !force;
            if std::mem::replace(&mut was_paused, paused) && !paused {
                // A person wants to see it tried.
                circuit.close();
                put_off_until = None;
            }
            let put_off = put_off_until.and_then(|until: PutOff| until.left(&*clock));
            let rest = match (circuit.allowed(clock.monotonic()), put_off) {
                _ if paused => Some(LOOK_AGAIN),
                _ if !delivers => None,
                _ if is_limited && self.shared.board.is_polling() => Some(WHILE_POLLING),
                (Allowed::None(left), _) | (_, Some(left)) => Some(left.min(LOOK_AGAIN)),
                (allowed, None) => {
                    let _place = self.place.lock().await;
                    let seen = news.borrow_and_update().commits;
                    let (report, end) =
                        self.deliver(&news, over.subscribe(), allowed == Allowed::Probe && !refused).await?;
                    // One event alone says nothing about a sink that refuses it, if none is known that the sink takes.
                    refused = report.error_kind == Some(ErrorKind::Invalid) && self.target.known().is_none();
                    put_off_until = None;
                    let rest = match end {
                        End::Done | End::PutOff { .. } if report.requests == 0 => None,
                        End::Done => {
                            circuit.close();
                            None
                        }
                        End::PutOff { until } => {
                            circuit.close();
                            let until = PutOff::until(until, &*clock);
                            put_off_until = Some(until);
                            Some(until.left(&*clock).unwrap_or_default().min(LOOK_AGAIN))
                        }
                        End::Failed { asked } => {
                            Some(circuit.fail(clock.monotonic(), asked, share(&*self.shared.random)))
                        }
                    };
                    self.tell(report);
                    self.shared.board.served(self.target.sink.name(), seen);
                    rest
                }
            };
            let wait = self.list_is_due_in().into_iter().fold(rest.unwrap_or(LOOK_AGAIN), Duration::min);
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = clock.sleep(wait) => {}
                _ = news.changed(), if rest.is_none() => {}
                _ = self.orders.changed() => {}
            }
        }
    }

    /// The time until the logs file of this sink is complete, if it has one.
    fn list_is_due_in(&self) -> Option<Duration> {
        self.shared.lists.left(self.target.sink.name(), self.shared.clock.monotonic())
    }

    /// Completes the logs file of this sink, if it has one.
    async fn complete_list(&self) -> Result<(), SyncError> {
        let (lists, name) = (Arc::clone(&self.shared.lists), self.target.sink.name().to_owned());
        blocking("audit", move || {
            lists.complete(&name);
            Ok(())
        })
        .await
    }

    fn tell(&self, report: SinkReport) {
        self.shared.board.delivered(&report);
        // Nobody may be left to hear it.
        let _ = self.told.send(Told::Took(Box::new(report)));
    }

    /// Delivers what there is.
    async fn deliver(
        &self,
        commits: &watch::Receiver<News>,
        news: watch::Receiver<News>,
        probe: bool,
    ) -> Result<(SinkReport, End), SyncError> {
        let mut delivery = self.delivery(news, self.target.look_is_due(self.shared.clock.monotonic()));
        delivery.probe = probe;
        delivery.commits = Some(commits.clone());
        match delivery.run().await {
            // A full disk has room again some day.
            Err(error) if error.can_be_survived() => {
                let report = self.failed(&error).await;
                tell::of_sink(&report);
                Ok((report, End::Failed { asked: None }))
            }
            outcome => outcome,
        }
    }

    /// The report of a delivery that an error of the engine ended.
    async fn failed(&self, error: &SyncError) -> SinkReport {
        let mut report = SinkReport::new(self.target.sink.name());
        report.status = SinkStatus::Failed;
        report.error_kind = Some(error.kind());
        report.error = Some(error.explain());
        let (reader, target) = (Arc::clone(&self.shared.reader), self.target.sink.target());
        match blocking("ledger", move || Ok(reader.waiting(&target)?)).await {
            Ok(waiting) => (report.pending, report.held) = (waiting.pending, waiting.held),
            // They are as many as were known last.
            Err(_) => {
                let known = self.shared.board.status().sinks.remove(&report.name);
                (report.pending, report.held) = known.map_or((0, 0), |sink| (sink.pending, sink.held));
            }
        }
        report
    }

    fn delivery(&self, news: watch::Receiver<News>, look: bool) -> Delivery {
        let mut delivery = delivery(&self.target, &self.shared, self.once, self.stop.clone(), news);
        delivery.orders = Some(self.orders.clone());
        delivery.look = look;
        delivery
    }
}

impl Work for SinkTask {
    async fn run(self) -> Result<(), SyncError> {
        self.serve().await
    }

    async fn report_fault(&self, error: SyncError) {
        self.tell(self.failed(&error).await);
    }

    fn is_once(&self) -> bool {
        self.once
    }
}

/// One delivery to a sink.
pub(crate) fn delivery(
    target: &Arc<Target>,
    shared: &Shared,
    is_of_run: bool,
    stop: CancellationToken,
    news: watch::Receiver<News>,
) -> Delivery {
    let settings = shared.settings();
    let sink = target.sink.name().to_owned();
    let is_listed = settings.listed.as_deref() == Some(sink.as_str());
    let keeps_audit = settings.engine.audit;
    let (lists, started) = (Arc::clone(&shared.lists), shared.clock.local_now());
    let dir = settings.engine.audit_dir.clone().filter(|_| is_listed);
    let list = dir.map(|dir| List { lists, dir, sink, started, is_of_run });
    Delivery {
        run: settings.run_options(&*shared.clock),
        options_at: settings.service.options_at.clone(),
        orders: None,
        probe: false,
        look: true,
        sender: Sender {
            target: Arc::clone(target),
            options: settings.engine,
            clock: Arc::clone(&shared.clock),
            observer: Arc::clone(&shared.observer),
            random: Arc::clone(&shared.random),
            stop,
            requests: Arc::new(AtomicU64::new(0)),
        },
        ledger: Arc::clone(&shared.ledger),
        reader: None,
        news,
        seen: 0,
        commits: None,
        list,
        hooks: shared.hooks.clone(),
        trail: keeps_audit.then(|| Arc::clone(&shared.audit)),
    }
}
