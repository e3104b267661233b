//! The device of a server, as its tasks and its handles share it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::device::Device;

/// A device, its time, and how its tasks are woken and stopped.
#[derive(Debug)]
pub(crate) struct Shared {
    device: Mutex<Device>,
    /// Counts the changes from outside; every connection looks at the device again when it moves.
    pub(crate) wake: watch::Sender<u64>,
    pub(crate) stop: CancellationToken,
    pub(crate) start: Instant,
}

impl Shared {
    pub(crate) fn new(device: Device, stop: CancellationToken) -> Self {
        Self { device: Mutex::new(device), wake: watch::Sender::new(0), stop, start: Instant::now() }
    }

    /// The device. A panic while it was held leaves nothing half done that matters to a simulation.
    pub(crate) fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wake(&self) {
        self.wake.send_modify(|count| *count += 1);
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
