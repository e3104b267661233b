//! `iclock-cli sync` against simulated terminals: stored events, output and exit codes.

mod common;

use std::collections::BTreeSet;
use std::net::TcpListener;

use common::{World, row, terminal, truth};
use serde_json::Value;
use zk_sim::{Fault, FaultKind, Profile, Punch, Terminal};

fn fault(text: &str) -> Fault {
    Fault::parse(text).unwrap()
}

/// A port on which nothing listens.
fn dead() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_sync_stores_exactly_what_the_terminal_holds_and_the_next_one_nothing() {
    let world = World::new();
    let server = world.serve(terminal(3000));
    let first = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!(world.stored(), truth(&server));
    assert_eq!((&first["devices"][0]["mode"], &first["totals"]["new"]), (&Value::from("full"), &Value::from(3000)));
    let again = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!(again["devices"][0]["mode"], "unchanged");
    assert_eq!((&again["totals"]["new"], &again["sinks"][0]["requests"]), (&Value::from(0), &Value::from(0)));
    assert_eq!(again["sinks"][0]["status"], "idle");
}

#[test]
fn new_punches_come_as_a_tail() {
    let world = World::new();
    let server = world.serve(terminal(2000));
    let first = world.sync(&[&server], &[]).ended(0).report();
    let next = server.handle().records().last().unwrap().time.0 + 60;
    server.handle().add_punches((0..5).map(|n| Punch::new(1, "1", zk_proto::DeviceTime(next + n), 0, 1)));
    let second = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!((&second["devices"][0]["mode"], &second["totals"]["new"]), (&Value::from("tail"), &Value::from(5)));
    let bytes = |report: &Value| report["devices"][0]["bytes_read"].as_u64().unwrap();
    assert!(bytes(&second) * 20 < bytes(&first), "{second}");
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn a_database_that_was_lost_is_a_problem_and_replay_fills_it_again() {
    let world = World::new();
    let server = world.serve(terminal(300));
    world.sync(&[&server], &[]).ended(0);
    std::fs::remove_file(world.path().join("att.db")).unwrap();
    let report = world.sync(&[&server], &[]).ended(30).report();
    let error = report["sinks"][0]["error"].as_str().unwrap();
    assert!(error.contains("iclock-cli replay --sink"), "{error}");
    let replay = ["replay", "--json", "--sink", "sqlite:att.db", "--state", "state"];
    let report = world.cli(&replay).ended(0).report();
    assert_eq!((&report["sinks"][0]["stored"], &report["sinks"][0]["pending"]), (&300.into(), &0.into()));
    assert_eq!(world.stored(), truth(&server));
    world.sync(&[&server], &[]).ended(0);
    // Nothing is stored twice, and a window limits the events that are sent.
    let again = world.cli(&replay).ended(0).report();
    assert_eq!((&again["sinks"][0]["stored"], &again["sinks"][0]["already_stored"]), (&0.into(), &300.into()));
    let none = world.cli(&[&replay[..], &["--since", "2090-01-01"]].concat()).ended(0).report();
    assert_eq!(none["sinks"][0]["already_stored"], 0);
    world.cli(&["replay", "--sink", "nobody", "--state", "state"]).ended(10);
}

#[test]
fn every_layout_is_stored_as_it_is() {
    for profile in Profile::ALL {
        let world = World::new();
        let server = world.serve(terminal(300).profile(profile.clone()));
        world.sync(&[&server], &[]).ended(0);
        assert_eq!(world.stored(), truth(&server), "{}", profile.name);
    }
}

#[test]
fn two_dead_terminals_of_three_delay_and_fail_nothing_but_themselves() {
    let world = World::new();
    let server = world.serve(terminal(500));
    let (one, other) = (format!("one={}?transport=tcp", dead()), format!("other={}?transport=tcp", dead()));
    let run = world.sync(&[&server], &["--device", &one, "--device", &other]).ended(20);
    let report = run.report();
    let status = |n: usize| report["devices"][n]["status"].as_str().unwrap().to_owned();
    assert_eq!([status(0), status(1), status(2)], ["ok", "failed", "failed"]);
    assert!(report["devices"][1]["error"].as_str().unwrap().contains("cannot connect"), "{report}");
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn a_sink_that_is_down_delays_no_other_and_catches_up() {
    let world = World::new();
    let server = world.serve(terminal(400));
    // A directory is in the place of the file.
    std::fs::create_dir(world.path().join("other.db")).unwrap();
    let run = world.sync(&[&server], &["--sink", "sqlite:other.db"]).ended(30);
    let report = run.report();
    assert_eq!((&report["sinks"][0]["stored"], &report["sinks"][1]["pending"]), (&Value::from(400), &Value::from(400)));
    assert_eq!(world.stored(), truth(&server));
    std::fs::remove_dir(world.path().join("other.db")).unwrap();
    let later = world.sync(&[&server], &["--sink", "sqlite:other.db"]).ended(0).report();
    assert_eq!((&later["sinks"][1]["stored"], &later["totals"]["pending"]), (&Value::from(400), &Value::from(0)));
}

#[test]
fn records_without_a_user_id_are_quarantined_once_and_reported_in_one_line() {
    let world = World::new();
    let server = world.serve(terminal(2000).fault(fault("empty-user-ids=50")));
    let refused = server.handle().records().iter().filter(|punch| !common::is_valid(punch)).count();
    assert!(refused > 800, "{refused}");
    let device = format!("gate={}", server.addr());
    let args = ["sync", "--device", &device, "--sink", "sqlite:att.db"];
    let first = world.cli(&args).ended(0);
    assert_eq!(first.stdout.matches("refused, empty_user_id").count(), 1, "{}", first.stdout);
    assert_eq!(first.stdout.matches("the rule empty_user_id refused").count(), 1, "{}", first.stdout);
    assert_eq!(world.stored(), truth(&server));
    let again = world.cli(&[&args[..], &["--full"]].concat()).ended(0);
    assert!(!again.stdout.contains("empty_user_id"), "{}", again.stdout);
    let listed = world.cli(&["quarantine", "list", "--json", "--limit", "100000"]).ended(0);
    assert_eq!(listed.stdout.lines().count(), refused);
    let one: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(one["raw"].as_str().unwrap().len(), 80, "{one}");
    let shown = world.cli(&["quarantine", "show", &one["id"].to_string(), "--json"]).ended(0);
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap(), one);
    let shown = world.cli(&["quarantine", "show", &one["id"].to_string()]).ended(0);
    assert!(shown.stdout.contains("empty_user_id"), "{}", shown.stdout);
}

#[test]
fn the_quarantine_is_exported_dealt_with_by_hand_and_judged_by_the_rules_of_now() {
    let world = World::new();
    let server = world.serve(terminal(200).fault(fault("empty-user-ids=50")));
    let device = format!("gate={}", server.addr());
    world.cli(&["sync", "--device", &device, "--sink", "sqlite:att.db"]).ended(0);
    let csv = world.cli(&["quarantine", "export"]).ended(0).stdout;
    let jsonl = world.cli(&["quarantine", "export", "--format", "jsonl", "--device", "gate"]).ended(0).stdout;
    let refused = jsonl.lines().count();
    assert!(refused > 50 && csv.lines().count() == refused + 1, "{csv}");
    for (line, json) in csv.lines().skip(1).zip(jsonl.lines()) {
        let record: Value = serde_json::from_str(json).unwrap();
        let raw = record["raw"].as_str().unwrap();
        assert!(raw.len() == 80 && line.ends_with(&format!(",{raw}")), "{line}");
        assert!(line.starts_with(&format!("{},", record["id"])), "{line}");
    }
    let waiting = |count: usize| {
        let left = world.cli(&["quarantine", "export", "--format", "jsonl"]).ended(0).stdout;
        assert_eq!(left.lines().count(), count, "{left}");
    };
    world.cli(&["quarantine", "resolve", "--all"]).ended(2);
    world.cli(&["quarantine", "resolve", "--note", "nobody"]).ended(2);
    world.cli(&["quarantine", "resolve", "1", "99999", "--note", "nobody"]).ended(2);
    waiting(refused);
    let one = world.cli(&["quarantine", "resolve", "1", "2", "1", "--note", "a visitor"]).ended(0);
    assert!(one.stdout.contains("2 marked"), "{one:?}");
    let shown = world.cli(&["quarantine", "show", "2"]).ended(0).stdout;
    assert!(shown.contains("by hand") && shown.contains("a visitor"), "{shown}");
    waiting(refused - 2);
    // The rules have not changed: nothing passes.
    let replayed = world.cli(&["quarantine", "replay"]).ended(0).stdout;
    assert!(replayed.contains(&format!("{} still wait", refused - 2)), "{replayed}");
    let other =
        world.cli(&["quarantine", "resolve", "--all", "--reason", "non_numeric_user_id", "--note", "-"]).ended(0);
    assert!(other.stdout.contains("0 marked"), "{other:?}");
    world.cli(&["quarantine", "resolve", "--all", "--note", "all known"]).ended(0);
    waiting(0);
    // What is dealt with stays so when it is read again.
    let last = server.handle().records().last().unwrap().clone();
    server.handle().add_punches([zk_sim::Punch { user_id: "A7".into(), ..last }]);
    world.cli(&["sync", "--full", "--device", &device, "--sink", "sqlite:att.db"]).ended(0);
    waiting(1);
    world.write(".env", "ICLOCK_RULES_NON_NUMERIC_USER_ID=accept");
    let released = world.cli(&["quarantine", "replay"]).ended(0).stdout;
    assert!(released.contains("gate: 1 pass now") && released.contains("0 still wait"), "{released}");
    waiting(0);
    let sent = world.cli(&["sync", "--json", "--device", &device, "--sink", "sqlite:att.db"]).ended(0).report();
    assert_eq!(sent["totals"]["stored"], 1, "{sent}");
}

#[test]
fn clear_empties_a_log_that_is_delivered_and_ends_with_80_where_it_is_not_safe() {
    let world = World::new();
    let server = world.serve(terminal(200));
    let (device, serial) = (format!("gate={}", server.addr()), server.handle().serial());
    let clear = |serial: &str, sink: &str| {
        let record = ["--record", "clear.zkt"];
        world.cli(&[&["clear", "gate", "--serial", serial, "--device", &device, "--sink", sink], &record[..]].concat())
    };
    let other = clear("OTHER", "sqlite:att.db").ended(80);
    assert!(other.stderr.contains(&format!("its serial number is {serial}, not OTHER")), "{other:?}");
    // Nobody types anything.
    world.cli(&["clear", "gate", "--device", &device, "--sink", "sqlite:att.db"]).ended(80);
    world.cli(&["clear", "door", "--device", &device, "--sink", "sqlite:att.db"]).ended(10);
    std::fs::create_dir(world.path().join("down.db")).unwrap();
    let down = clear(&serial, "sqlite:down.db").ended(80);
    assert!(down.stderr.contains("nothing was changed"), "{down:?}");
    assert_eq!(server.handle().records().len(), 200);
    let truth = truth(&server);
    let cleared = clear(&serial, "sqlite:att.db").ended(0);
    assert!(cleared.stdout.contains("Cleared 200 records") && cleared.stdout.contains("SHA-256"), "{cleared:?}");
    let shown = world.cli(&["transcript", "show", "clear.zkt"]).ended(0).stdout;
    assert!(shown.starts_with("# iclock-cli clear\n") && shown.contains("> CLEAR_ATTLOG"), "{shown}");
    assert_eq!((server.handle().records().len(), world.stored()), (0, truth));
}

#[test]
fn a_misframed_transfer_yields_no_record_and_a_whole_second_reading_all_of_them() {
    let world = World::new();
    let server = world.serve(terminal(500).fault(fault("cut-head-filled=12")));
    let run = world.sync(&[&server], &[]).ended(40);
    let report = run.report();
    assert_eq!(
        (&report["devices"][0]["status"], &report["totals"]["new"]),
        (&Value::from("unproven"), &Value::from(0))
    );
    let listed = world.cli(&["quarantine", "list"]).ended(0);
    assert!(listed.stdout.contains("could not be verified"), "{}", listed.stdout);
    server.handle().set_faults(&[fault("cut-head-filled=12x1")]);
    world.sync(&[&server], &[]).ended(0);
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn every_fault_ends_in_the_truth_or_in_a_named_error() {
    // Most of the time is waiting for terminals that do not answer: many at once.
    let wrong: Vec<String> = FaultKind::ALL
        .chunks(12)
        .flat_map(|kinds| {
            std::thread::scope(|scope| {
                let runs: Vec<_> = kinds.iter().map(|kind| scope.spawn(|| ended_badly(Fault::new(*kind)))).collect();
                runs.into_iter().filter_map(|run| run.join().unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the reason why a sync of a terminal with this fault ended badly.
fn ended_badly(fault: Fault) -> Option<String> {
    let world = World::new();
    let server = world.serve(terminal(120).fault(fault));
    let transport = if fault.kind().name().starts_with("udp") { "udp" } else { "tcp" };
    // If the terminal is silent, every try takes its whole timeout.
    let silent = [FaultKind::Stall, FaultKind::StallPackets, FaultKind::NotReady, FaultKind::SilentConnect];
    let timeout = if silent.contains(&fault.kind()) { "200ms" } else { "2s" };
    let device = format!("t={}?timeout={timeout}&transport={transport}", server.addr());
    let run = world.cli(&["sync", "--json", "--device", &device, "--sink", "sqlite:att.db", "--state", "state"]);
    let stored = if world.path().join("att.db").exists() { world.stored() } else { BTreeSet::new() };
    let told = run.report()["devices"][0]["error"].is_string();
    let fine = match run.code {
        0 => stored == truth(&server),
        20 | 40 => told && stored.is_empty(),
        _ => false,
    };
    (!fine).then(|| format!("{fault}: {run:?}"))
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_changes_nothing() {
    let world = World::new();
    let server = world.serve(terminal(200));
    let report = world.sync(&[&server], &["--dry-run"]).ended(0).report();
    assert_eq!((&report["run"]["dry_run"], &report["sinks"][0]["pending"]), (&Value::from(true), &Value::from(200)));
    assert!(world.files().is_empty());
    world.sync(&[&server], &[]).ended(0);
    let before = world.files();
    let after = world.sync(&[&server], &["--dry-run"]).ended(0).report();
    assert_eq!(after["sinks"][0]["pending"], 0);
    assert_eq!(world.files(), before);
}

#[test]
fn a_window_holds_back_and_a_wider_one_releases() {
    let world = World::new();
    let server = world.serve(terminal(200));
    let records = server.handle().records();
    let (_, middle, ..) = row(&records[100]);
    let report = world.sync(&[&server], &["--since", &middle]).ended(0).report();
    let inside = truth(&server).into_iter().filter(|(_, time, ..)| *time >= middle).collect::<BTreeSet<_>>();
    assert_eq!(world.stored(), inside);
    assert_eq!(report["sinks"][0]["held"].as_u64().unwrap() as usize, 200 - inside.len());
    world.sync(&[&server], &[]).ended(0);
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn the_safety_limit_stops_explains_and_yields_to_force() {
    let world = World::new();
    let server = world.serve(terminal(200));
    let device = format!("gate={}", server.addr());
    let args = ["sync", "--device", &device, "--sink", "sqlite:att.db", "--max-new", "100"];
    for _ in 0..2 {
        let run = world.cli(&args).ended(50);
        assert!(run.stdout.contains("--force") && run.stdout.contains("200"), "{}", run.stdout);
    }
    world.cli(&[&args[..], &["--force"]].concat()).ended(0);
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn the_key_comes_from_the_environment_and_is_printed_nowhere() {
    let world = World::new();
    let server = world.serve(terminal(50).key(471_147));
    let device = format!("gate={}?key=ENV:GATE_KEY", server.addr());
    let args = ["sync", "-vvv", "--device", &device, "--sink", "sqlite:att.db"];
    let command = |key: &str| {
        let output = world.program(env!("CARGO_BIN_EXE_iclock-cli")).args(args).env("GATE_KEY", key).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!text.contains(key), "{text}");
        output.status.code()
    };
    assert_eq!(command("999888"), Some(20));
    assert_eq!(command("471147"), Some(0));
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn a_second_writer_is_told_who_holds_the_state() {
    let world = World::new();
    let server = world.serve(terminal(50).fault(fault("latency=400ms")));
    let device = format!("gate={}", server.addr());
    let mut service = std::process::Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["sync", "--loop", "1h", "--device", &device, "--sink", "sqlite:att.db"])
        .current_dir(world.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !world.path().join("state/ledger.sqlite").exists() {
        std::thread::yield_now();
    }
    let run = world.sync(&[&server], &[]);
    service.kill().unwrap();
    service.wait().unwrap();
    let run = run.ended(60);
    assert!(run.stderr.contains("in use by"), "{}", run.stderr);
}

#[test]
fn a_damaged_ledger_is_refused_and_left_as_it_is() {
    let world = World::new();
    world.write("state/ledger.sqlite", b"this is no database, however long one looks at it".repeat(100));
    let server = world.serve(terminal(50));
    let before = world.read("state/ledger.sqlite");
    let run = world.sync(&[&server], &[]).ended(60);
    assert!(run.stderr.contains("ledger.sqlite") && run.stderr.contains("try:"), "{}", run.stderr);
    assert_eq!(world.read("state/ledger.sqlite"), before);
}

#[test]
fn the_report_matches_its_published_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let world = World::new();
    let server = world.serve(terminal(300).fault(fault("empty-user-ids=10")).fault(fault("cut-head=12x1")));
    let dead = format!("dead={}?transport=tcp", dead());
    for more in [&["--device", &dead][..], &[], &["--dry-run"]] {
        let report = world.sync(&[&server], more).report();
        let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {report}");
    }
}

#[test]
fn exports_have_the_python_tools_shapes_and_send_nothing() {
    let world = World::new();
    let time = zk_proto::DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    let punches = vec![Punch::new(1, "42", time, 0, 1), Punch::new(2, "A12", time, 1, 15)];
    let server = world.serve(Terminal::builder().punches(punches));
    let device = format!("gate={}", server.addr());
    let flags = ["sync", "--device", &device, "--export-simple", "--export-normalized", "--output", "out"];
    let told = world.cli(&flags).ended(0).stdout;
    for (count, kind) in [("2 records", "simplified"), ("1 record", "normalized")] {
        let line = format!("{count} exported to out/{kind}_logs_");
        assert!(told.lines().any(|told| told.starts_with(&line) && told.ends_with(".json")), "{line} is not in {told}");
    }
    let text = |prefix: &str| {
        let files = world.files();
        let (_, content) =
            files.iter().find(|(path, _)| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).unwrap();
        String::from_utf8(content.clone()).unwrap()
    };
    let normalized = "[\n    {\n        \"doc_id\": \"5b38900525c147224275a3515cb92588\",\n        \
                      \"staffId\": \"42\",\n        \
                      \"timestamp\": \"2025-05-18 07:01:09\",\n        \"status\": 1,\n        \
                      \"workCode\": 0\n    }\n]";
    assert_eq!(text("normalized_logs_"), normalized);
    let simple: Value = serde_json::from_str(&text("simplified_logs_")).unwrap();
    let ids: Vec<&str> = simple.as_array().unwrap().iter().map(|row| row["user_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["42", "A12"], "the simplified export holds what was refused, too");
    assert_eq!(simple[1]["punch_status"], 1);
    assert!(!world.path().join("att.db").exists());
}

#[test]
fn what_a_run_stored_is_saved_in_the_output_directory() {
    let world = World::new();
    let server = world.serve(terminal(30));
    world.sync(&[&server], &["--output", "out"]).ended(0);
    let audit = world.files().into_iter().find(|(path, _)| path.parent().unwrap().ends_with("out")).unwrap();
    let rows: Value = serde_json::from_slice(&audit.1).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 30);
}

#[test]
fn an_output_directory_that_cannot_be_written_is_named_and_the_events_are_stored() {
    let world = World::new();
    let server = world.serve(terminal(30));
    world.write("file", "no directory");
    let report = world.sync(&[&server], &["--output", "file/out"]).ended(30).report();
    let error = report["sinks"][0]["error"].as_str().unwrap();
    assert!(error.contains("file/out") && error.contains("check that"), "{error}");
    assert_eq!(world.stored(), truth(&server));
}

#[cfg(unix)]
#[test]
fn a_loop_reports_what_is_new_on_a_line_and_ends_with_0_when_it_is_terminated() {
    use std::io::{BufRead, BufReader};
    let world = World::new();
    let server = world.serve(terminal(50));
    let device = format!("gate={}", server.addr());
    for (signal, code) in [("-TERM", 0), ("-INT", 130)] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
            .args(["sync", "--json", "--loop", "1", "--device", &device, "--sink", "sqlite:att.db"])
            .current_dir(world.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..2 {
            let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!(report["run"]["exit_code"], 0);
            server.handle().punch_now().unwrap();
        }
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn live_a_punch_is_stored_long_before_the_next_run_is_due() {
    use std::io::{BufRead, BufReader};
    let world = World::new();
    let server = world.serve(terminal(50));
    let device = format!("gate={}", server.addr());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["sync", "--json", "--live", "--loop", "1h", "--device", &device, "--sink", "sqlite:att.db"])
        .current_dir(world.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut new = || {
        let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        report["totals"]["new"].as_u64().unwrap()
    };
    assert_eq!(new(), 50);
    let handle = server.handle();
    let listens = || handle.received().iter().any(|received| received.command == zk_proto::Command::REG_EVENT);
    while !listens() {
        assert!(child.try_wait().unwrap().is_none(), "the program ended");
        std::thread::yield_now();
    }
    handle.punch_now().unwrap();
    assert_eq!(new(), 1);
    assert_eq!(world.stored(), truth(&server));
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_ledger_is_checked_exported_imported_compacted_and_saved_from_damage() {
    let world = World::new();
    let server = world.serve(terminal(300));
    world.sync(&[&server], &[]).ended(0);
    let state = |arguments: &[&str]| world.cli(&[&["--state", "state", "state"], arguments].concat());
    assert!(state(&["check"]).ended(0).stdout.contains("is sound"));
    let exported = state(&["export", "copy.db"]).ended(0).stdout;
    assert!(exported.starts_with("300 events"), "{exported}");
    state(&["export", "copy.db"]).ended(60);
    assert!(state(&["compact"]).ended(0).stdout.contains("bytes freed"));
    state(&["import", "copy.db"]).ended(60);
    let imported = world.cli(&["--state", "other", "state", "import", "copy.db"]).ended(0).stdout;
    assert!(imported.starts_with("300 events"), "{imported}");
    world.cli(&["--state", "none", "state", "compact"]).ended(60);
    let saved = state(&["check", "--salvage", "saved"]).ended(0).stdout;
    assert!(saved.starts_with("300 events saved") && saved.contains("everything could be read"), "{saved}");
}
