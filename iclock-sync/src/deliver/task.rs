//! The task of one sink: it delivers what enters the ledger, and tries again later if the sink fails.
//!
//! Nothing that a terminal or another sink does delays it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Delivery;
use super::audit_file::AuditFile;
use super::send::{Sender, Target};
use crate::ledger::News;
use crate::report::{SinkReport, SinkStatus};
use crate::service::{Orders, Shared, Told, Work};
use crate::{SyncError, tell};

/// The wait after a delivery that failed; it doubles.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The longest such wait.
const RETRY_WITHIN: Duration = Duration::from_secs(300);
/// The time after which events are admitted again although none entered: a window moves.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Delivers to one sink until it is stopped, or until every terminal has been polled.
#[derive(Clone, Debug)]
pub(crate) struct SinkTask {
    pub(crate) target: Arc<Target>,
    /// Ends once all terminals were polled and nothing is left, or the sink has failed.
    pub(crate) once: bool,
    /// Writes the audit file of a run.
    pub(crate) audited: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: watch::Receiver<Orders>,
    pub(crate) told: mpsc::UnboundedSender<Told>,
    /// Ends this task alone.
    pub(crate) stop: CancellationToken,
}

impl SinkTask {
    /// Delivers until it is stopped or, in a run, done.
    ///
    /// # Errors
    /// When the ledger cannot be used, and waiting does not help.
    async fn serve(mut self) -> Result<(), SyncError> {
        let mut news = self.shared.news.subscribe();
        if self.once {
            let report = self.delivery(news).run().await?;
            self.tell(report);
            return Ok(());
        }
        let clock = Arc::clone(&self.shared.clock);
        // Each delivery ends once it has sent what there is.
        let (over, _) = watch::channel(News { over: true, ..News::default() });
        let mut failures = 0;
        loop {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            let mut wait = LOOK_AGAIN;
            let delivers = self.shared.settings().run_options(&*clock).deliver;
            if delivers && !self.orders.borrow_and_update().paused {
                let seen = news.borrow_and_update().commits;
                let report = self.deliver(over.subscribe()).await?;
                failures = if report.status == SinkStatus::Failed { failures + 1 } else { 0 };
                if failures > 0 {
                    wait = RETRY_AFTER.saturating_mul(1 << (failures - 1).min(16)).min(RETRY_WITHIN);
                }
                self.tell(report);
                self.shared.board.served(self.target.sink.name(), seen);
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = clock.sleep(wait) => {}
                _ = news.changed(), if failures == 0 => {}
                _ = self.orders.changed() => {}
            }
        }
    }

    fn tell(&self, report: SinkReport) {
        self.shared.board.delivered(&report);
        // Nobody may be left to hear it.
        let _ = self.told.send(Told::Took(Box::new(report)));
    }

    /// Delivers what there is.
    async fn deliver(&self, news: watch::Receiver<News>) -> Result<SinkReport, SyncError> {
        match self.delivery(news).run().await {
            // A full disk has room again some day.
            Err(error) if error.can_be_survived() => {
                let report = self.failed(&error);
                tell::of_sink(&report);
                Ok(report)
            }
            outcome => outcome,
        }
    }

    /// The report of a delivery that an error of the engine ended.
    fn failed(&self, error: &SyncError) -> SinkReport {
        let mut report = SinkReport::new(self.target.sink.name());
        report.status = SinkStatus::Failed;
        report.error_kind = Some(error.kind());
        report.error = Some(error.explain());
        report
    }

    fn delivery(&self, news: watch::Receiver<News>) -> Delivery {
        delivery(&self.target, &self.shared, self.audited, self.stop.clone(), news)
    }
}

impl Work for SinkTask {
    async fn run(self) -> Result<(), SyncError> {
        self.serve().await
    }

    fn report_fault(&self, error: SyncError) {
        self.tell(self.failed(&error));
    }

    fn is_once(&self) -> bool {
        self.once
    }
}

/// One delivery to a sink.
pub(crate) fn delivery(
    target: &Arc<Target>,
    shared: &Shared,
    audited: bool,
    stop: CancellationToken,
    news: watch::Receiver<News>,
) -> Delivery {
    let settings = shared.settings();
    let dir = settings.engine.audit_dir.clone().filter(|_| audited);
    let audit = dir.map(|dir| AuditFile::new(dir, shared.clock.local_now()));
    Delivery {
        run: settings.run_options(&*shared.clock),
        sender: Sender {
            target: Arc::clone(target),
            options: settings.engine,
            clock: Arc::clone(&shared.clock),
            observer: Arc::clone(&shared.observer),
            stop,
            requests: Arc::new(AtomicU64::new(0)),
        },
        ledger: Arc::clone(&shared.ledger),
        news,
        audit,
    }
}
