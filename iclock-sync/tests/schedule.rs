//! Polls come as the schedule says, by a clock that the test moves.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::clock::HandClock;
use common::{Gate, State};
use iclock_sync::clock::Clock;
use iclock_sync::service::status::Activity;
use iclock_sync::{CancellationToken, Schedule, Service, ServiceOptions};

/// Waits until the terminal rests after so many polls. Returns how long it rests.
async fn rest_after(service: &Service, polls: u64) -> Duration {
    let rests = async {
        loop {
            let status = service.status();
            let gate = &status.terminals["gate"];
            assert_eq!(gate.error, None);
            if let Activity::Resting { until } = gate.activity
                && gate.polls == polls
            {
                return (until - status.at).to_std().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), rests).await.expect("the terminal is polled, and rests")
}

#[tokio::test]
async fn a_terminal_rests_longer_while_nothing_comes_and_is_polled_at_once_when_asked() {
    let (gate, state) = (Gate::with_records(20).await, State::new());
    let clock = HandClock::at("2026-03-02T10:00:00Z");
    let engine = state.builder().device(gate.device()).clock(Arc::<HandClock>::clone(&clock)).build().unwrap();
    let options = ServiceOptions::new(Schedule::graduated(Duration::from_secs(40)));
    let service = engine.start(options, &CancellationToken::new()).await.unwrap();
    let mut waits = Vec::new();
    for poll in 1..=7 {
        let wait = rest_after(&service, poll).await;
        waits.push(wait.as_secs());
        if poll == 5 {
            gate.handle().punch_now().unwrap();
        }
        clock.pass(wait);
    }
    // The first poll has news, and so has the sixth.
    assert_eq!(waits, [40, 40, 60, 90, 135, 40, 40]);

    let asked = clock.monotonic();
    rest_after(&service, 8).await;
    service.poll_now("gate").await.unwrap();
    rest_after(&service, 9).await;
    assert_eq!(clock.monotonic(), asked, "no time has passed");
    assert!(service.poll_now("nobody").await.is_err());
    service.shutdown(Duration::from_secs(10)).await.unwrap();
}
