//! A clock that a test sets, on a host whose local time is UTC.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use iclock_sync::clock::Clock;

#[derive(Debug)]
pub(crate) struct HostInUtc(Mutex<DateTime<Utc>>);

impl HostInUtc {
    pub(crate) fn at(time: &str) -> Arc<Self> {
        Self::starting(time.parse().unwrap())
    }

    pub(crate) fn starting(now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    pub(crate) fn pass(&self, time: TimeDelta) {
        *self.0.lock().unwrap() += time;
    }
}

#[async_trait]
impl Clock for HostInUtc {
    fn utc_now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn local_now(&self) -> NaiveDateTime {
        self.utc_now().naive_utc()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {
        // Nothing in these tests takes long enough to reach a time limit.
        std::future::pending::<()>().await;
    }
}
