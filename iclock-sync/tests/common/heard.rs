//! An observer that counts visits to terminals.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use iclock_sync::{DeviceProgress, Observer, SinkProgress};

/// The visits to terminals, as they were told.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Visits>);

#[derive(Debug, Default)]
struct Visits {
    under_way: BTreeSet<String>,
    at_once: usize,
}

impl Heard {
    /// The most terminals that were visited at once.
    pub(crate) fn at_once(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).at_once
    }
}

impl Observer for Heard {
    fn device(&self, device: &str, progress: DeviceProgress) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            DeviceProgress::Connecting => {
                // Each attempt says so.
                visits.under_way.insert(device.to_owned());
                visits.at_once = visits.at_once.max(visits.under_way.len());
            }
            DeviceProgress::Finished { .. } => {
                visits.under_way.remove(device);
            }
            _ => {}
        }
    }

    fn sink(&self, _: &str, _: SinkProgress) {}
}
