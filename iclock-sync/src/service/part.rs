//! A task of the service: it is started, ordered about and stopped alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::SyncError;
use crate::clock::Clock;
use crate::error::fault;
use crate::tasks::{Orders, TaskPlace, Work};

/// The wait before a task that stopped by an internal fault begins again.
const AFTER_A_FAULT: Duration = Duration::from_secs(60);

/// A part that runs.
#[derive(Debug)]
pub(super) struct Part<T: ?Sized> {
    /// The terminal or sink that it works for.
    pub(super) of: Arc<T>,
    orders: Arc<watch::Sender<Orders>>,
    place: TaskPlace,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Somebody who wants to be in the place of a part. The part rests until this is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    orders: Arc<watch::Sender<Orders>>,
    place: TaskPlace,
    held: Option<OwnedMutexGuard<()>>,
}

impl Guest {
    /// Waits until the part has left its place. Returns false if that takes longer than `within`.
    pub(super) async fn is_alone(&mut self, within: Duration) -> bool {
        self.held = timeout(within, Arc::clone(&self.place).lock_owned()).await.ok();
        self.held.is_some()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.held = None;
        self.orders.send_modify(|orders| orders.guests = orders.guests.saturating_sub(1));
    }
}

/// The first error that ended the service.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    first: Arc<Mutex<Option<SyncError>>>,
    stop: CancellationToken,
}

impl<T: ?Sized> Part<T> {
    /// Starts a part. An internal fault ends only the part, which begins again after a pause.
    pub(super) fn start<W: Work>(
        of: Arc<T>,
        clock: Arc<dyn Clock>,
        trouble: &Trouble,
        stop: CancellationToken,
        work: impl FnOnce(watch::Receiver<Orders>, TaskPlace, CancellationToken) -> W,
    ) -> Self {
        let (orders, place) = (Arc::new(watch::Sender::new(Orders::default())), TaskPlace::default());
        let work = work(orders.subscribe(), Arc::clone(&place), stop.clone());
        let (trouble, stopped) = (trouble.clone(), stop.clone());
        let task = tokio::spawn(async move {
            loop {
                let error = match AbortOnDropHandle::new(tokio::spawn(work.clone().run())).await {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => return trouble.report(error),
                    Err(error) => error,
                };
                work.report_fault(fault("task", error)).await;
                if work.is_once() {
                    return;
                }
                tokio::select! {
                    () = clock.sleep(AFTER_A_FAULT) => {}
                    () = stopped.cancelled() => return,
                }
            }
        });
        Self { of, orders, place, stop, task }
    }

    /// Changes the orders, and wakes the part.
    pub(super) fn order(&self, change: impl FnOnce(&mut Orders)) {
        self.orders.send_modify(change);
    }

    /// Lets the part rest, for somebody who does something in its place.
    pub(super) fn guest(&self) -> Guest {
        self.order(|orders| orders.guests += 1);
        Guest { orders: Arc::clone(&self.orders), place: Arc::clone(&self.place), held: None }
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the end of the part.
    pub(super) async fn ended(&mut self) {
        if !self.task.is_finished() {
            // Only an abort makes it fail.
            let _ = (&mut self.task).await;
        }
    }

    /// Ends the part at once.
    pub(super) fn abort(&self) {
        self.task.abort();
    }
}

impl Trouble {
    /// No trouble yet. The first one cancels `stop`.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { first: Arc::default(), stop }
    }

    fn report(&self, error: SyncError) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.cancel();
    }

    /// Takes the first error.
    pub(super) fn take(&self) -> Result<(), SyncError> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}
