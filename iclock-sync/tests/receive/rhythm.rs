//! Terminals that upload in batches, poll as they like, or have a clock that drifts: nothing of them is lost, and none
//! is taken for one that was gone. Hours pass at once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use iclock_sync::Engine;
use iclock_sync::receive::SET_TIME;
use zk_proto::DeviceTime;
use zk_push::request::Method;
use zk_push::time::ZoneOffset;
use zk_push::{PackedTime, SerialNumber};
use zk_sim::Punch;
use zk_sim::push::{PushDevice, PushProfile};

use crate::common::clock::HostInUtc;
use crate::common::{State, memory};
use crate::orders::{NOW, order, with};
use crate::server::{SERIAL, Server, until};
use crate::stored;

/// Minutes of the clock in the Maldives ahead of UTC.
const AHEAD: i16 = 300;

/// A terminal, its receiver, and the time of both.
struct Hours {
    server: Server,
    device: PushDevice,
    clock: Arc<HostInUtc>,
    now: Duration,
}

impl Hours {
    async fn new(engine: &Engine, clock: &Arc<HostInUtc>, mut profile: PushProfile) -> Self {
        profile.zone = ZoneOffset::from_minutes(AHEAD);
        let server = Server::start(engine, &[with(&[])], None).await;
        Self { server, device: PushDevice::new(profile), clock: Arc::clone(clock), now: Duration::ZERO }
    }

    fn date(&self) -> DateTime<Utc> {
        NOW.parse::<DateTime<Utc>>().unwrap() + self.now
    }

    /// Time passes, and nobody calls.
    fn pass_silently(&mut self, time: Duration) {
        self.now += time;
        self.clock.pass(TimeDelta::from_std(time).unwrap());
    }

    /// Time passes, and everything that is due is sent and answered.
    async fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.device.poll_timeout().filter(|due| *due <= end) {
            self.pass_silently(due.saturating_sub(self.now));
            let Some(sent) = self.device.poll_request(self.now) else { continue };
            let method = if sent.head.method == Method::Post { "POST" } else { "GET" };
            let body = std::str::from_utf8(&sent.body).unwrap();
            let answer = self.server.send(method, &sent.head.target(), body).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            self.device.handle_answer(self.now, status, Some(self.date()), &body.to_owned().into());
        }
        self.pass_silently(end.saturating_sub(self.now));
    }

    /// Somebody punches, at the time that the terminal shows.
    fn punch(&mut self) {
        let time = DeviceTime::from_naive(self.device.shows(self.now)).unwrap();
        self.device.punch(&Punch::new(0, "0007", time, 0, 1));
    }

    /// The distance of its clock from the right time, in seconds.
    fn off(&self) -> i64 {
        let right = self.date().naive_utc() + TimeDelta::minutes(AHEAD.into());
        (self.device.shows(self.now) - right).num_seconds()
    }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn serial() -> SerialNumber {
    SerialNumber::new(SERIAL).unwrap()
}

#[tokio::test]
async fn a_terminal_that_uploads_in_batches_or_polls_seldom_is_there_all_the_time_and_loses_nothing() {
    for (uploads_at_once, adapts_polls) in [(false, false), (true, true), (false, true)] {
        let (state, (sink, as_sink)) = (State::new(), memory("db"));
        let clock = HostInUtc::at(NOW);
        let mut profile = PushProfile::attendance(serial());
        (profile.uploads_at_once, profile.adapts_polls) = (uploads_at_once, adapts_polls);
        let engine = state.builder().device(with(&[])).sink(as_sink).clock(Arc::clone(&clock) as _).build().unwrap();
        let mut hours = Hours::new(&engine, &clock, profile).await;
        let mut waited = 0;
        for _ in 0..24 {
            hours.pass(minutes(5)).await;
            hours.punch();
            hours.pass(Duration::from_secs(15)).await;
            waited += usize::from(hours.device.acknowledged() < hours.device.log().len());
            let called = hours.server.service.status().terminals["gate"].last_call.unwrap();
            assert!(hours.date() - called < TimeDelta::seconds(90), "it is there");
        }
        assert_eq!(waited > 12, !uploads_at_once, "{waited} of 24 punches waited for their time");
        hours.pass(minutes(2)).await;
        assert_eq!(hours.device.acknowledged(), 24);
        assert_eq!(hours.device.executed(), [] as [&str; 0], "it was asked for nothing");
        assert_eq!(state.ledger().push_gaps(None).unwrap(), []);
        until("all is stored", || stored(&sink).len() == 24).await;
        hours.server.end().await;
    }
}

#[tokio::test]
async fn a_terminal_with_a_wrong_clock_is_asked_for_all_of_its_gap_and_each_punch_is_stored_once() {
    // In the hours of silence it gains or loses almost an hour.
    for drift in [25_000, -25_000] {
        let (state, (sink, as_sink)) = (State::new(), memory("db"));
        let clock = HostInUtc::at(NOW);
        let mut profile = PushProfile::attendance(serial());
        profile.drift = drift;
        let engine = state.builder().device(with(&[])).sink(as_sink).clock(Arc::clone(&clock) as _).build().unwrap();
        let mut hours = Hours::new(&engine, &clock, profile).await;
        hours.pass(minutes(5)).await;
        hours.punch();
        hours.pass(minutes(5)).await;
        assert!(hours.off().abs() <= 3, "each answer sets its clock: {}", hours.off());
        for _ in 0..12 {
            hours.pass_silently(minutes(15));
            hours.punch();
        }
        assert!(hours.off().abs() > 3_000, "{}", hours.off());
        hours.pass(minutes(5)).await;
        assert!(hours.off().abs() <= 3, "{}", hours.off());
        let [gap] = state.ledger().push_gaps(Some(SERIAL)).unwrap().try_into().unwrap();
        assert_eq!(gap.code, Some(13), "its answer has each punch of that time, and the one in the hour before");
        until("all is stored", || stored(&sink).len() == 13).await;
        hours.server.end().await;
    }
}

#[tokio::test]
async fn a_terminal_for_access_control_has_its_clock_set_by_a_command() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let mut profile = PushProfile::access(serial());
    profile.drift = 7_200;
    let engine = state.builder().device(with(&[])).sink(as_sink).clock(Arc::clone(&clock) as _).build().unwrap();
    let mut hours = Hours::new(&engine, &clock, profile).await;
    hours.pass(minutes(60)).await;
    assert!(hours.off().abs() > 200, "{}", hours.off());
    assert!(order(&state, &hours.server, SET_TIME).await);
    hours.pass(Duration::from_secs(15)).await;
    assert!(hours.off().abs() <= 2, "{}", hours.off());
    let right = PackedTime::new(hours.device.clock().unwrap()).unwrap().0;
    assert_eq!(hours.device.executed(), [format!("SET OPTIONS DateTime={right}")]);
    hours.server.end().await;
}
