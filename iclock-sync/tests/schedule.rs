//! Polls come as the schedule says, by a clock that the test moves.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::clock::HandClock;
use common::{Gate, State};
use iclock_sync::clock::Clock;
use iclock_sync::schedule::Quiet;
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
    let mut schedule = Schedule::graduated(Duration::from_secs(40));
    schedule.jitter = 0.0;
    let options = ServiceOptions::new(schedule);
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

#[tokio::test]
async fn a_terminal_with_a_schedule_of_its_own_rests_by_that_and_through_quiet_hours() {
    let (gate, state) = (Gate::with_records(20).await, State::new());
    let clock = HandClock::at("2026-03-02T20:00:00Z");
    let hms = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let mut own = Schedule::fixed(Duration::from_secs(3_600));
    (own.jitter, own.quiet) = (0.0, Some(Quiet { from: hms(21), until: hms(5) }));
    let mut device = gate.device();
    device.schedule = Some(own);
    let engine = state.builder().device(device).clock(Arc::<HandClock>::clone(&clock)).build().unwrap();
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(10)));
    let service = engine.start(options, &CancellationToken::new()).await.unwrap();
    assert_eq!(rest_after(&service, 1).await, Duration::from_secs(9 * 3_600), "until five in the morning");
    service.shutdown(Duration::from_secs(10)).await.unwrap();
}
