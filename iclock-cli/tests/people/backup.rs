//! `backup`: the file, what is printed, and what is refused.

use serde_json::json;
use zk_proto::Command;

use crate::common::{World, configure, interrupted, lines, nowhere};
use crate::{WAYS, backed_up, fault, spec, staffed};

#[test]
fn a_backup_says_what_is_in_the_file_and_that_it_is_not_encrypted() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile).records(40));
        let run = world.cli(&["backup", &spec("gate", &server, carrier), "gate.tar"]).ended(0);
        assert!(run.stdout.starts_with("gate: 3 users, 2 fingerprints, "), "{}", run.stdout);
        assert!(run.stdout.contains("40 attendance records in gate.tar\n"), "{}", run.stdout);
        assert!(run.stderr.contains("gate.tar is not encrypted"), "{}", run.stderr);
        let sent = server.handle().stats().commands;
        assert!(![Command::USER_WRQ, Command::DISABLEDEVICE].iter().any(|command| sent.contains_key(command)));
    }
}

#[test]
fn a_backup_as_json_is_the_manifest() {
    let world = World::new();
    let server = world.serve(staffed("tft40").records(40));
    let run = world.cli(&["backup", &spec("gate", &server, "tcp"), "gate.tar", "--no-attendance", "--json"]).ended(0);
    let told = &lines(&run.stdout)[0];
    assert_eq!((&told["name"], &told["file"], &told["encrypted"]), (&json!("gate"), &json!("gate.tar"), &json!(false)));
    assert_eq!((&told["counts"]["users"], &told["counts"]["fingerprints"]), (&json!(3), &json!(2)));
    assert_eq!((&told["attendance"], &told["error"]), (&json!(null), &json!(null)));
}

#[test]
fn a_directory_that_is_missing_is_named_and_the_terminal_is_not_asked() {
    let world = World::new();
    let server = backed_up(&world);
    let asked = server.handle().stats().connections;
    for args in [&["missing/gate.tar"][..], &["--dir", "missing"]] {
        let run = world.cli(&[&["backup", &spec("gate", &server, "tcp")], args].concat()).ended(10);
        let said = "error: cannot write to missing: there is no such directory\n  try: make the directory";
        assert!(run.stderr.starts_with(said), "{}", run.stderr);
    }
    assert_eq!(server.handle().stats().connections, asked);
}

#[test]
fn a_file_that_is_there_is_kept_and_the_terminal_is_not_asked() {
    let world = World::new();
    let server = backed_up(&world);
    let (before, asked) = (world.files(), server.handle().stats().connections);
    let run = world.cli(&["backup", &spec("gate", &server, "tcp"), "gate.tar"]).ended(80);
    assert!(run.stderr.contains("gate.tar") && run.stderr.contains("--replace"), "{}", run.stderr);
    assert_eq!((world.files() == before, server.handle().stats().connections), (true, asked));
    world.cli(&["backup", &spec("gate", &server, "tcp"), "gate.tar", "--replace"]).ended(0);
}

#[test]
fn without_a_file_name_it_has_the_name_of_the_terminal() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let run = world.cli(&["backup", &spec("front", &server, "tcp")]).ended(0);
    let files = world.files();
    let name = files[0].0.file_name().unwrap().to_str().unwrap();
    assert!(files.len() == 1 && name.starts_with("front-20") && name.ends_with(".tar"), "{name}");
    assert!(run.stdout.contains(name), "{}", run.stdout);
}

#[test]
fn a_terminal_that_dies_half_way_leaves_no_file() {
    for (carrier, fault_text) in [("tcp", "hang-up-at=1503@1"), ("tcp", "stall-at=11@3"), ("udp", "stall-at=1503@1")] {
        let world = World::new();
        let server = world.serve(staffed("tft40").records(40).fault(fault(fault_text)));
        let run = world.cli(&["backup", &spec("gate", &server, carrier), "gate.tar"]).ended(20);
        assert_eq!((run.stdout.as_str(), world.files()), ("", Vec::new()), "{fault_text}");
        assert!(run.stderr.contains("error: gate: ") && run.stderr.contains("try:"), "{fault_text}: {}", run.stderr);
    }
    let world = World::new();
    let run = world.cli(&["backup", &format!("gate={}?transport=tcp&timeout=1s", nowhere())]).ended(20);
    assert!(run.stderr.contains("error: gate: cannot connect"), "{}", run.stderr);
}

#[test]
fn a_log_that_cannot_be_verified_is_in_the_file_and_ends_with_40() {
    let world = World::new();
    let server = world.serve(staffed("tft40").records(40).fault(fault("cut-head-filled=5")));
    let run = world.cli(&["backup", &spec("gate", &server, "tcp"), "gate.tar"]).ended(40);
    assert!(run.stdout.contains("3 users") && run.stderr.contains("could not be verified"), "{run:?}");
    assert_eq!(world.files().len(), 1);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_backup_with_130_and_without_a_file() {
    let world = World::new();
    let server = world.serve(staffed("tft40").fault(fault("ignore-command=1503@1")));
    let slow = format!("gate={}?timeout=60s", server.addr());
    let asked = |command: Command| server.handle().received().iter().any(|packet| packet.command == command);
    let run = interrupted(&world, &["backup", &slow, "gate.tar"], || {
        server.handle().stats().commands.get(&Command::DATA_WRRQ).is_some_and(|asked| *asked > 1)
    });
    assert_eq!((run.code, world.files()), (130, Vec::new()), "{run:?}");
    assert!(run.stderr.contains("interrupted") && asked(Command::EXIT), "{run:?}");
}

#[test]
fn every_terminal_has_a_file_of_its_own_and_a_transcript() {
    let world = World::new();
    let (front, back) = (world.serve(staffed("tft40")), world.serve(staffed("bw8")));
    configure(&world, &[("front", &front), ("back", &back)]);
    std::fs::create_dir(world.path().join("kept")).unwrap();
    let run = world.cli(&["backup", "--all", "--dir", "kept", "--record", "wire.zkt"]).ended(0);
    assert_eq!(run.stdout.lines().filter(|line| line.contains(": 3 users, 2 fingerprints")).count(), 2, "{run:?}");
    let kept: Vec<_> =
        world.files().into_iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "tar")).collect();
    assert_eq!(kept.len(), 2);
    for name in ["wire-front.zkt", "wire-back.zkt"] {
        assert!(world.read(name).contains("iclock-cli backup"), "{name}");
    }
    let run = world.cli(&["backup"]).ended(2);
    assert!(run.stderr.contains("2 terminals are configured"), "{}", run.stderr);
}
