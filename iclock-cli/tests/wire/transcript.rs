//! `transcript`.

use zk_sim::{Fault, Profile};

use super::common::{World, terminal};
use super::lines;

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
fn another_command_than_the_recorded_one_says_where_it_leaves_the_recording() {
    let world = World::new();
    let server = world.serve(terminal(5));
    world.cli(&["info", "--record", "wire.zkt", &server.addr().to_string()]).ended(0);
    let run = world.cli(&["transcript", "replay", "wire.zkt", "time", "show"]).ended(20);
    assert!(run.stderr.contains("of the transcript"), "{}", run.stderr);
    let run = world.cli(&["transcript", "replay", "wire.zkt", "sync"]).ended(2);
    assert!(run.stderr.contains("cannot run from a recording"), "{}", run.stderr);
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
