//! The task of one terminal: it polls by its own schedule, and in between it rests or listens.
//!
//! Nothing that another terminal or a sink does delays it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use zk_proto::Client;

use super::{Habits, Polled, Visit};
use crate::report::{DeviceReport, DeviceStatus};
use crate::schedule::Rest;
use crate::tasks::{Orders, Shared, TaskPlace, Told, Work};
use crate::{DeviceOptions, RunOptions, SyncError, tell};

/// Polls one terminal until it is stopped.
#[derive(Clone, Debug)]
pub(crate) struct TerminalTask {
    pub(crate) device: Arc<DeviceOptions>,
    /// Ends after one poll.
    pub(crate) once: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: watch::Receiver<Orders>,
    pub(crate) place: TaskPlace,
    pub(crate) told: mpsc::UnboundedSender<Told>,
    /// Ends this task alone.
    pub(crate) stop: CancellationToken,
    pub(crate) habits: Habits,
    /// To be said in the next report.
    pub(crate) notes: Vec<String>,
}

impl TerminalTask {
    /// Polls until it is stopped.
    ///
    /// # Errors
    /// When the ledger cannot be used, and waiting does not help.
    async fn work(mut self) -> Result<(), SyncError> {
        let clock = Arc::clone(&self.shared.clock);
        let mut rest = Rest::seeded(seed(&self.device.name) ^ self.shared.random.next());
        loop {
            if !self.until_resumed().await {
                return Ok(());
            }
            let place = Arc::clone(&self.place).lock_owned().await;
            let wait = if self.shared.settings().service.live && !self.once {
                match self.listen(&mut rest).await? {
                    Some(wait) => wait,
                    None if self.stop.is_cancelled() => return Ok(()),
                    None => continue,
                }
            } else {
                let report = self.poll().await?;
                let wait = self.wait_after(&mut rest, &report);
                let clears = self.is_to_be_cleared(&report).await;
                self.tell(report);
                if self.once {
                    return Ok(());
                }
                if clears {
                    self.shared.board.rests(&self.device.name, clock.utc_now(), wait);
                    self.clear().await?;
                }
                wait
            };
            drop(place);
            self.shared.board.rests(&self.device.name, clock.utc_now(), wait);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                () = clock.sleep(wait) => {}
                // The service is gone if this fails, and has stopped the task.
                _ = self.orders.changed() => {}
            }
        }
    }

    /// The wait after a poll, by the terminal's own schedule or that of the service.
    pub(super) fn wait_after(&self, rest: &mut Rest, report: &DeviceReport) -> Duration {
        let service = self.shared.settings().service;
        let schedule = self.device.schedule.as_ref().unwrap_or(&service.schedule);
        schedule.next_wait(rest, report.new > 0, self.shared.clock.local_now())
    }

    pub(super) fn tell(&mut self, mut report: DeviceReport) {
        report.notes.append(&mut self.notes);
        self.say(report);
    }

    fn say(&self, report: DeviceReport) {
        self.shared.board.polled(&report);
        // Nobody may be left to hear it.
        let _ = self.told.send(Told::Polled(Box::new(report)));
    }

    /// Waits while the terminal is paused, or somebody else talks to it. Returns false if the task is stopped.
    async fn until_resumed(&mut self) -> bool {
        loop {
            let orders = *self.orders.borrow_and_update();
            if !orders.rests() {
                // A run that is stopped before it began still reports each terminal.
                return true;
            }
            if orders.paused {
                self.shared.board.pauses(&self.device.name);
            }
            tokio::select! {
                changed = self.orders.changed() => if changed.is_err() { return false },
                () = self.stop.cancelled() => return false,
            }
        }
    }

    /// A visit with the settings and orders as they are now.
    pub(super) fn visit(&self) -> Visit {
        let full = self.orders.borrow().full;
        let settings = self.shared.settings();
        let RunOptions { dry_run, full: always_full, new_owners, .. } = settings.run_options(&*self.shared.clock);
        Visit {
            device: Arc::clone(&self.device),
            engine: settings.engine,
            dry_run,
            full: full || always_full,
            new_owners,
            ledger: Arc::clone(&self.shared.ledger),
            reader: Arc::clone(&self.shared.reader),
            clock: Arc::clone(&self.shared.clock),
            observer: Arc::clone(&self.shared.observer),
            random: Arc::clone(&self.shared.random),
            intake: settings.intake,
            gates: Arc::clone(&self.shared.gates),
            stop: self.stop.clone(),
            peers: settings.terminals,
            habits: self.habits.clone(),
        }
    }

    /// Polls once, on a session of its own.
    pub(super) async fn poll(&mut self) -> Result<DeviceReport, SyncError> {
        // This poll is the one that was asked for.
        self.orders.mark_unchanged();
        let outcome = self.visit().run().await;
        self.survived(outcome, |report| report)
    }

    /// Polls once, on a session that stays open.
    pub(super) async fn poll_on(&mut self, client: &mut Client) -> Result<Polled, SyncError> {
        self.orders.mark_unchanged();
        let outcome = self.visit().run_on(client).await;
        self.survived(outcome, |report| Polled { report, is_hopeless: false })
    }

    /// Makes a failed poll of a trouble that passes: a full disk has room again some day.
    fn survived<T>(&self, outcome: Result<T, SyncError>, of: impl FnOnce(DeviceReport) -> T) -> Result<T, SyncError> {
        match outcome {
            Err(error) if error.can_be_survived() && !self.once => {
                let report = self.failed(&error);
                tell::of_terminal(&report);
                Ok(of(report))
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
        self.work().await
    }

    async fn report_fault(&self, error: SyncError) {
        self.say(self.failed(&error));
    }

    fn is_once(&self) -> bool {
        self.once
    }
}
