//! Quirks of the conversation: handshakes, answers, clocks, polls.

use zk_push::Reply;
use zk_push::chrono::{TimeDelta, Utc};
use zk_push::request::{Head, Info};
use zk_push::time::ZoneOffset;
use zk_sim::push::Strictness;

use super::*;

/// Answers the first requests of a terminal, up to its first upload.
fn uploads(device: &mut PushDevice, handshake: &'static str) -> bytes::Bytes {
    for answer in [handshake, "OK"] {
        device.poll_request(Duration::ZERO).unwrap();
        device.handle_answer(Duration::ZERO, 200, None, &answer.into());
    }
    device.poll_request(Duration::ZERO).unwrap().body
}

/// P1: after a bare `OK` it sends the same batch again, forever.
#[tokio::test]
async fn a_terminal_that_needs_the_number_of_records_gets_it() {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut profile = scene.profile();
    profile.strictness = Strictness::OkCount;
    let mut alone = full(profile.clone());
    let first = uploads(&mut alone, "GET OPTION FROM: ATT1\nErrorDelay=30\nDelay=600");
    for round in 1..4 {
        alone.handle_answer(Duration::from_secs(30 * (round - 1)), 200, None, &"OK".into());
        assert_eq!(alone.poll_request(Duration::from_secs(30 * round)).map(|sent| sent.body), Some(first.clone()));
    }
    let pusher = scene.run(full(profile)).await;
    assert_eq!((pusher.stats().sent, scene.books().punches().len()), (30, 30));
}

/// P2: HTML, JSON, a redirect or nothing is a failure to it.
#[tokio::test]
async fn no_answer_is_anything_but_plain_text() {
    for strictness in [Strictness::OkPrefix, Strictness::OkCount] {
        for (status, body) in [(200, "<html>OK</html>"), (200, "{\"ok\":true}"), (301, "OK: 5"), (200, "")] {
            let scene = Scene::new(Dialect::Attendance).await;
            let mut profile = scene.profile();
            profile.strictness = strictness;
            let mut alone = full(profile.clone());
            uploads(&mut alone, "GET OPTION FROM: ATT1\n");
            alone.handle_answer(Duration::ZERO, status, None, &body.into());
            assert_eq!(alone.acknowledged(), 0, "{status} {body}");
            assert_eq!(scene.run(full(profile)).await.device().acknowledged(), 30);
        }
    }
}

/// P4: it shook hands long ago, when it started.
#[tokio::test]
async fn records_are_taken_without_a_handshake() {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut profile = scene.profile();
    profile.shakes_hands = false;
    assert_eq!(scene.run(full(profile)).await.device().acknowledged(), 30);
    assert!(scene.books().targets.iter().all(|target| !target.contains("options=all")));
}

/// P5: it sets its clock by the date of the answer and the option `TimeZone`.
#[tokio::test]
async fn the_clock_of_a_terminal_is_right_after_a_handshake() {
    let mut settings = Settings::default();
    settings.zone = ZoneOffset::from_minutes(330);
    let scene = Scene::with(Dialect::Attendance, settings).await;
    let clock = scene.run(full(scene.profile())).await.device().clock().unwrap();
    let wrong = clock - (Utc::now().naive_utc() + TimeDelta::minutes(330));
    assert!(wrong.abs() < TimeDelta::seconds(60), "{wrong}");
}

/// P31: its type is a word of marketing.
#[tokio::test]
async fn a_terminal_that_says_where_it_is_sold_is_one_for_attendance() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.struck(scene.profile(), PushFault::MarketingType, 100).await;
    assert!(scene.books().targets.iter().any(|target| target.contains("DeviceType=middle%20east")));
    assert_eq!(scene.books().punches().len(), 30);
}

/// P38: controllers poll and report at another path.
#[tokio::test]
async fn a_controller_polls_and_reports_at_its_own_path() {
    let scene = Scene::new(Dialect::Access).await;
    scene.order([Command::info()]);
    scene.struck(scene.profile(), PushFault::ServiceControl, 100).await;
    let books = scene.books();
    assert!(books.targets.iter().all(|target| !target.contains("getrequest") && !target.contains("devicecmd")));
    assert_eq!((books.codes(), books.keyed("rtlog").len()), (vec![("1".into(), Some(0))], 30));
}

/// P41: `INFO` ends early, with empty values.
#[tokio::test]
async fn facts_are_read_by_their_place_and_may_be_missing() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.run(full(scene.profile())).await;
    scene.struck(scene.profile(), PushFault::ShortInfo, 100).await;
    let of = |target: &String| Head::parse("GET", target).unwrap().query.get("INFO").map(Info::parse);
    let told: Vec<Info> = scene.books().targets.iter().filter_map(of).collect();
    assert_eq!((told[0].records, told[0].users), (Some(30), Some(0)));
    assert!(told[1..].iter().all(|info| info.firmware.is_none() && info.users == Some(1) && info.functions.is_none()));
}

/// P42: without `AttLog` in its options it is connected, and no record comes.
#[tokio::test]
async fn the_options_ask_for_attendance_records_by_name() {
    let mut settings = Settings::default();
    settings.transfers = vec!["OpLog"];
    let scene = Scene::with(Dialect::Attendance, settings).await;
    scene.run(full(scene.profile())).await;
    assert_eq!(scene.books().punches().len(), 0);
    let scene = Scene::new(Dialect::Attendance).await;
    scene.run(full(scene.profile())).await;
    assert_eq!(scene.books().punches().len(), 30);
    // A table that nobody knows is kept as it came, and acknowledged.
    scene.struck(scene.profile(), PushFault::UnknownTable, 100).await;
    assert!(scene.books().bad > 0);
}

/// P44: it registers again and again until it gets a code.
#[tokio::test]
async fn a_terminal_that_registers_gets_a_code() {
    let scene = Scene::new(Dialect::Access).await;
    let mut alone = full(scene.profile());
    for round in 0..3 {
        let now = Duration::from_secs(15 * round);
        assert!(alone.poll_request(now).unwrap().head.target().contains("options=all"));
        alone.handle_answer(now, 200, None, &"OK".into());
        assert!(alone.poll_request(now).unwrap().head.target().starts_with("/iclock/registry"));
        alone.handle_answer(now, 200, None, &"OK".into());
    }
    scene.run(full(scene.profile())).await;
    let books = scene.books();
    assert_eq!((books.registrations, books.keyed("rtlog").len()), (1, 30));
}

/// P45: after a bare `OK` to rows of a table it sends the same row every few seconds.
#[tokio::test]
async fn rows_of_a_table_are_acknowledged_with_its_name_and_their_number() {
    let scene = Scene::new(Dialect::Access).await;
    scene.order([Command::query_users(Dialect::Access, None).unwrap()]);
    let mut device = PushDevice::new(scene.profile());
    device.add_user("7", "Ann");
    scene.run(device).await;
    assert_eq!(scene.books().keyed("user").len(), 1);
    let [bare, counted] = [Reply::ok(), Reply::table_count(&"user".into(), 1)]
        .map(|reply| Strictness::TableCount.accepts(reply.status, &reply.body, "user", 1));
    assert!(!bare && counted);
}
