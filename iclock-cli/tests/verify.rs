//! `verify` and `replay` at SQLite: what is missing anywhere is named and sent again.

mod common;

use common::{Run, World, terminal, truth};
use rusqlite::Connection;
use serde_json::Value;
use zk_sim::Server;

/// A configured terminal and two sinks, synced once.
fn synced(world: &World, records: usize) -> Server {
    let server = world.serve(terminal(records));
    let (host, port) = (server.addr().ip(), server.addr().port());
    world.write(
        "iclock.toml",
        format!(
            "[[device]]\nname = \"gate\"\nhost = \"{host}\"\nport = {port}\n\
             [[sink]]\nname = \"db\"\nurl = \"sqlite:att.db\"\n\
             [[sink]]\nname = \"lines\"\nurl = \"jsonl:att.jsonl\"\n"
        ),
    );
    world.cli(&["sync"]).ended(0);
    server
}

fn on(world: &World, database: &str, statement: &str) -> usize {
    Connection::open(world.path().join(database)).unwrap().execute(statement, ()).unwrap()
}

/// The result that `--json` prints.
fn verify(world: &World, flags: &[&str], code: i32) -> Value {
    world.cli(&[&["verify", "--json"], flags].concat()).ended(code).report()
}

#[track_caller]
fn fits(run: &Run) {
    let long: Vec<&str> = run.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn a_row_and_a_record_that_were_deleted_by_hand_are_named_and_repaired() {
    let world = World::new();
    let server = synced(&world, 300);
    let run = world.cli(&["verify"]).ended(0);
    assert!(run.stdout.contains("Nothing is missing."), "{}", run.stdout);
    fits(&run);
    let row = world.stored().into_iter().nth(100).unwrap();
    let where_row = format!("user_id = '{}' AND local_time = '{}'", row.0, row.1);
    assert_eq!(on(&world, "att.db", &format!("DELETE FROM attendance_events WHERE {where_row}")), 1);
    assert_eq!(on(&world, "state/ledger.sqlite", "DELETE FROM events WHERE seq = 200"), 1);
    let (day, time) = row.1.split_once(' ').unwrap();
    let run = world.cli(&["verify"]).ended(70);
    for named in ["gate", "db", "lines", "ledger", day, &format!("{} at {time}", row.0), "2 missing in all", "--repair"]
    {
        assert!(run.stdout.contains(named), "{named}: {}", run.stdout);
    }
    fits(&run);
    let result = verify(&world, &[], 70);
    assert_eq!((&result["missing"], &result["exit_code"]), (&2.into(), &70.into()));
    assert_eq!((&result["terminals"][0]["missing"], &result["sinks"][0]["missing"]), (&1.into(), &1.into()));
    assert_eq!(result["sinks"][1]["documents"], Value::Null, "a file does not count");
    assert_eq!(verify(&world, &["--only", "lines"], 0)["terminals"], Value::Array(Vec::new()));
    assert_eq!(verify(&world, &["--only", "db"], 70)["missing"], 1);
    let run = world.cli(&["verify", "--repair"]).ended(0);
    assert!(run.stdout.contains("1 record read again, 1 event stored"), "{}", run.stdout);
    fits(&run);
    assert_eq!(world.stored(), truth(&server));
    assert_eq!(verify(&world, &["--every-event"], 0)["sinks"][0]["documents"], truth(&server).len());
}

#[test]
fn a_comparison_changes_no_file_but_the_note_of_its_result() {
    let world = World::new();
    let _server = synced(&world, 50);
    let noted = world.path().join("state/verified.json");
    let others = || world.files().into_iter().filter(|(path, _)| *path != noted).collect::<Vec<_>>();
    let before = others();
    verify(&world, &[], 0);
    assert_eq!(others(), before);
    for file in ["att.db", "att.jsonl"] {
        std::fs::remove_file(world.path().join(file)).unwrap();
    }
    let before = others();
    let result = verify(&world, &["--no-terminals"], 70);
    assert_eq!((&result["missing"], &result["sinks"][0]["error_kind"]), (&100.into(), &"missing".into()), "{result}");
    assert_eq!(others(), before);
    let result = verify(&world, &["--no-terminals", "--repair"], 0);
    assert_eq!((&result["missing"], &result["repairs"][0]["totals"]["stored"]), (&0.into(), &100.into()), "{result}");
}

#[test]
fn status_says_what_was_missing_and_what_to_do_until_the_same_is_compared_again() {
    let world = World::new();
    let server = synced(&world, 60);
    let status = || world.cli(&["status"]).ended(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let last = || -> Value {
        let told: Value = serde_json::from_str(&world.cli(&["status", "--json"]).ended(0).stdout).unwrap();
        told["last_verify"].clone()
    };
    assert_eq!(last(), Value::Null);
    on(&world, "att.db", "DELETE FROM attendance_events");
    on(&world, "state/ledger.sqlite", "DELETE FROM events WHERE seq = 20");
    verify(&world, &[], 70);
    let told = status();
    for part in
        ["gate: the ledger misses 1 record of it, as verify found at ", "db: 59 events are missing there, as verify"]
    {
        assert!(told.contains(part) && told.contains("iclock-cli verify --repair"), "{part}: {told}");
    }
    assert!(!told.contains("lines: "), "{told}");
    assert_eq!((&last()["exit_code"], &last()["lacking"][1]["missing"]), (&70.into(), &59.into()));
    // Another part, and a day on which nobody punched, say nothing about these.
    assert_eq!(verify(&world, &["--days", "1"], 0)["missing"], 0);
    verify(&world, &["--only", "lines"], 0);
    assert!(status().contains("db: 59 events are missing there") && last()["exit_code"] == 0);
    verify(&world, &["--repair"], 0);
    assert!(!status().contains("verify"), "{}", status());
    drop(server);
    verify(&world, &["--only", "gate"], 20);
    assert!(status().contains("ended with 20: a terminal failed; to compare again iclock-cli verify"), "{}", status());
}

#[test]
fn days_before_the_last_ones_are_left_out() {
    let world = World::new();
    let _server = synced(&world, 1_000);
    let old = "DELETE FROM attendance_events WHERE local_time < date('now', 'localtime', '-7 days')";
    let deleted = on(&world, "att.db", old);
    assert!(deleted > 0, "the terminal has old records");
    assert_eq!(verify(&world, &["--days", "7"], 0)["missing"], 0);
    assert_eq!(verify(&world, &[], 70)["missing"], deleted);
}

#[test]
fn what_cannot_be_compared_is_an_error_of_its_own() {
    let world = World::new();
    let server = synced(&world, 20);
    let code = |args: &[&str]| world.cli(args).code;
    assert_eq!(code(&["verify", "--only", "nobody"]), 10);
    assert_eq!(code(&["verify", "--state", "elsewhere"]), 60);
    assert_eq!(code(&["verify", "--days", "0"]), 2);
    assert_eq!(code(&["verify", "--only", "gate", "--no-terminals"]), 2);
    assert!(!world.path().join("elsewhere").exists());
    drop(server);
    let result = verify(&world, &[], 20);
    assert_eq!((&result["missing"], &result["terminals"][0]["status"]), (&0.into(), &"failed".into()), "{result}");
    let people = world.cli(&["verify"]).ended(20);
    assert!(people.stdout.contains("failed"), "{}", people.stdout);
    fits(&people);
}

#[test]
fn events_that_a_sink_had_refused_go_out_when_the_cause_is_fixed() {
    let world = World::new();
    let server = synced(&world, 60);
    let user = truth(&server).into_iter().next().unwrap().0;
    on(&world, "att.db", "DELETE FROM attendance_events");
    let trigger = format!(
        "CREATE TRIGGER no BEFORE INSERT ON attendance_events WHEN NEW.user_id = '{user}'
         BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    );
    on(&world, "att.db", &trigger);
    let replay = ["replay", "--json", "--sink", "db"];
    let report = world.cli(&replay).ended(30).report();
    let (error, refused) = (report["sinks"][0]["error"].as_str().unwrap(), &report["sinks"][0]["rejected"]);
    assert!(refused.as_u64() > Some(0) && error.contains("replay --sink db --set-aside"), "{report}");
    let result = verify(&world, &["--no-terminals"], 0);
    assert_eq!((&result["missing"], &result["sinks"][0]["set_aside"]), (&0.into(), refused), "{result}");
    on(&world, "att.db", "DROP TRIGGER no");
    // Without the flag they stay where they are.
    assert_eq!(world.cli(&replay).ended(0).report()["sinks"][0]["stored"], 0);
    let report = world.cli(&[&replay[..], &["--set-aside"]].concat()).ended(0).report();
    assert_eq!(&report["sinks"][0]["stored"], refused, "{report}");
    assert_eq!(world.stored(), truth(&server));
}
