//! Quirks of records.

use zk_push::record::{AccessEvent, Flag, VerifyStyle};
use zk_push::text::Fallback;
use zk_sim::push::Columns;

use super::*;

/// The attendance records that a terminal sends under a fault.
async fn sent(columns: Columns, fault: Option<PushFault>, punches: &[Punch]) -> Scene {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut profile = scene.profile();
    profile.columns = columns;
    let mut device = PushDevice::new(profile);
    punches.iter().for_each(|punch| device.punch(punch));
    scene.run_with(device, fault.as_slice()).await;
    assert_eq!(scene.books().punches().len(), punches.len(), "{fault:?}");
    scene
}

/// P6: a tab at the end of each line looks like one more column.
#[tokio::test]
async fn a_tab_at_the_end_of_a_line_is_no_column() {
    let scene = sent(Columns::TenAndTab, None, &[punch(1)]).await;
    let books = scene.books();
    let record = books.records[0].1.attendance().unwrap();
    assert!(record.flags().contains(&Flag::TrailingTab) && record.extra.is_empty());
}

/// P7: 255 for a person who declared nothing.
#[tokio::test]
async fn a_punch_without_a_state_keeps_its_number() {
    let scene = sent(Columns::Ten, None, &[Punch { state: 255, ..punch(1) }]).await;
    assert_eq!(scene.books().records[0].1.attendance().unwrap().state, Some(255));
}

/// P8: the work code is empty.
#[tokio::test]
async fn an_empty_work_code_is_none() {
    let scene = sent(Columns::Seven, Some(PushFault::EmptyWorkCode), &[punch(1)]).await;
    assert_eq!(scene.books().records[0].1.attendance().unwrap().work_code, None);
}

/// P9: the stamp has any name and value.
#[tokio::test]
async fn a_stamp_comes_back_as_it_was_sent() {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut pusher = scene.struck(scene.profile(), PushFault::OtherStamp, 100).await;
    pusher.device().restart();
    crate::run(&mut pusher).await;
    let stamp = pusher.device().options().get("ATTLOGStamp").map(ToString::to_string);
    assert_eq!(stamp.as_deref(), Some("2026-03-01T08:00:00"));
}

/// P10: a flood of empty uploads.
#[tokio::test]
async fn an_empty_upload_is_answered_and_nothing_is_stored() {
    let scene = everything_arrives_in_spite_of(PushFault::EmptyUploads).await;
    let books = scene.books();
    assert!(books.targets.iter().filter(|target| target.contains("table=OPERLOG")).count() >= 3);
    assert!(books.stamps.iter().all(|(table, _)| table != "OPERLOG"));
}

/// P11: users have keys that nobody knows. P39: values contain commas.
#[tokio::test]
async fn a_user_keeps_each_key_and_each_comma() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.order([Command::query_users(Dialect::Attendance, None).unwrap()]);
    let mut device = PushDevice::new(scene.profile());
    device.add_user("7", "Doe, Ann");
    device.punch(&Punch::new(0, "1,2", punch(1).time, 0, 1));
    scene.run_with(device, &[PushFault::UnknownKeys]).await;
    let books = scene.books();
    let user = &books.keyed("user")[0].fields;
    assert_eq!((user.get("Name"), user.get("BrandNew")), (Some(&"Doe, Ann".into()), Some(&"7".into())));
    assert_eq!(books.punches()[0].0, "1,2");
}

/// P12: parameters have empty values and blanks.
#[tokio::test]
async fn parameters_may_be_empty() {
    let scene = everything_arrives_in_spite_of(PushFault::Parameters).await;
    let books = scene.books();
    assert_eq!(books.parameters[0].get("MaxPvCount"), Some(&"".into()));
    assert_eq!(books.parameters[0].get("OS"), Some(&"Linux".into()));
}

/// P25: the verify mode is a string of bits.
#[tokio::test]
async fn bits_are_no_number() {
    let scene = Scene::new(Dialect::Access).await;
    let mut profile = scene.profile();
    profile.says_bits = true;
    scene.run(full(profile)).await;
    let books = scene.books();
    let event = AccessEvent::read(books.keyed("rtlog")[0]).unwrap();
    assert!(VerifyStyle::parse(&event.verify_mode.unwrap()).is_some());
}

/// P26: doors have events of nobody. P47: one event in each request, with states of doors between them.
#[tokio::test]
async fn events_of_nobody_are_no_punches() {
    let scene = Scene::new(Dialect::Access).await;
    scene.struck(scene.profile(), PushFault::NobodysEvents, 100).await;
    let books = scene.books();
    let events: Vec<AccessEvent> = books.keyed("rtlog").into_iter().filter_map(AccessEvent::read).collect();
    assert!(events.iter().filter(|event| !event.is_attendance()).count() > 30);
    assert_eq!(events.iter().filter(|event| event.is_attendance()).count(), 30);
    assert!(books.keyed("rtstate").len() > 30);
}

/// P27: it says nothing of attempts that it denied.
#[tokio::test]
async fn only_what_was_accepted_is_uploaded() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.run(full(scene.profile())).await;
    let books = scene.books();
    assert_eq!(books.punches().into_iter().collect::<BTreeSet<_>>(), truth());
    assert_eq!((books.records.len(), books.bad), (30, 0));
}

/// P35: somebody punches twice within seconds, or within one.
#[tokio::test]
async fn each_of_two_punches_within_seconds_is_a_record() {
    let twice = [punch(1), Punch { time: punch(2).time, ..punch(1) }, punch(1)];
    let scene = sent(Columns::Ten, None, &twice).await;
    let times: Vec<String> = scene.books().punches().into_iter().map(|(_, time)| time).collect();
    assert_eq!(times, ["2026-03-01 09:00:01", "2026-03-01 09:00:02", "2026-03-01 09:00:01"]);
}

/// P36: a NUL inside a line.
#[tokio::test]
async fn odd_bytes_in_a_line_take_no_line_with_them() {
    for fault in [PushFault::NulInText, PushFault::BadText] {
        let scene = sent(Columns::TenAndTab, Some(fault), &[punch(1), punch(2)]).await;
        assert_eq!(scene.books().bad, 0, "{fault:?}");
        scene.order([Command::query_users(Dialect::Attendance, None).unwrap()]);
        let mut device = PushDevice::new(scene.profile());
        device.add_user("7", "Ann");
        scene.run_with(device, &[fault]).await;
        let books = scene.books();
        let (name, _) = books.keyed("user")[0].fields.get("Name").unwrap().decode(Fallback::Latin1);
        assert!(name.ends_with("Ann") && !name.contains('\0'), "{name:?}");
    }
}

/// Names are in GBK where the language is Chinese.
#[tokio::test]
async fn a_chinese_terminal_says_so_and_its_names_are_read() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.order([Command::query_users(Dialect::Attendance, None).unwrap()]);
    let mut profile = scene.profile();
    profile.language = 83;
    let mut device = PushDevice::new(profile);
    device.add_user("7", bytes::Bytes::from_static(b"\xD5\xC5"));
    scene.run(device).await;
    let books = scene.books();
    assert!(books.targets.iter().any(|target| target.contains("language=83")));
    assert_eq!(books.keyed("user")[0].fields.get("Name").unwrap().decode(Fallback::Gbk).0, "张");
}

/// P37: one picture comes as two tables.
#[tokio::test]
async fn a_picture_that_comes_as_two_tables_is_one_row_in_each() {
    let scene = Scene::new(Dialect::Access).await;
    scene.struck(scene.profile(), PushFault::Pictures, 50).await;
    let books = scene.books();
    assert!(!books.keyed("userpic").is_empty());
    assert_eq!(books.keyed("userpic").len(), books.keyed("biophoto").len());
}

/// P40: two operations are on one line.
#[tokio::test]
async fn operations_on_one_line_are_told_apart() {
    let scene = everything_arrives_in_spite_of(PushFault::GluedOperations).await;
    let books = scene.books();
    let operations = books.records.iter().filter(|(_, record)| matches!(record, Record::Operation(_))).count();
    assert!(operations >= 2 && operations.is_multiple_of(2), "{operations}");
}

/// P48: before its clock is set, its records are years old.
#[tokio::test]
async fn records_of_a_clock_that_was_not_set_are_taken() {
    let early = Punch { time: DeviceTime::new(2000, 1, 1, 0, 0, 7).unwrap(), ..punch(1) };
    let scene = sent(Columns::Ten, None, &[early, punch(2)]).await;
    let books = scene.books();
    assert_eq!((books.punches()[0].1.as_str(), books.bad), ("2000-01-01 00:00:07", 0));
}

#[tokio::test]
async fn damaged_templates_and_photos_stop_no_record() {
    for fault in [PushFault::BadBase64, PushFault::WrongSize] {
        let scene = everything_arrives_in_spite_of(fault).await;
        assert_eq!(scene.books().keyed("fp").is_empty(), fault == PushFault::WrongSize, "a cut photo is not stored");
        let scene = Scene::new(Dialect::Access).await;
        scene.struck(scene.profile(), fault, 50).await;
        assert_eq!(scene.books().keyed("rtlog").len(), 30);
    }
}
