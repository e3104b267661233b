//! Gaps of terminals that push, in the lines that `serve --json` prints.

use serde_json::Value;

use crate::common::{World, lines};
use crate::serving::{SERIAL, Serving, configure, request, until};

/// The news of gaps in the lines so far. Each line is as the schema says.
fn backfills(world: &World) -> Vec<Value> {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let printed = world.read("out");
    // The last line may not be whole yet.
    let whole = &printed[..printed.rfind('\n').map_or(0, |end| end + 1)];
    let mut all = Vec::new();
    for report in lines(whole) {
        let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {report}");
        all.extend(report["backfills"].as_array().unwrap().clone());
    }
    all
}

#[test]
fn a_gap_is_in_the_next_line_when_the_terminal_is_asked_and_when_it_answers() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &["--json"]);
    let upload = |stamp: u32, row: &str| {
        let line = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp={stamp}");
        assert!(request(serving.address, &line, row).unwrap().ends_with("OK: 1"));
    };
    upload(700, "7\t2026-03-01 08:00:00\t0\t1\n");
    // Its stamp steps back: it has forgotten what it had sent.
    upload(5, "7\t2026-03-01 08:01:00\t0\t1\n");
    let poll = request(serving.address, &format!("GET /iclock/getrequest?SN={SERIAL}"), "").unwrap();
    assert!(poll.contains("C:1:DATA QUERY ATTLOG StartTime="), "{poll}");
    until("the question is told", || backfills(&world).len() == 1);
    let asked = backfills(&world).remove(0);
    assert_eq!((&asked["name"], &asked["serial"]), (&"branch".into(), &SERIAL.into()));
    assert_eq!((&asked["cause"], &asked["state"]), (&"forgot".into(), &"asked".into()));
    assert_eq!(asked["answered_at"], Value::Null);

    let result = request(serving.address, &format!("POST /iclock/devicecmd?SN={SERIAL}"), "ID=1&Return=1&CMD=DATA");
    assert!(result.unwrap().ends_with("OK"));
    until("the answer is told", || backfills(&world).len() == 2);
    let answered = backfills(&world).remove(1);
    assert_eq!((&answered["state"], &answered["since"]), (&"answered".into(), &asked["since"]));
    assert!(answered["answered_at"].is_string());
    assert_eq!(serving.ends("-TERM"), 0);
    assert_eq!(backfills(&world).len(), 2, "nothing is told twice");
    let status = world.cli(&["status", "--json"]).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["terminals"][0]["backfill"]["state"], "answered", "{status}");
}
