//! Live events.

use std::time::Duration;

use zk_proto::client::{LiveCapture, LiveItem, LiveOptions};
use zk_proto::op::{EnrolmentUser, RegisterEvents, StartEnrolment};
use zk_proto::record::{EventCode, LiveEvent, Who};
use zk_proto::{Client, ClientError, Command, UserId};
use zk_sim::{Profile, Punch};

use super::Site;

const PATIENCE: Duration = Duration::from_secs(10);

async fn next(client: &mut Client) -> Vec<LiveEvent> {
    let packet = client.next_event(PATIENCE).await.unwrap().expect("an event comes");
    LiveEvent::parse(EventCode(packet.session.0), packet.data)
}

/// Returns true if an event is this punch.
fn is(event: &LiveEvent, punch: &Punch) -> bool {
    let LiveEvent::Punch(told) = event else { return false };
    let who = match &told.who {
        Who::UserId(id) => id.0 == *punch.user_id,
        Who::Uid(uid) => uid.0 == punch.uid,
    };
    who && told.time == Some(punch.time) && told.verify_mode.0 == punch.mode
}

/// Q19: payloads of 10, 12, 14, 32, 36, 37 and 52 bytes; others are returned as they arrived.
#[tokio::test]
async fn punches_are_read_from_payloads_of_every_size() {
    for length in [10, 12, 14, 32, 36, 37, 52] {
        let profile = Profile { event_len: length, ..Profile::named("tft40").unwrap() };
        let terminal = zk_sim::Terminal::builder().profile(profile).users(3).seed(2).build();
        let server = zk_sim::Server::start(terminal, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let options = zk_proto::ConnectOptions::new("127.0.0.1").port(server.addr().port());
        let mut client = Client::connect(&options).await.unwrap();
        client.call(&RegisterEvents::ALL).await.unwrap();
        let punch = server.handle().punch_now().unwrap();
        let events = next(&mut client).await;
        assert!(matches!(&events[..], [event] if is(event, &punch)), "{length}: {events:?}");
        let odd = zk_sim::TerminalEvent::Other(EventCode::ATTENDANCE.0, vec![9; 11].into());
        server.handle().emit(odd);
        let events = next(&mut client).await;
        let [LiveEvent::Other { code: EventCode::ATTENDANCE, payload }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(payload[..], [9; 11]);
    }
}

/// Q20: a peer that vanished without a sign, or restarted, is noticed; the client connects again and reports the gap.
#[tokio::test]
async fn a_dead_line_is_noticed_and_the_gap_is_told() {
    let site = Site::with("tft40", 20, &[]).await;
    let patient = LiveOptions::default();
    let options = patient.ping_every(Duration::from_millis(60)).pauses(vec![Duration::from_millis(10)]);
    let connect = site.options().timeout(Duration::from_millis(300));
    let mut capture = LiveCapture::new(connect, options);
    let item = async |capture: &mut LiveCapture| {
        tokio::time::timeout(PATIENCE, capture.next()).await.expect("something is told").unwrap()
    };
    assert!(matches!(item(&mut capture).await, LiveItem::Gap(_)));
    site.terminal.go_silent();
    let lost = item(&mut capture).await;
    assert!(matches!(lost, LiveItem::Lost { why: ClientError::TimedOut { .. } }), "{lost:?}");
    assert!(matches!(item(&mut capture).await, LiveItem::Gap(_)));
    site.terminal.restart();
    assert!(matches!(item(&mut capture).await, LiveItem::Lost { .. }));
    assert!(matches!(item(&mut capture).await, LiveItem::Gap(_)));
    let punch = site.terminal.punch_now().unwrap();
    let heard = item(&mut capture).await;
    assert!(matches!(&heard, LiveItem::Event(event) if is(event, &punch)), "{heard:?}");
}

/// Q21: events that arrive during an answer or a transfer are kept, and are not part of either.
#[tokio::test]
async fn events_in_the_middle_of_a_transfer_are_kept_apart() {
    let site = Site::with("tft40-small-packets", 300, &["event-mid-transferx1"]).await;
    let mut client = site.client().await;
    client.call(&RegisterEvents::ALL).await.unwrap();
    site.pulls_the_truth_with(&mut client).await;
    let last = site.terminal.records().pop().unwrap();
    let events = next(&mut client).await;
    assert!(matches!(&events[..], [event] if is(event, &last)), "{events:?}");
}

/// Q45: the end of an enrolment is reported twice; what follows does not disturb the next request.
#[tokio::test]
async fn an_enrolment_that_ends_twice_is_ended_once() {
    let site = Site::with("tft40", 0, &["enrol-twice"]).await;
    let mut client = site.client().await;
    let user = EnrolmentUser::Text(UserId("1003".into()));
    let request = StartEnrolment { user, finger: 6, duress: false };
    client.enrol(&request, PATIENCE, |_| ()).await.unwrap();
    assert_eq!(site.terminal.inspect(|terminal| terminal.fingers().len()), 1);
    for _ in 0..3 {
        client.time().await.unwrap();
    }
    let sent = site.terminal.received();
    let ended = sent.iter().any(|packet| packet.command == Command::REG_EVENT && packet.data[..] == [0; 4]);
    assert!(ended, "nobody listens any more");
}
