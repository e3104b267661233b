//! The results of runs under stress: large logs, dead terminals and sinks, Ctrl-C.

mod common;
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use common::{Run, World, nowhere, terminal, truth};
use iclock_sync::Ledger;
use iclock_sync::quarantine::QuarantineFilter;
use serde_json::Value;
use support::punch;
use zk_proto::Command;
use zk_sim::{Device, Punch, Terminal};

fn rows(world: &World) -> i64 {
    let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
    database.query_row("SELECT count(*) FROM attendance_events", (), |row| row.get(0)).unwrap()
}

#[test]
fn a_hundred_thousand_records_are_stored_once_each_and_the_next_run_calls_no_sink() {
    let world = World::new();
    let server = world.serve(terminal(100_000));
    let first = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!((&first["totals"]["new"], &first["totals"]["stored"]), (&Value::from(100_000), &Value::from(100_000)));
    assert_eq!((world.stored(), rows(&world)), (truth(&server), 100_000));
    let second = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!((&second["devices"][0]["mode"], &second["devices"][0]["bytes_read"]), (&"unchanged".into(), &0.into()));
    assert_eq!((&second["sinks"][0]["requests"], &second["totals"]["new"]), (&Value::from(0), &Value::from(0)));
    punch(&server.handle(), 10);
    let third = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!((&third["devices"][0]["mode"], &third["totals"]["stored"]), (&"tail".into(), &10.into()));
    let bytes = |report: &Value| report["devices"][0]["bytes_read"].as_u64().unwrap();
    assert!(bytes(&third) * 100 < bytes(&first), "{third}");
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn a_terminal_next_to_two_silent_ones_is_read_in_its_own_time() {
    let world = World::new();
    let server = world.serve(terminal(2_000));
    // Connections open, but nothing answers.
    let silent = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let spec = |n: usize| format!("silent{n}={}?transport=tcp&timeout=2s", silent[n].local_addr().unwrap());
    let report = world.sync(&[&server], &["--device", &spec(0), "--device", &spec(1)]).ended(20).report();
    let took = |n: usize| report["devices"][n]["duration_ms"].as_u64().unwrap();
    assert!(took(0) < took(1) && took(0) < took(2) && took(1) >= 2_000, "{report}");
    for n in [1, 2] {
        assert_eq!(report["devices"][n]["status"], "failed");
        assert!(report["devices"][n]["error"].as_str().unwrap().contains("no answer in time"), "{report}");
    }
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn sinks_that_say_nothing_end_a_run_within_their_own_time_out() {
    let world = World::new();
    let server = world.serve(terminal(20));
    // Connections open, but nothing answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let sink = |scheme: &str, url: String, more: &str| {
        format!("[[sink]]\nname = \"{scheme}\"\nurl = \"{url}\"\ntimeout = \"2s\"\n{more}")
    };
    let sinks = [
        sink("postgres", format!("postgres://me@{silent}/att"), ""),
        sink("mysql", format!("mysql://me@{silent}/att"), ""),
        sink("mongodb", format!("mongodb://{silent}/att"), ""),
        sink("http", format!("http://{silent}/in"), ""),
        sink("firestore", "firestore://away/logs".to_owned(), &format!("emulator = \"{silent}\"\n")),
    ];
    world.write("iclock.toml", sinks.concat());
    let device = format!("gate={}", server.addr());
    let report = world.cli(&["sync", "--json", "--state", "state", "--device", &device]).ended(30).report();
    for sink in report["sinks"].as_array().unwrap() {
        assert_eq!((&sink["status"], &sink["error_kind"]), (&"failed".into(), &"timed_out".into()), "{sink}");
        let error = sink["error"].as_str().unwrap();
        assert!(error.contains(&silent.to_string()) && error.contains("no answer"), "{error}");
        assert!(error.contains("; "), "it says what to do: {error}");
        // Twice its time-out would be a second wait.
        assert!(sink["duration_ms"].as_u64().unwrap() < 4_000, "{sink}");
        assert_eq!((&sink["pending"], &sink["requests"]), (&20.into(), &1.into()), "{sink}");
    }
    assert_eq!(report["sinks"].as_array().unwrap().len(), 5);
}

#[test]
fn the_audit_shows_when_a_person_s_punches_were_stored_and_names_a_line_that_was_changed() {
    let world = World::new();
    let server = world.serve(terminal(50));
    world.sync(&[&server], &[]).ended(0);
    let audit = |args: &[&str]| world.cli(&[&["audit"], args, &["--state", "state"]].concat());
    audit(&["verify"]).ended(0);
    let shown = audit(&["show", "--json"]).ended(0);
    let entries: Vec<Value> = shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), truth(&server).len());
    assert!(
        entries.iter().all(|entry| entry["how"] == "pull" && entry["sinks"][0]["result"] == "stored"),
        "{entries:?}"
    );
    let person = entries[0]["user_id"].as_str().unwrap();
    let of_person = audit(&["show", "--person", person]).ended(0).stdout;
    let count = entries.iter().filter(|entry| entry["user_id"] == person).count();
    let rows = of_person.lines().filter(|line| line.trim_start().starts_with(person)).count();
    assert_eq!(rows, count, "{of_person}");
    let path = "state/audit/audit-000001.jsonl";
    world.write(path, world.read(path).replacen("\"pull\"", "\"push\"", 1));
    let verdict = audit(&["verify"]).ended(70).stdout;
    assert!(verdict.contains("audit-000001.jsonl, line 2: it was changed"), "{verdict}");
}

#[cfg(feature = "firestore")]
#[test]
fn a_firestore_that_is_down_delays_no_other_sink_and_keeps_its_events_pending() {
    let world = World::new();
    let server = world.serve(terminal(300));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let device = format!("gate={}", server.addr());
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    program.env("FIRESTORE_EMULATOR_HOST", &closed);
    let sinks = ["--sink", "firestore://down/staffAttendanceLogs", "--sink", "sqlite:att.db"];
    let output = program.args(["sync", "--json", "--device", &device]).args(sinks).output().unwrap();
    assert_eq!(output.status.code(), Some(30), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let firestore = &report["sinks"][0];
    assert_eq!((&firestore["status"], &firestore["pending"]), (&Value::from("failed"), &Value::from(300)), "{report}");
    assert!(firestore["error"].as_str().unwrap().contains(&closed), "{report}");
    assert_eq!((&report["sinks"][1]["status"], &report["sinks"][1]["pending"]), (&"ok".into(), &0.into()), "{report}");
    assert_eq!(world.stored(), truth(&server));
}

#[test]
fn ten_thousand_records_without_a_user_id_are_kept_once_with_their_bytes() {
    let world = World::new();
    let made = Device::new(terminal(20_000).build());
    let mut punches: Vec<Punch> = made.records().to_vec();
    for punch in punches.iter_mut().step_by(2) {
        punch.user_id = "".into();
    }
    let server = world.serve(Terminal::builder().punches(punches));
    let first = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!((&first["totals"]["stored"], &first["totals"]["quarantined"]), (&10_000.into(), &10_000.into()));
    assert_eq!(first["devices"][0]["rejected"]["empty_user_id"], 10_000);
    assert_eq!((world.stored(), rows(&world)), (truth(&server), 10_000));
    let kept = || {
        let ledger = Ledger::open_read_only(&world.path().join("state")).unwrap().unwrap();
        ledger.quarantine(&QuarantineFilter::default(), 100_000).unwrap()
    };
    let before = kept();
    assert_eq!(before.len(), 10_000);
    assert!(before.iter().all(|record| record.raw.len() == 40 && record.raw.iter().any(|byte| *byte != 0)));
    for more in [&[][..], &["--full"]] {
        let again = world.sync(&[&server], more).ended(0).report();
        assert_eq!((&again["totals"]["stored"], &again["totals"]["quarantined"]), (&0.into(), &0.into()), "{again}");
        assert_eq!((rows(&world), kept().len()), (10_000, 10_000));
    }
}

#[test]
fn a_comm_key_that_is_missing_or_wrong_is_reported_with_a_hint() {
    let world = World::new();
    let server = world.serve(terminal(50).key(471_147));
    for (key, problem, hint) in [("", "requires a comm key", "set comm_key"), ("?key=999", "does not accept", "menu")] {
        let device = format!("gate={}{key}", server.addr());
        let run = world.cli(&["sync", "--json", "--device", &device, "--sink", "sqlite:att.db"]).ended(20);
        let report = run.report();
        let error = report["devices"][0]["error"].as_str().unwrap();
        assert!(error.contains(problem) && error.contains(hint), "{error}");
    }
    assert!(!world.path().join("att.db").exists(), "a sink without news is not called");
}

#[test]
fn a_bad_value_in_the_configuration_ends_with_10_before_anything_is_contacted() {
    let world = World::new();
    let server = world.serve(terminal(50));
    let (host, port) = (server.addr().ip(), server.addr().port());
    let config = format!(
        "[[device]]\nname = \"gate\"\nhost = \"{host}\"\nport = {port}\n\
         zone = \"Mars/Olympus\"\n\n[[sink]]\nurl = \"sqlite:att.db\"\n"
    );
    world.write("iclock.toml", &config);
    let run = world.cli(&["sync"]).ended(10);
    for word in ["iclock.toml", "5", "zone", "Mars/Olympus"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert!(server.handle().received().is_empty(), "the terminal was contacted");
    assert!(!world.path().join("state").exists() && !world.path().join("att.db").exists());
}

#[cfg(unix)]
#[test]
fn a_ledger_without_room_is_named_in_words_with_what_to_try() {
    let world = World::new();
    world.sync(&[&world.serve(terminal(3))], &[]).ended(0);
    let little = format!("trap '' XFSZ; ulimit -f 16; exec {} \"$@\"", env!("CARGO_BIN_EXE_iclock-cli"));
    for args in [&["state", "compact", "--state", "state"][..], &["status", "--state", "state"]] {
        let run = Run::of(world.program("sh").args([&["-c", &little, "sh"], args].concat())).ended(60);
        let said = "error: cannot open the ledger state/ledger.sqlite: disk I/O error\n  try: make room on its disk";
        assert!(run.stderr.starts_with(said), "{}", run.stderr);
    }
}

#[test]
fn a_copy_of_a_ledger_that_is_not_there_has_a_hint_about_the_copy() {
    let world = World::new();
    let run = world.cli(&["--state", "new", "state", "import", "missing.db"]).ended(60);
    assert!(run.stderr.starts_with("error: cannot read missing.db: "), "{}", run.stderr);
    assert!(run.stderr.contains("\n  try: name a file that exists"), "{}", run.stderr);
    assert!(!world.path().join("new").exists());
}

#[test]
fn an_export_of_the_ledger_that_cannot_be_written_names_the_file_that_was_asked_for() {
    let world = World::new();
    world.sync(&[&world.serve(terminal(3))], &[]).ended(0);
    let run = world.cli(&["--state", "state", "state", "export", "missing/copy.db"]).ended(60);
    assert!(run.stderr.starts_with("error: cannot use missing/copy.db: "), "{}", run.stderr);
    assert!(run.stderr.contains("\n  try: check that the directory exists"), "{}", run.stderr);
}

#[test]
fn an_error_without_a_remedy_of_its_own_ends_with_the_next_step_too() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let spec = format!("gate={}?transport=tcp&timeout=5s", listener.local_addr().unwrap());
    // A web server at the address of a terminal.
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap_or_default();
    });
    let run = world.cli(&["info", &spec]).ended(20);
    server.join().unwrap();
    assert!(run.stderr.starts_with("error: gate: "), "{}", run.stderr);
    assert!(run.stderr.ends_with("\n  try: iclock-cli doctor device looks for the cause\n"), "{}", run.stderr);
}

#[test]
fn of_a_dead_terminal_nothing_is_on_stdout_and_the_error_on_stderr_says_what_to_try() {
    let world = World::new();
    let dead = format!("gate={}?transport=tcp&timeout=1s", nowhere());
    for args in [&["info", &dead][..], &["attendance", "--device", &dead]] {
        let run = world.cli(args).ended(20);
        assert_eq!(run.stdout, "", "{args:?}");
        assert!(run.stderr.starts_with("error: gate: cannot "), "{}", run.stderr);
        assert!(run.stderr.contains("check its address, power and network"), "{}", run.stderr);
    }
    assert_eq!(world.cli(&["attendance", "--json", "--device", &dead]).ended(20).stdout.trim(), "[]");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_its_session_and_reports_its_work() {
    use std::process::{Command as Program, Stdio};
    let world = World::new();
    // Slow enough that the signal comes while the log is read.
    let server = world.serve(terminal(20_000).fault("latency=150ms".parse().unwrap()));
    let device = format!("gate={}", server.addr());
    let child = Program::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["sync", "--json", "--device", &device, "--sink", "sqlite:att.db"])
        .current_dir(world.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let received = |command: Command| server.handle().received().iter().any(|packet| packet.command == command);
    while !received(Command::DATA_WRRQ) {
        std::thread::yield_now();
    }
    assert!(Program::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["devices"][0]["error"].as_str().unwrap().contains("interrupted"), "{report}");
    assert!(received(Command::EXIT), "the terminal keeps a session that nobody ends");
    server.handle().clear_faults();
    world.sync(&[&server], &[]).ended(0);
    assert_eq!(world.stored(), truth(&server));
}
