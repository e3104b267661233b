//! A terminal that pushes goes on only after an answer that its strictness accepts, and sends the same again otherwise.

use std::time::Duration;

use bytes::Bytes;
use zk_proto::DeviceTime;
use zk_push::SerialNumber;
use zk_sim::Punch;
use zk_sim::push::{PushDevice, PushProfile, Strictness};

/// Answers to an upload of three records.
const ANSWERS: [(u16, &str); 14] = [
    (200, "OK: 3"),
    (200, "OK:3"),
    (200, "OK: 3\r\n"),
    (200, "OK"),
    (200, "OK: 2"),
    (200, "OK: x"),
    (200, "rtlog=3"),
    (200, "ATTLOG=3"),
    (200, ""),
    (200, "<html>OK</html>"),
    (201, "OK: 3"),
    (302, "OK: 3"),
    (403, "OK: 3"),
    (503, "OK: 3"),
];

fn device(profile: PushProfile, handshake: &'static str) -> PushDevice {
    let mut device = PushDevice::new(profile);
    for second in 0..5 {
        device.punch(&Punch::new(0, "7", DeviceTime::new(2026, 3, 1, 9, 0, second).unwrap(), 0, 1));
    }
    for answer in [handshake, "OK"] {
        device.poll_request(Duration::ZERO).unwrap();
        device.handle_answer(Duration::ZERO, 200, None, &Bytes::from(answer));
    }
    device
}

/// Returns true if the terminal goes on after this answer to its first upload.
fn goes_on(strictness: Strictness, (status, body): (u16, &'static str)) -> bool {
    let mut profile = PushProfile::attendance(SerialNumber::new("SN1").unwrap());
    (profile.strictness, profile.batch) = (strictness, 3);
    let mut device = device(profile, "GET OPTION FROM: SN1\nDelay=10\nErrorDelay=40");
    let first = device.poll_request(Duration::ZERO).unwrap();
    device.handle_answer(Duration::ZERO, status, None, &Bytes::from(body));
    let accepted = device.acknowledged() == 3;
    assert!(accepted || device.acknowledged() == 0);
    let due = device.poll_timeout().unwrap();
    assert_eq!(due, Duration::from_secs(if accepted { 0 } else { 40 }), "it waits after a failure");
    let mut again = device.poll_request(due).unwrap();
    if again.body.is_empty() {
        // The poll was due.
        device.handle_answer(due, 200, None, &"OK".into());
        again = device.poll_request(due).unwrap();
    }
    assert_eq!(again.body == first.body, !accepted, "the same records in the same order, or the next ones");
    accepted
}

#[test]
fn the_cursor_moves_only_on_an_answer_that_the_strictness_accepts() {
    for (strictness, accepted) in [
        (Strictness::Lenient, &ANSWERS[..11]),
        (Strictness::OkPrefix, &ANSWERS[..6]),
        (Strictness::OkCount, &ANSWERS[..3]),
        (Strictness::TableCount, &ANSWERS[7..8]),
    ] {
        for answer in ANSWERS {
            assert_eq!(goes_on(strictness, answer), accepted.contains(&answer), "{strictness:?} {answer:?}");
        }
    }
}

#[test]
fn an_access_control_terminal_needs_ok_for_events_and_keeps_its_place_after_a_lost_answer() {
    let profile = PushProfile::access(SerialNumber::new("SN1").unwrap());
    let mut device = device(profile, "registry=ok\nRequestDelay=10\nErrorDelay=40");
    for (now, answer, acknowledged) in [(0, Some("<html>"), 0), (40, None, 0), (80, Some("OK"), 1), (80, Some("OK"), 2)]
    {
        let now = Duration::from_secs(now);
        let mut sent = device.poll_request(now).unwrap();
        while sent.body.is_empty() {
            device.handle_answer(now, 200, None, &"OK".into());
            sent = device.poll_request(now).unwrap();
        }
        match answer {
            Some(answer) => device.handle_answer(now, 200, None, &answer.into()),
            None => device.handle_failure(now),
        }
        assert_eq!(device.acknowledged(), acknowledged, "{answer:?}");
    }
}

#[test]
fn each_strictness_is_found_by_its_name() {
    assert!(Strictness::ALL.iter().all(|strictness| Strictness::named(strictness.name()) == Some(*strictness)));
    assert_eq!(Strictness::named("any"), None);
}
