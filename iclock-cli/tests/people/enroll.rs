//! `enroll`: the steps, the result, and what is refused.

use serde_json::json;
use zk_proto::Command;

use crate::common::{World, configure, interrupted, lines};
use crate::{WAYS, fault, spec, staffed};

#[test]
fn a_finger_is_enrolled_step_by_step() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile).fault(fault("enrol-repeatx1")));
        let spec = spec("gate", &server, carrier);
        let run = world.cli(&["enroll", "1002", "--finger", "6", "--yes", "--device", &spec]).ended(0);
        assert_eq!(run.stdout, "gate: finger 6 of user 1002 is enrolled, 512 bytes\n", "{profile} {carrier}");
        assert!(run.stderr.starts_with("Asks for finger 6 of user 1002 at gate"), "{}", run.stderr);
        for step in ["press 1: not good, again\n", "press 3: good; lift the finger\n", "the terminal is done\n"] {
            assert!(run.stderr.contains(step), "{}", run.stderr);
        }
        let sent = server.handle().stats().commands;
        assert!(sent.contains_key(&Command::STARTVERIFY), "people are recognized again");
        let run = world.cli(&["enroll", "1002", "--finger", "7", "--yes", "--json", "--device", &spec]).ended(0);
        let told = &lines(&run.stdout)[0];
        assert_eq!((&told["finger"], &told["template_bytes"]), (&json!(7), &json!(512)), "{told}");
    }
}

#[test]
fn nothing_is_begun_without_consent_a_user_or_a_free_finger() {
    let world = World::new();
    let (server, other) = (world.serve(staffed("tft40")), world.serve(staffed("bw8")));
    let spec = spec("gate", &server, "tcp");
    let enroll = |more: &[&str]| world.cli(&[&["enroll", "--device", &spec], more].concat());
    let run = enroll(&["1002", "--finger", "6"]).ended(80);
    assert!(run.stderr.contains("nothing was changed") && run.stderr.contains("--yes"), "{}", run.stderr);
    let run = enroll(&["9", "--finger", "6", "--yes"]).ended(80);
    assert!(run.stderr.contains("it has no user 9") && run.stderr.contains("users set 9"), "{}", run.stderr);
    let run = enroll(&["1001", "--finger", "6", "--yes"]).ended(80);
    assert!(run.stderr.contains("user 1001 has finger 6 already"), "{}", run.stderr);
    enroll(&["1001", "--finger", "10", "--yes"]).ended(2);
    enroll(&["1001", "--finger", "1", "--wait", "0s", "--yes"]).ended(2);
    configure(&world, &[("front", &server), ("back", &other)]);
    let run = world.cli(&["enroll", "1002", "--finger", "6", "--all", "--yes"]).ended(2);
    assert!(run.stderr.contains("2 terminals"), "{}", run.stderr);
    assert!(!server.handle().stats().commands.contains_key(&Command::STARTENROLL));
}

#[test]
fn an_enrolment_that_fails_or_is_never_reported_ends_with_20_in_bounded_time() {
    let cases = [
        ("enrol-fails=5", "somebody else has this finger"),
        ("enrol-silent", "told nothing of the enrolment"),
        ("refuse-command=61", "refused STARTENROLL"),
        ("hang-up-at=61", "error: gate: "),
    ];
    for (text, why) in cases {
        let world = World::new();
        let server = world.serve(staffed("tft40").fault(fault(text)));
        let spec = spec("gate", &server, "tcp");
        let args = ["enroll", "1002", "--finger", "6", "--wait", "1s", "--yes", "--device", &spec];
        let run = world.cli(&args).ended(20);
        assert!(run.stderr.contains(why) && run.stderr.contains("try:"), "{text}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{text}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_enrolment_at_the_terminal_too() {
    let world = World::new();
    let server = world.serve(staffed("tft40").fault(fault("enrol-silent")));
    let spec = spec("gate", &server, "tcp");
    let args = ["enroll", "1002", "--finger", "6", "--wait", "5m", "--yes", "--device", &spec];
    let asked = |command: Command| server.handle().received().iter().any(|packet| packet.command == command);
    let run = interrupted(&world, &args, || asked(Command::STARTENROLL)).ended(130);
    assert!(run.stderr.contains("error: gate: interrupted"), "{}", run.stderr);
    let after: Vec<Command> = server.handle().received().iter().map(|packet| packet.command).collect();
    let begun = after.iter().position(|command| *command == Command::STARTENROLL).unwrap();
    let ended = [Command::CANCELCAPTURE, Command::STARTVERIFY, Command::EXIT];
    assert!(ended.iter().all(|command| after[begun..].contains(command)), "{after:?}");
}
