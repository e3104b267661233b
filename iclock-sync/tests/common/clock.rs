//! Clocks that a test sets, on a host whose local time is UTC.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use iclock_sync::clock::Clock;
use tokio::sync::watch;

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

/// A clock that stands still until the test moves it. Then it wakes all that have slept long enough.
#[derive(Debug)]
pub(crate) struct HandClock {
    start: DateTime<Utc>,
    passed: watch::Sender<Duration>,
    set_by: Mutex<TimeDelta>,
}

impl HandClock {
    pub(crate) fn at(time: &str) -> Arc<Self> {
        let (start, passed) = (time.parse().unwrap(), watch::Sender::new(Duration::ZERO));
        Arc::new(Self { start, passed, set_by: Mutex::default() })
    }

    /// Sets the time forward or back, as a person does; no time passes.
    pub(crate) fn set_by(&self, time: TimeDelta) {
        *self.set_by.lock().unwrap() += time;
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.passed.send_modify(|passed| *passed += time);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn utc_now(&self) -> DateTime<Utc> {
        self.start + self.monotonic() + *self.set_by.lock().unwrap()
    }

    fn local_now(&self) -> NaiveDateTime {
        self.utc_now().naive_utc()
    }

    fn monotonic(&self) -> Duration {
        *self.passed.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        self.passed.subscribe().wait_for(|passed| *passed >= until).await.unwrap();
    }
}
