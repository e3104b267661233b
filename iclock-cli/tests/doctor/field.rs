//! Cases from real terminals: logs as they came, and faults as they were reported.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use zk_proto::{DeviceTime, UserId};
use zk_sim::{Person, Punch, TerminalBuilder};

use super::cases::{Case, case, examine, terminal};

/// A terminal of 30 people, 1001 to 1030, with these punches.
fn staffed(profile: &str, punches: Vec<Punch>) -> TerminalBuilder {
    let person = |n: u16| Person { uid: n + 1, user_id: (1001 + n).to_string().into(), name: "x".into(), privilege: 0 };
    terminal(profile, 0).people((0..30).map(person).collect()).punches(punches)
}

/// Punches of these people, 37 minutes apart, with these states and verify modes in turn.
fn punches(ids: &[&str], states: &[u8], modes: &[u8], from: DeviceTime) -> Vec<Punch> {
    let punch = |(n, id): (usize, &&str)| {
        let time = DeviceTime(from.0 + n as u32 * 37 * 60);
        Punch::new(n as u16 % 30 + 1, id, time, states[n % states.len()], modes[n % modes.len()])
    };
    ids.iter().enumerate().map(punch).collect()
}

fn known(count: usize) -> Vec<String> {
    (0..count).map(|n| (1001 + n % 30).to_string()).collect()
}

fn day() -> DeviceTime {
    DeviceTime::new(2025, 5, 1, 7, 0, 0).unwrap()
}

/// The cases that were reported of real terminals.
const REPORTED: [&str; 12] = [
    "F-states-new",
    "F-states-later",
    "F-states-many",
    "F-count-off",
    "F-count-off-few",
    "F-id-bytes",
    "F-event-unknown",
    "F-session-pause",
    "F-zones",
    "F-clock-2000",
    "F-letters",
    "F-patch",
];

/// Those that nobody can meet with `doctor`, and why.
const ELSEWHERE: &[(&str, &str)] = &[(
    "F-event-unknown",
    "doctor asks for no events; live prints one that it does not understand, and sync --live reads the log at each",
)];

#[test]
fn each_reported_case_is_met_or_says_why_not() {
    let source = include_str!("field.rs");
    for id in REPORTED {
        let is_met = [" ", "\""].iter().any(|end| {
            source.contains(&format!("case(\"{id}{end}")) || source.contains(&format!("format!(\"{id}{end}"))
        });
        let is_elsewhere = ELSEWHERE.iter().any(|(other, why)| *other == id && why.len() > 15);
        assert!(is_met != is_elsewhere, "{id}: a case, or a row in ELSEWHERE");
    }
}

#[test]
fn each_reported_case_has_its_cause() {
    let many = known(3_200);
    let of = |count: usize| many.iter().take(count).map(String::as_str).collect::<Vec<_>>();
    let mut cases: Vec<Case> = Vec::new();

    for profile in ["tft40", "tft16"] {
        let log = punches(&of(60), &[15, 16], &[1, 15], day());
        cases.push(case(&format!("F-states-new {profile}"), staffed(profile, log), &["unknown_states"]));
    }
    // Terminals count months of 31 days: from July to October, each of those days is one of the calendar.
    let month = |month: u8| DeviceTime::new(2025, month, 1, 7, 0, 0).unwrap();
    let mut log = punches(&of(3_000), &[0, 1], &[1], month(7));
    log.extend(punches(&of(200), &[8, 9], &[1], month(10)));
    cases.push(case("F-states-later", staffed("tft40", log), &["unknown_states"]));
    let log = punches(&of(60), &[0, 8, 9, 1], &[1], day());
    cases.push(case("F-states-many", staffed("tft40", log), &["unknown_states"]));

    for (fault, causes) in [
        ("count-larger=5", &["count_off", "read_again"][..]),
        ("count-smaller=5", &["count_off", "read_again"]),
        ("count-zero", &["count_zero", "read_again"]),
        ("refuse-command=50", &["count_missing", "read_again"]),
        ("sizes-length=4", &["count_missing", "read_again"]),
    ] {
        let of_many = terminal("tft40", 3_000);
        cases.push(case(&format!("F-count-off {fault}"), of_many, causes).faults(fault));
        for profile in ["tft16", "tft40-uid"] {
            let name = format!("F-count-off-few {profile} {fault}");
            cases.push(case(&name, terminal(profile, 300), causes).faults(fault));
        }
    }

    let odd = [&b"5\xD2"[..], b"\xD25", b"\xD2", b"5\x03"].map(|field| UserId::from_field(field).0);
    let ids: Vec<&str> = odd.iter().map(String::as_str).chain(vec!["5"; 36]).collect();
    let five = Person { uid: 1, user_id: "5".into(), name: "x".into(), privilege: 0 };
    let log = punches(&ids, &[0, 1], &[1], day()).into_iter().map(|punch| Punch { uid: 1, ..punch }).collect();
    cases.push(case("F-id-bytes", terminal("tft40", 0).people(vec![five]).punches(log), &["garbled_ids"]));

    for seconds in [2, 5] {
        let rests = terminal("tft40", 60).session_rest(Duration::from_secs(seconds));
        cases.push(case(&format!("F-session-pause {seconds}"), rests, &["session_pause"]).set("transport = \"tcp\""));
    }

    let mut log = punches(&of(300), &[0, 1], &[1], day());
    log.extend(punches(&of(100), &[0], &[1], DeviceTime::new(2000, 6, 1, 0, 0, 0).unwrap()));
    cases.push(case("F-clock-2000", staffed("tft40", log), &["read_again", "reset_dates"]));

    let log = punches(&["NB2401004"; 60], &[0, 1], &[1], day());
    cases.push(case("F-letters", staffed("tft40", log), &["letters_in_ids"]));

    cases.push(case("F-patch", terminal("tft40", 400), &["log_damaged"]).faults("damaged-patch=130@200"));

    // The host of the tests may be in any zone: a terminal is in another one if its clock is hours off.
    cases.push(case("F-zones without", terminal("tft40", 60), &["zone_off"]).faults("clock-off=-5h"));
    for zone in ["America/New_York", "Pacific/Auckland", "Indian/Maldives"] {
        let zoned = case(&format!("F-zones {zone}"), terminal("tft40", 60), &[]);
        let of_zone = zone.parse::<chrono_tz::Tz>().unwrap();
        let right = chrono::Utc::now().with_timezone(&of_zone).naive_local();
        let right = DeviceTime::from_naive(right).unwrap();
        cases.push(zoned.set(&format!("zone = \"{zone}\"")).changed(move |handle| handle.set_now(right)));
    }
    examine(cases);
}

#[test]
fn each_captured_log_is_proven_or_named_with_its_cause() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/field_attendance.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut cases = Vec::new();
    for vector in vectors["cases"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        let area = Bytes::from(hex::decode(vector["area_hex"].as_str().unwrap()).unwrap());
        let profile = if vector["record_size"] == 16 || id.ends_with("-16") { "tft16" } else { "tft40" };
        let captured = || terminal(profile, 0).captured_log(area.clone());
        // What was never a log makes sense in no layout, or in one that its count contradicts.
        let refused = if id == "F-noise-k40" { "log_disagrees" } else { "log_unknown" };
        for expected in vector["expect"].as_array().unwrap() {
            let is_log = expected["records"].is_number();
            let (fault, note) = match expected["count"].as_u64() {
                None => ("refuse-command=50", Some("count_missing")),
                Some(0) => ("count-zero", is_log.then_some("count_zero")),
                // The simulated terminal counts the records of the area.
                Some(_) => ("", None),
            };
            let again = (is_log && !fault.is_empty()).then_some("read_again");
            let causes: Vec<&'static str> = [note, again, (!is_log).then_some(refused)].into_iter().flatten().collect();
            cases.push(case(&format!("{id} {fault}"), captured(), &causes).faults(fault));
        }
    }
    assert_eq!(cases.len(), 11);
    examine(cases);
}
