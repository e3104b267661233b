//! `doctor firestore` reports the documents of misread logs first, and deletes them only on request.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::common::{World, create_document, documents, emulator};

const COLLECTION: &str = "staffAttendanceLogs";
/// From the Python tool's own bug report: an empty staff id.
const POLLUTED: &str = "00003e2c00a363fff3a25881ccb3e36e";

fn document(staff_id: &str, timestamp: DateTime<Utc>, uploaded_at: DateTime<Utc>) -> Value {
    json!({
        "staffId": { "stringValue": staff_id },
        "timestamp": { "timestampValue": timestamp },
        "status": { "integerValue": "1" },
        "workCode": { "integerValue": "0" },
        "uploadedAt": { "timestampValue": uploaded_at },
    })
}

#[test]
fn documents_of_misread_logs_are_reported_first_and_deleted_on_request() {
    let Some(address) = emulator("documents_of_misread_logs_are_reported_first_and_deleted_on_request") else { return };
    let (world, project) = (World::new(), format!("doctor-{}", std::process::id()));
    let uploaded: DateTime<Utc> = "2025-09-02T06:00:00Z".parse().unwrap();
    let polluted: DateTime<Utc> = "2025-09-01T15:25:52Z".parse().unwrap();
    for (id, staff_id, timestamp) in [
        (POLLUTED, "", polluted),
        ("ahead-of-its-upload", "42", uploaded + TimeDelta::days(3)),
        // A wall clock taken for UTC is ahead by the zone's offset.
        ("in-the-maldives", "42", uploaded + TimeDelta::hours(5)),
        ("ordinary", "7", polluted),
    ] {
        create_document(&address, &project, COLLECTION, id, &document(staff_id, timestamp, uploaded));
    }
    let before = documents(&address, &project, COLLECTION);
    let url = format!("firestore://{project}/{COLLECTION}");
    let doctor =
        |more: &[&str]| world.cli(&[&["doctor", "firestore", "--find-garbage", "--sink", &url], more].concat());

    let report = doctor(&[]).ended(70);
    for told in [POLLUTED, "ahead-of-its-upload", "2 of 4 documents", "--apply"] {
        assert!(report.stdout.contains(told), "{told}: {report:?}");
    }
    assert!(report.stdout.lines().all(|line| line.chars().count() <= 80), "{report:?}");
    assert!(report.stderr.contains("4 documents (4 reads billed)"), "{report:?}");
    let listed = doctor(&["--json"]).ended(70);
    let mut finds: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    finds.sort_by_key(|find| find["id"].as_str().unwrap().to_owned());
    assert_eq!(
        (&finds[0]["id"], &finds[0]["staffId"], &finds[0]["deleted"]),
        (&POLLUTED.into(), &"".into(), &Value::Null)
    );
    assert_eq!(finds.len(), 2);
    assert_eq!(documents(&address, &project, COLLECTION), before, "a report changes nothing");

    assert!(doctor(&["--apply"]).ended(0).stdout.contains("2 deleted"));
    let left = documents(&address, &project, COLLECTION);
    assert_eq!(left.keys().collect::<Vec<_>>(), ["in-the-maldives", "ordinary"]);
    assert!(doctor(&["--apply"]).ended(0).stdout.contains("Nothing found"), "there is nothing left");
}

#[test]
fn the_collection_to_look_at_must_be_clear() {
    let world = World::new();
    world.cli(&["doctor", "firestore", "--apply"]).ended(2);
    let run = world.cli(&["doctor", "firestore", "--find-garbage", "--sink", "sqlite:att.db"]).ended(10);
    assert!(run.stderr.contains("firestore://PROJECT/COLLECTION"), "{run:?}");
    let sink = |name: &str| format!("[[sink]]\nname = \"{name}\"\nurl = \"firestore://{name}/logs\"\n");
    world.write(
        "iclock.toml",
        format!("[[device]]\nname = \"gate\"\nhost = \"192.0.2.1\"\n{}{}", sink("one"), sink("two")),
    );
    assert!(world.cli(&["doctor", "firestore", "--find-garbage"]).ended(10).stderr.contains("--sink"));
}

#[test]
fn a_firestore_that_is_down_is_reported_with_a_hint() {
    let world = World::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    program.env("FIRESTORE_EMULATOR_HOST", &closed);
    program.args(["doctor", "firestore", "--find-garbage", "--sink", "firestore://away/logs"]);
    let output = program.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(30), "{told}");
    assert!(told.contains(&closed) && told.contains("try: start the Firestore emulator"), "{told}");
}
