//! `transcript`.

use std::io::{BufRead as _, BufReader};

use zk_sim::{Fault, Profile};

use super::common::{World, terminal};
use super::{interrupt, lines, spawn};

#[test]
fn a_recorded_command_runs_again_without_its_terminal_over_tcp_and_udp() {
    let world = World::new();
    for (family, carrier) in [("tft40", "tcp"), ("bw8", "tcp"), ("tft16", "tcp"), ("tft40", "udp"), ("bw8", "udp")] {
        let server = world.serve(terminal(30).profile(Profile::named(family).unwrap()).serial("REC1"));
        let spec = format!("{}?transport={carrier}", server.addr());
        let then = world.cli(&["info", "--json", "--record", "wire.zkt", &spec]).ended(0);
        drop(server);
        let again = world.cli(&["transcript", "replay", "wire.zkt", "info", "--json"]).ended(0);
        let (then, again) = (&lines(&then.stdout)[0], &lines(&again.stdout)[0]);
        for field in ["serial", "model", "firmware", "transport", "users", "records", "clock", "error"] {
            assert_eq!(again[field], then[field], "{family} {carrier}: {field}");
        }
        let run = world.cli(&["transcript", "replay", "wire.zkt"]).ended(0);
        assert!(run.stdout.contains("REC1"), "the recorded command: {run:?}");
    }
}

#[test]
fn a_failure_fails_again_and_a_change_is_not_asked_about() {
    let world = World::new();
    let server = world.serve(terminal(5).fault(Fault::parse("hang-up-at=50").unwrap()));
    let spec = server.addr().to_string();
    let then = world.cli(&["info", "--json", "--record", "wire.zkt", &spec]);
    let again = world.cli(&["transcript", "replay", "wire.zkt", "info", "--json"]);
    assert_eq!(again.code, then.code);
    assert_eq!(lines(&again.stdout)[0]["error"], lines(&then.stdout)[0]["error"]);
    drop(server);
    let server = world.serve(terminal(5).serial("DOOR1"));
    let spec = format!("{}?serial=DOOR1", server.addr());
    world.cli(&["unlock", "--yes", "--record", "door.zkt", "--device", &spec]).ended(0);
    drop(server);
    world.cli(&["transcript", "replay", "door.zkt"]).ended(0);
}

#[test]
fn the_recorded_command_keeps_the_spaces_and_quotes_of_its_arguments() {
    let world = World::new();
    let server = world.serve(terminal(5));
    let spec = server.addr().to_string();
    let text = "It's  closed \"today\"";
    world.cli(&["lcd", text, "--yes", "--record", "lcd.zkt", "--device", &spec]).ended(0);
    world.cli(&["options", "set", "Name=front  gate", "--yes", "--record", "set.zkt", "--device", &spec]).ended(0);
    drop(server);
    let run = world.cli(&["transcript", "replay", "set.zkt"]).ended(0);
    assert!(run.stdout.contains("Name is now front  gate"), "{run:?}");
    world.cli(&["transcript", "replay", "lcd.zkt"]).ended(0);
}

#[test]
fn a_sync_is_recorded_also_one_of_several_terminals_and_a_loop() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(30).serial("F1")), world.serve(terminal(30).serial("B1")));
    world.sync(&[&front], &["--record", "one.zkt"]).ended(0);
    let shown = world.cli(&["transcript", "show", "one.zkt"]).ended(0).stdout;
    assert!(shown.starts_with("# iclock-cli sync\n") && shown.contains("< ACK_OK") && shown.contains("closed"));
    world.sync(&[&front, &back], &["--record", "wire.zkt", "--full"]).ended(0);
    for (name, serial) in [("wire-t0.zkt", "F1"), ("wire-t1.zkt", "B1")] {
        let shown = world.cli(&["transcript", "show", "--full", name]).ended(0).stdout;
        let serial: String = serial.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(shown.contains(&serial), "{name}: {shown}");
    }
    assert!(!world.path().join("wire.zkt").exists());
    let run = world.sync(&[&front], &["--record", "missing/one.zkt"]).ended(2);
    assert!(run.stderr.contains("--record: cannot write missing/one.zkt"), "{}", run.stderr);
    let device = format!("gate={}", front.addr());
    let args = ["sync", "--loop", "1s", "--record", "loop.zkt", "--state", "state", "--sink", "sqlite:att.db"];
    let mut program = spawn(&world, &[&args[..], &["--device", &device]].concat());
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        lines.next().unwrap().unwrap();
    }
    interrupt(&program);
    assert_eq!(program.wait().unwrap().code(), Some(130));
    let shown = world.cli(&["transcript", "show", "loop.zkt"]).ended(0).stdout;
    assert!(shown.matches("> CONNECT").count() >= 2, "{shown}");
}

#[test]
fn another_command_than_the_recorded_one_says_where_it_leaves_the_recording() {
    let world = World::new();
    let server = world.serve(terminal(5));
    world.cli(&["info", "--record", "wire.zkt", &server.addr().to_string()]).ended(0);
    let run = world.cli(&["transcript", "replay", "wire.zkt", "time", "show"]).ended(20);
    assert!(run.stderr.contains("of the transcript"), "{}", run.stderr);
    let run = world.cli(&["transcript", "replay", "wire.zkt", "sync"]).ended(2);
    assert!(run.stderr.contains("depends on the ledger and the sinks of that time"), "{}", run.stderr);
    assert!(run.stderr.contains("try: look at the packets"), "{}", run.stderr);
    let run = world.cli(&["transcript", "replay", "wire.zkt", "backup"]).ended(2);
    assert!(run.stderr.contains("more than the answers of one terminal"), "{}", run.stderr);
}

#[test]
fn a_recorded_command_that_cannot_run_again_says_why_and_its_packets_are_shown() {
    let world = World::new();
    let server = world.serve(terminal(30).users(3).serial("GONE1"));
    world.sync(&[&server], &["--record", "sync.zkt"]).ended(0);
    let device = format!("t0={}", server.addr());
    let record = |file: &str, args: &[&str]| {
        world.cli(&[args, &["--record", file, "--device", &device]].concat()).ended(0);
    };
    record("clear.zkt", &["clear", "t0", "--serial", "GONE1", "--state", "state", "--sink", "sqlite:att.db"]);
    record("export.zkt", &["users", "export", "people.csv"]);
    drop(server);
    let of_the_ledger = "depends on the ledger and the sinks of that time";
    for (file, why, request) in [
        (
            "sync.zkt",
            format!("sync cannot run from a recording: what it asks of a terminal {of_the_ledger}"),
            "DATA_WRRQ",
        ),
        (
            "clear.zkt",
            format!("clear cannot run from a recording: what it asks of a terminal {of_the_ledger}"),
            "> CLEAR",
        ),
        ("export.zkt", "users cannot run from a recording: it needs more than".to_owned(), "DATA_WRRQ"),
    ] {
        let run = world.cli(&["transcript", "replay", file]).ended(2);
        assert!(run.stderr.starts_with(&format!("error: {why}")), "{}", run.stderr);
        assert!(run.stderr.contains("try: look at the packets") && run.stderr.contains("such as info"), "{run:?}");
        let shown = world.cli(&["transcript", "show", file]).ended(0).stdout;
        assert!(shown.contains(request), "{shown}");
    }
}

#[test]
fn the_users_of_a_recording_are_shown_again() {
    let world = World::new();
    let server = world.serve(terminal(5).users(3));
    let list = |more: &[&str]| world.cli(&[&["users", "list", "--json"], more].concat()).ended(0).stdout;
    let then = list(&["--record", "users.zkt", "--device", &format!("recorded={}", server.addr())]);
    let id = lines(&then)[0]["users"][0]["user_id"].as_str().unwrap().to_owned();
    world.cli(&["users", "get", &id, "--record", "one.zkt", "--device", &server.addr().to_string()]).ended(0);
    drop(server);
    let again = world.cli(&["transcript", "replay", "users.zkt", "users", "list", "--json"]).ended(0).stdout;
    assert_eq!(lines(&again)[0]["users"], lines(&then)[0]["users"]);
    let one = world.cli(&["transcript", "replay", "one.zkt"]).ended(0).stdout;
    assert!(one.lines().count() == 2 && one.contains(&id), "{one}");
}

#[test]
fn packets_are_shown_readably_and_as_json() {
    let world = World::new();
    let server = world.serve(terminal(5).serial("SHOWN1"));
    world.cli(&["info", "--record", "wire.zkt", &server.addr().to_string()]).ended(0);
    let run = world.cli(&["transcript", "show", "wire.zkt"]).ended(0);
    assert!(run.stdout.starts_with("# iclock-cli info\n"), "{}", run.stdout);
    for part in ["open tcp", "> CONNECT", "< ACK_OK", "> EXIT", "closed"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let shown = lines(&world.cli(&["transcript", "show", "wire.zkt", "--json"]).ended(0).stdout);
    let received = server.handle().received().len();
    assert_eq!(shown.iter().filter(|entry| entry["what"] == "sent").count(), received);
    let serial: String = "SHOWN1".bytes().map(|byte| format!("{byte:02x}")).collect();
    let holds = |entry: &serde_json::Value| entry["data"].as_str().is_some_and(|data| data.contains(&serial));
    assert!(shown.iter().any(|entry| entry["what"] == "received" && holds(entry)));
    assert!(world.cli(&["transcript", "show", "--full", "wire.zkt"]).ended(0).stdout.contains(&serial));
}

#[test]
fn what_is_no_transcript_is_refused_with_its_line() {
    let world = World::new();
    world.write("bad.zkt", "zk-transcript 1\n12 jumped\n");
    let run = world.cli(&["transcript", "show", "bad.zkt"]).ended(2);
    assert!(run.stderr.contains("line 2"), "{}", run.stderr);
    world.write("silent.zkt", "zk-transcript 1\n");
    let run = world.cli(&["transcript", "replay", "silent.zkt"]).ended(2);
    assert!(run.stderr.contains("does not say which command"), "{}", run.stderr);
    world.cli(&["transcript", "show", "missing.zkt"]).ended(2);
}
