//! The waits of a schedule.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::common::clock::HandClock;

/// Time that is waited for: it passes faster and faster, so that the longest pause ends soon, and a short one is seen.
pub(crate) struct Time<'a> {
    clock: &'a HandClock,
    began: Instant,
    step: Duration,
}

impl<'a> Time<'a> {
    pub(crate) fn new(clock: &'a HandClock) -> Self {
        Self { clock, began: Instant::now(), step: Duration::from_millis(10) }
    }

    pub(crate) async fn tick(&mut self) {
        self.clock.pass(self.step);
        self.step = self.step.mul_f64(1.1).min(Duration::from_secs(60));
        sleep(Duration::from_millis(1)).await;
    }

    /// Waits from now on.
    pub(crate) fn begin_again(&mut self) {
        self.began = Instant::now();
    }

    pub(crate) fn has_passed(&self, time: Duration) -> bool {
        self.began.elapsed() >= time
    }
}
