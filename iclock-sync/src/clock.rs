//! The clock: the only place in this crate that reads the time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Local, NaiveDateTime, Utc};

/// A source of time.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The true time.
    fn utc_now(&self) -> DateTime<Utc>;

    /// The host's wall clock.
    fn local_now(&self) -> NaiveDateTime;

    /// Time since a fixed origin; never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits for `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The host's clocks.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// The host's clocks.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn utc_now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn local_now(&self) -> NaiveDateTime {
        Local::now().naive_local()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
