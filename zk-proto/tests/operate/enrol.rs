//! Remote enrolment, pictures of fingers, and every kind of live event.

use std::time::Duration;

use bytes::Bytes;
use zk_proto::client::EnrolError;
use zk_proto::enrolment::Step;
use zk_proto::op::{
    CancelCapture, CaptureFinger, CaptureImage, EnrolmentUser, RegisterEvents, StartEnrolment, StartVerification,
    TestTemplate,
};
use zk_proto::record::{Alarm, EnrolmentResult, EventCode, LiveEvent, OperationCode, UserLayout, Who};
use zk_proto::{Client, Command, Uid, UserId};
use zk_sim::{Fault, TerminalEvent};

use super::{Named, Site, sites, staffed};

/// Long enough for a busy machine; nobody waits for it but in the test of silence.
const PATIENCE: Duration = Duration::from_secs(20);

/// The operations of this group, each of which leaves the terminal as it was.
pub(crate) const OPERATIONS: &[Named] = &[
    ("cancel a capture", |client| Box::pin(async { Ok(client.call(&CancelCapture).await?) })),
    ("recognize anybody", |client| Box::pin(async { Ok(client.call(&StartVerification::Anybody).await?) })),
    ("recognize one user", |client| Box::pin(async { Ok(client.call(&StartVerification::Only(Uid(1))).await?) })),
    ("picture of a finger", |client| {
        Box::pin(async {
            assert_eq!(client.call(&CaptureFinger::SMALL).await?.len(), 125 * 125 * 3 / 4);
            Ok(())
        })
    }),
    ("whose template", |client| {
        Box::pin(async {
            assert_eq!(client.call(&TestTemplate(b"nobody's")).await?, None);
            Ok(())
        })
    }),
    ("register for events", |client| Box::pin(async { Ok(client.call(&RegisterEvents::ALL).await?) })),
];

#[tokio::test]
async fn every_operation_of_enrolment_is_answered_by_every_terminal() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        for (name, operation) in OPERATIONS {
            operation(&mut client).await.unwrap_or_else(|error| panic!("{name}, {}: {error}", site.name()));
        }
        client.exit().await;
    }
}

/// Over TCP: a picture cannot be requested again, and a burst of three hundred datagrams does not arrive whole.
#[tokio::test]
async fn the_whole_sensor_is_a_transfer() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    assert_eq!(client.call(&CaptureImage).await.unwrap().len(), 640 * 480);
}

fn request(site: &Site, finger: u8) -> StartEnrolment {
    let user = match site.profile.users {
        UserLayout::TwentyEight => EnrolmentUser::Number(1003),
        _ => EnrolmentUser::Text(UserId("1003".into())),
    };
    StartEnrolment { user, finger, duress: false }
}

#[tokio::test]
async fn an_enrolment_is_told_step_by_step_and_stored() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        let mut steps = Vec::new();
        let enrolment = client.enrol(&request(&site, 6), PATIENCE, |step| steps.push(step.clone())).await.unwrap();
        let finger = enrolment.finger.unwrap();
        assert_eq!((finger.user_id.as_str(), finger.finger), ("1003", 6), "{}", site.name());
        let presses = (1..=3).flat_map(|press| [Step::Placed { press }, Step::Captured { press }]);
        assert!(steps.iter().take(6).cloned().eq(presses), "{}: {steps:?}", site.name());
        let stored = site.terminal.inspect(|terminal| terminal.fingers());
        let [stored] = &stored[..] else { panic!("{}: {stored:?}", site.name()) };
        assert_eq!((stored.uid, stored.finger, stored.flag), (Uid(3), 6, 1));
        let noted = site.terminal.inspect(|terminal| terminal.operations().last().cloned()).unwrap();
        let size = stored.template.len().try_into().unwrap();
        assert_eq!((noted.operation, noted.parameters), (OperationCode::FINGER_ENROLLED, [3, 0, 6, size]));
        assert_eq!(client.call(&TestTemplate(&stored.template)).await.unwrap(), Some(Uid(3)));
        // The same finger again is refused before anybody presses.
        let again = client.enrol(&request(&site, 6), PATIENCE, |_| ()).await;
        assert!(matches!(again, Err(EnrolError::Client(_))), "{}: {again:?}", site.name());
        client.exit().await;
    }
}

async fn enrolled_under(fault: &str, patience: Duration) -> (Result<(), EnrolError>, Vec<Step>, Site, Client) {
    let site = Site::plain(staffed()).await;
    site.terminal.set_faults(&[Fault::parse(fault).unwrap()]);
    let mut client = site.client().await;
    let mut steps = Vec::new();
    let outcome = client.enrol(&request(&site, 1), patience, |step| steps.push(step.clone())).await;
    (outcome.map(drop), steps, site, client)
}

#[tokio::test]
async fn a_bad_press_is_told_and_repeated() {
    let (outcome, steps, _site, _client) = enrolled_under("enrol-repeat", PATIENCE).await;
    outcome.unwrap();
    assert_eq!(steps[..2], [Step::Placed { press: 1 }, Step::Repeat { press: 1 }]);
}

#[tokio::test]
async fn an_enrolment_that_fails_says_why_and_stores_nothing() {
    let (outcome, _, site, mut client) = enrolled_under("enrol-fails=5", PATIENCE).await;
    assert!(matches!(outcome, Err(EnrolError::Ended(EnrolmentResult::FINGER_KNOWN))), "{outcome:?}");
    assert!(site.terminal.inspect(|terminal| terminal.fingers()).is_empty());
    client.time().await.unwrap();
}

/// Quirk Q45.
#[tokio::test]
async fn a_completion_that_comes_twice_disturbs_nothing_behind_it() {
    let (outcome, _, _site, mut client) = enrolled_under("enrol-twice", PATIENCE).await;
    outcome.unwrap();
    assert_eq!(client.next_event(Duration::ZERO).await.unwrap(), None);
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_terminal_that_tells_nothing_of_an_enrolment_is_left_as_it_was() {
    let (outcome, _, site, _client) = enrolled_under("enrol-silent", Duration::from_millis(50)).await;
    assert!(matches!(outcome, Err(EnrolError::Silent { .. })), "{outcome:?}");
    let asked: Vec<_> = site.terminal.received().into_iter().map(|received| received.command).collect();
    assert_eq!(asked[asked.len() - 3..], [Command::REG_EVENT, Command::CANCELCAPTURE, Command::STARTVERIFY]);
}

/// Every kind, as the simulator tells it and as the client reads it.
fn kinds() -> Vec<(TerminalEvent, LiveEvent)> {
    let other = |code: EventCode, payload: &'static [u8]| {
        let payload = Bytes::from_static(payload);
        (TerminalEvent::Other(code.0, payload.clone()), LiveEvent::Other { code, payload })
    };
    vec![
        (TerminalEvent::Finger, LiveEvent::Finger),
        (TerminalEvent::FingerScore(100), LiveEvent::FingerScore(100)),
        (TerminalEvent::Verified(Some(13)), LiveEvent::Verify(Some(13))),
        (TerminalEvent::Verified(None), LiveEvent::Verify(None)),
        (TerminalEvent::UserEnrolled(7), LiveEvent::UserEnrolled(Who::Uid(Uid(7)))),
        (TerminalEvent::Button(4), LiveEvent::Button(4)),
        (TerminalEvent::Unlocked(9), LiveEvent::Unlocked(Some(9))),
        (TerminalEvent::Started, LiveEvent::Started),
        (TerminalEvent::Card(7_654_321), LiveEvent::Card(7_654_321)),
        (TerminalEvent::Tamper, LiveEvent::Alarm(Alarm::Tamper)),
        (TerminalEvent::ExitButton, LiveEvent::Alarm(Alarm::ExitButton)),
        (TerminalEvent::Misoperation, LiveEvent::Alarm(Alarm::Misoperation)),
        (TerminalEvent::DoorClosed, LiveEvent::Alarm(Alarm::DoorClosed)),
        (TerminalEvent::Duress(13), LiveEvent::Alarm(Alarm::Duress { uid: Uid(13), matched: 1 })),
        (TerminalEvent::Antipassback(13), LiveEvent::Alarm(Alarm::Antipassback { uid: Uid(13), matched: 1 })),
        other(EventCode::CARD_WRITTEN, b"\x01\x02"),
        other(EventCode::TEMPLATE_DELETED, b""),
        other(EventCode::ALARM, b"\x01\x02\x03"),
    ]
}

async fn next(client: &mut Client) -> LiveEvent {
    let packet = client.next_event(PATIENCE).await.unwrap().unwrap();
    LiveEvent::parse(EventCode(packet.session.0), packet.data).remove(0)
}

#[tokio::test]
async fn every_kind_of_event_arrives_as_what_it_was() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        client.call(&RegisterEvents::ALL).await.unwrap();
        for (told, heard) in kinds() {
            site.terminal.emit(told);
            assert_eq!(next(&mut client).await, heard, "{}", site.name());
        }
        let punch = site.terminal.punch_now().unwrap();
        let LiveEvent::Punch(heard) = next(&mut client).await else { panic!("{}: no punch", site.name()) };
        assert_eq!(heard.time, Some(punch.time), "{}", site.name());
        client.exit().await;
    }
}

#[tokio::test]
async fn a_client_hears_of_nothing_but_what_it_registered_for() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    client.call(&RegisterEvents(EventCode::ALARM.0.into())).await.unwrap();
    for (told, _) in kinds() {
        site.terminal.emit(told);
    }
    for (_, heard) in kinds().into_iter().filter(|(told, _)| told.code() == EventCode::ALARM.0) {
        assert_eq!(next(&mut client).await, heard);
    }
    client.call(&RegisterEvents::NONE).await.unwrap();
    site.terminal.emit(TerminalEvent::Tamper);
    client.time().await.unwrap();
    assert_eq!(client.next_event(Duration::ZERO).await.unwrap(), None);
}
