//! A loop that waits as the schedule says, by a clock that the test moves.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use common::{Gate, State};
use iclock_sync::clock::Clock;
use iclock_sync::{CancellationToken, RunOptions, Schedule};

/// Begins at a moment; sleeping moves it at once.
#[derive(Debug)]
struct Jumping {
    now: Mutex<DateTime<Utc>>,
    waits: Mutex<Vec<Duration>>,
    /// Longer sleeps are time limits of things that end before, not waits.
    longest: Duration,
}

#[async_trait]
impl Clock for Jumping {
    fn utc_now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    fn local_now(&self) -> NaiveDateTime {
        self.utc_now().naive_utc()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        if duration > self.longest {
            std::future::pending::<()>().await;
        }
        *self.now.lock().unwrap() += duration;
        self.waits.lock().unwrap().push(duration);
    }
}

#[tokio::test]
async fn a_loop_rests_longer_while_nothing_comes_and_ends_when_it_is_stopped() {
    let (gate, state) = (Gate::with_records(20).await, State::new());
    let clock = Arc::new(Jumping {
        now: Mutex::new("2026-03-02T10:00:00Z".parse().unwrap()),
        waits: Mutex::new(Vec::new()),
        longest: Duration::from_secs(300),
    });
    let engine = state
        .builder()
        .options(common::quick_with(|options| options.device_deadline = Duration::from_secs(3600)))
        .device(gate.device())
        .clock(Arc::<Jumping>::clone(&clock))
        .build()
        .unwrap();
    let (stop, mut runs) = (CancellationToken::new(), 0);
    let on_report = |report: &iclock_sync::Report| {
        assert_eq!(report.run.exit_code, 0, "{report:?}");
        runs += 1;
        match runs {
            5 => drop(gate.handle().punch_now()),
            7 => stop.cancel(),
            _ => {}
        }
    };
    let schedule = Schedule::graduated(Duration::from_secs(40));
    engine.run_loop(&schedule, &stop, |_| RunOptions::default(), on_report).await.unwrap();
    let waits: Vec<u64> = clock.waits.lock().unwrap().iter().map(Duration::as_secs).collect();
    // The first poll has news, and so has the sixth.
    assert_eq!(waits, [40, 40, 60, 90, 135, 40]);
}
