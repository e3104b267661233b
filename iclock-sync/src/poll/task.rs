//! The task of one terminal: it polls by its own schedule, and in between it rests or listens.
//!
//! Nothing that another terminal or a sink does delays it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Visit;
use super::live::Listening;
use crate::report::{DeviceReport, DeviceStatus};
use crate::schedule::Rest;
use crate::service::{Orders, ServiceOptions, Shared, Told, Work};
use crate::{DeviceOptions, RunOptions, SyncError, tell};

/// Polls one terminal until it is stopped.
#[derive(Clone, Debug)]
pub(crate) struct TerminalTask {
    pub(crate) device: Arc<DeviceOptions>,
    /// Ends after one poll.
    pub(crate) once: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: watch::Receiver<Orders>,
    pub(crate) told: mpsc::UnboundedSender<Told>,
    /// Ends this task alone.
    pub(crate) stop: CancellationToken,
}

impl TerminalTask {
    /// Polls until it is stopped.
    ///
    /// # Errors
    /// When the ledger cannot be used, and waiting does not help.
    async fn poll_on(mut self) -> Result<(), SyncError> {
        let clock = Arc::clone(&self.shared.clock);
        let mut rest = Rest::seeded(seed(&self.device.name));
        loop {
            if !self.until_resumed().await {
                return Ok(());
            }
            let orders = *self.orders.borrow_and_update();
            let report = self.poll(orders.full).await?;
            let active = report.new > 0;
            self.tell(report);
            if self.once {
                return Ok(());
            }
            let ServiceOptions { schedule, live, .. } = self.shared.settings().service;
            let schedule = self.device.schedule.as_ref().unwrap_or(&schedule);
            let wait = schedule.next_wait(&mut rest, active, clock.local_now());
            self.shared.board.rests(&self.device.name, clock.utc_now(), wait);
            let heard: &[_] = if live { std::slice::from_ref(&self.device) } else { &[] };
            let listening = Listening::start(heard, &clock);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = clock.sleep(wait) => {}
                () = listening.punch() => {}
                // The service is gone if this fails, and has stopped the task.
                _ = self.orders.changed() => {}
            }
            listening.end().await;
            if self.stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    fn tell(&self, report: DeviceReport) {
        self.shared.board.polled(&report);
        // Nobody may be left to hear it.
        let _ = self.told.send(Told::Polled(Box::new(report)));
    }

    /// Waits while the terminal is paused. Returns false if the task is stopped.
    async fn until_resumed(&mut self) -> bool {
        if !self.orders.borrow().paused {
            // A run that is stopped before it began still reports each terminal.
            return true;
        }
        self.shared.board.pauses(&self.device.name);
        tokio::select! {
            resumed = self.orders.wait_for(|orders| !orders.paused) => resumed.is_ok(),
            () = self.stop.cancelled() => false,
        }
    }

    /// Polls once.
    async fn poll(&self, full: bool) -> Result<DeviceReport, SyncError> {
        let settings = self.shared.settings();
        let RunOptions { dry_run, full: always_full, .. } = settings.run_options(&*self.shared.clock);
        let visit = Visit {
            device: Arc::clone(&self.device),
            engine: settings.engine,
            dry_run,
            full: full || always_full,
            ledger: Arc::clone(&self.shared.ledger),
            reader: Arc::clone(&self.shared.reader),
            clock: Arc::clone(&self.shared.clock),
            observer: Arc::clone(&self.shared.observer),
            intake: settings.intake,
            gates: Arc::clone(&self.shared.gates),
            stop: self.stop.clone(),
        };
        match visit.run().await {
            // A full disk has room again some day.
            Err(error) if error.can_be_survived() && !self.once => {
                let report = self.failed(&error);
                tell::of_terminal(&report);
                Ok(report)
            }
            outcome => outcome,
        }
    }

    /// The report of a poll that an error of the engine ended.
    fn failed(&self, error: &SyncError) -> DeviceReport {
        let mut report = DeviceReport::new(&self.device.name, self.device.address());
        report.status = DeviceStatus::Failed;
        report.error_kind = Some(error.kind());
        report.error = Some(error.explain());
        report
    }
}

/// The seed of a terminal's jitter. Names differ, so terminals are not polled in step.
fn seed(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Work for TerminalTask {
    async fn run(self) -> Result<(), SyncError> {
        self.poll_on().await
    }

    fn report_fault(&self, error: SyncError) {
        self.tell(self.failed(&error));
    }

    fn is_once(&self) -> bool {
        self.once
    }
}
