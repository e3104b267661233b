//! Logs as real terminals sent them, and memory that terminals sent instead of a log.

use serde_json::Value;
use zk_proto::DeviceTime;
use zk_proto::proof::{Counts, Evidence, prove};

use crate::logs::{given_out, prove_twice, spool};

struct Case {
    id: String,
    area: Vec<u8>,
    width: Option<u64>,
    expect: Vec<Value>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/field_attendance.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let case = |case: &Value| {
        let hex = case["area_hex"].as_str().unwrap();
        Case {
            id: case["id"].as_str().unwrap().to_owned(),
            area: (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect(),
            width: case["record_size"].as_u64(),
            expect: case["expect"].as_array().unwrap().clone(),
        }
    };
    vectors["cases"].as_array().unwrap().iter().map(case).collect()
}

fn evidence(area: &[u8], counts: Counts) -> Evidence {
    let now = DeviceTime::new(2026, 3, 14, 9, 26, 53).unwrap();
    Evidence::new(area.len() as u64, counts, now).terminal_now(Some(now))
}

fn counts(count: Option<u64>) -> Counts {
    count.map_or(Counts::default(), |count| Counts::steady(count as u32))
}

#[test]
fn each_area_gives_the_expected_result() {
    let mut looked_at = 0;
    for Case { id, area, width, expect } in cases() {
        for expected in expect {
            let count = expected["count"].as_u64();
            let proof = prove_twice(&area, &evidence(&area, counts(count)));
            match expected["records"].as_u64() {
                Some(records) => {
                    let proven = proof.unwrap_or_else(|unproven| panic!("{id} {count:?}: {unproven}"));
                    assert_eq!(proven.layout().map(|layout| layout.width() as u64), width, "{id} {count:?}");
                    assert_eq!(proven.records(), records, "{id} {count:?}");
                    assert_eq!(given_out(proven), area[4..], "{id} {count:?}");
                }
                None => {
                    assert_eq!(expected["refused"], true, "{id}");
                    assert!(proof.is_err(), "{id} {count:?}: {proof:?}");
                }
            }
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 11);
}

#[test]
fn memory_that_was_never_a_log_is_refused_whatever_the_count() {
    for Case { id, area, .. } in cases().into_iter().filter(|case| case.id.starts_with("F-noise")) {
        for count in (0..=area.len() as u64).map(Some).chain([None]) {
            let proof = prove_twice(&area, &evidence(&area, counts(count)));
            assert!(proof.is_err(), "{id} {count:?}: {proof:?}");
        }
    }
}

#[test]
fn a_real_log_without_a_count_needs_a_second_reading() {
    let case = cases().into_iter().find(|case| case.id == "F-16-real").unwrap();
    let without = evidence(&case.area, Counts::default());
    let unproven = prove(spool(&case.area), &without).unwrap_err();
    let earlier = unproven.needs_second_reading();
    assert!(earlier.is_some(), "{unproven}");
    let mut other = case.area.clone();
    other[4 + 5 * 16] ^= 1;
    assert!(prove(spool(&other), &without.clone().earlier(earlier)).is_err(), "one byte differs");
    assert!(prove(spool(&case.area), &without.earlier(earlier)).is_ok());
}
