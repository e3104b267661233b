//! The size of a sink's batches: a time-out halves it, and it grows again slowly.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Batches of the present size that have to go through before it doubles.
const PROVEN_BY: u32 = 8;

/// The size of the batches for one sink, at most the sink's own.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    present: Mutex<Present>,
}

#[derive(Debug)]
struct Present {
    size: usize,
    /// Batches of that size that went through.
    passed: u32,
}

impl Pace {
    /// Begins with the largest batches.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, present: Mutex::new(Present { size: most, passed: 0 }) }
    }

    /// The most events of the next batch; at least 1.
    pub(crate) fn size(&self) -> usize {
        self.lock().size
    }

    /// A batch of so many events timed out. A single event says nothing about the size.
    pub(crate) fn timed_out(&self, events: usize) {
        if events > 1 {
            let mut present = self.lock();
            // Batches of the same size that time out together halve it once.
            *present = Present { size: present.size.min(events / 2), passed: 0 };
        }
    }

    /// A batch of so many events went through.
    pub(crate) fn passed(&self, events: usize) {
        let mut present = self.lock();
        if present.size < self.most && events >= present.size {
            present.passed += 1;
            if present.passed >= PROVEN_BY {
                *present = Present { size: present.size.saturating_mul(2).min(self.most), passed: 0 };
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        // Nothing can panic while the lock is held.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_halves_the_batch_and_it_grows_again_slowly() {
        let pace = Pace::new(500);
        (0..4).for_each(|_| pace.timed_out(500));
        assert_eq!(pace.size(), 250, "four of one size count once");
        pace.timed_out(250);
        assert_eq!(pace.size(), 125);
        (0..7).for_each(|_| pace.passed(125));
        assert_eq!(pace.size(), 125);
        pace.passed(3);
        assert_eq!(pace.size(), 125, "a small batch proves nothing");
        pace.passed(125);
        assert_eq!(pace.size(), 250);
        (0..8).for_each(|_| pace.passed(250));
        assert_eq!(pace.size(), 500);
    }

    #[test]
    fn the_size_never_falls_below_one_event() {
        let pace = Pace::new(3);
        pace.timed_out(3);
        pace.timed_out(1);
        assert_eq!((pace.size(), Pace::new(0).size()), (1, 1));
    }
}
