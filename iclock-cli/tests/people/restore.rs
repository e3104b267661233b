//! `restore`: the plan, the work, and what is refused before a terminal is contacted.

use age::secrecy::ExposeSecret as _;
use serde_json::json;
use zk_proto::Command;

use crate::common::{World, interrupted, lines};
use crate::{WAYS, backed_up, empty, fault, held, spec, staffed, users};

#[test]
fn a_restore_to_an_empty_terminal_gives_the_same_users_and_fingerprints() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let (old, new) = (world.serve(staffed(profile)), world.serve(empty(profile)));
        world.cli(&["backup", &spec("old", &old, carrier), "gate.tar"]).ended(0);
        let run = world.cli(&["restore", "gate.tar", &spec("new", &new, carrier), "--yes"]).ended(0);
        assert_eq!(run.stdout, "new: 3 users and 2 fingerprints written and verified\n");
        assert!(run.stderr.contains("users: 3 added, 0 changed, 0 unchanged\n"), "{}", run.stderr);
        assert!(run.stderr.contains("+ 1002 Eva\n"), "{}", run.stderr);
        assert!(held(&new) == held(&old) && new.handle().is_enabled(), "{profile} {carrier}");
        let run = world.cli(&["restore", "gate.tar", &spec("new", &new, carrier), "--yes", "--json"]).ended(0);
        let told = &lines(&run.stdout)[0];
        assert_eq!((&told["plan"]["users"]["unchanged"], &told["users_written"]), (&json!(3), &json!(0)), "{told}");
    }
}

#[test]
fn a_dry_run_prints_the_plan_and_changes_nothing() {
    let world = World::new();
    let old = backed_up(&world);
    let serial = old.handle().serial();
    let new = world.serve(empty("tft40"));
    let run = world.cli(&["restore", "gate.tar", &spec("new", &new, "tcp"), "--dry-run"]).ended(0);
    assert!(run.stdout.starts_with("new (") && run.stdout.contains(&serial), "{}", run.stdout);
    assert!(run.stdout.contains("fingerprints: 2 added, 0 changed, 0 unchanged\n  + 1001 Ali\n"), "{}", run.stdout);
    let run = world.cli(&["restore", "gate.tar", &spec("new", &new, "tcp"), "--dry-run", "--json"]).ended(0);
    assert_eq!(lines(&run.stdout)[0]["plan"]["list"][0]["user_id"], "1001");
    let sent = new.handle().stats().commands;
    assert!(!sent.contains_key(&Command::USER_WRQ) && !sent.contains_key(&Command::DISABLEDEVICE), "{sent:?}");
}

#[test]
fn nothing_is_written_without_consent() {
    let world = World::new();
    let old = backed_up(&world);
    let new = world.serve(empty("tft40"));
    let run = world.cli(&["restore", "gate.tar", &spec("new", &new, "tcp")]).ended(80);
    assert!(run.stderr.contains("+ 1001 Ali") && run.stderr.contains("nothing was changed"), "{}", run.stderr);
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    assert_eq!((run.stdout.as_str(), users(&new), users(&old)), ("", 0, 3));
}

#[test]
fn a_damaged_file_is_refused_before_the_terminal_is_contacted() {
    let world = World::new();
    backed_up(&world);
    let new = world.serve(empty("tft40"));
    let mut bytes = std::fs::read(world.path().join("gate.tar")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x21;
    world.write("gate.tar", &bytes);
    let run = world.cli(&["restore", "gate.tar", &spec("new", &new, "tcp"), "--yes"]).ended(80);
    assert!(run.stderr.contains("gate.tar") && run.stderr.contains("nothing was changed"), "{}", run.stderr);
    world.write("list.csv", "user_id,name\n1,Ali\n");
    let run = world.cli(&["restore", "list.csv", &spec("new", &new, "tcp"), "--yes"]).ended(10);
    assert!(run.stderr.contains("try: name a file that `backup` wrote"), "{}", run.stderr);
    assert_eq!(new.handle().stats().connections, 0);
}

#[test]
fn a_file_opens_with_its_passphrase_alone() {
    let world = World::new();
    let (old, new) = (world.serve(staffed("tft40")), world.serve(empty("tft40")));
    world.write("pass.txt", "correct horse\n");
    world.write("wrong.txt", "incorrect\n");
    let backup = ["backup", &spec("old", &old, "tcp"), "gate.tar.age", "--passphrase-file", "pass.txt"];
    let run = world.cli(&backup).ended(0);
    assert!(!run.stderr.contains("not encrypted") && !(run.stdout + &run.stderr).contains("horse"));
    let spec = spec("new", &new, "tcp");
    let restore = |more: &[&str]| world.cli(&[&["restore", "gate.tar.age", &spec, "--yes"], more].concat());
    let run = restore(&["--passphrase-file", "wrong.txt"]).ended(10);
    assert!(run.stderr.contains("passphrase") && run.stderr.contains("try:"), "{}", run.stderr);
    let run = restore(&[]).ended(10);
    assert!(run.stderr.contains("--passphrase-file"), "{}", run.stderr);
    assert_eq!(new.handle().stats().connections, 0);
    restore(&["--passphrase-file", "pass.txt"]).ended(0);
    assert!(held(&new) == held(&old));
}

#[test]
fn a_file_opens_with_the_key_that_it_was_made_for_alone() {
    let world = World::new();
    let (old, new) = (world.serve(staffed("tft40")), world.serve(empty("tft40")));
    let (from, to) = (spec("old", &old, "tcp"), spec("new", &new, "tcp"));
    let run = world.cli(&["backup", &from, "gate.tar.age", "--recipient", "age1nonsense"]).ended(10);
    assert!(run.stderr.contains("age-keygen") && world.files().is_empty(), "{}", run.stderr);
    let (mine, other) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    world.write("mine.key", mine.to_string().expose_secret());
    world.write("other.key", other.to_string().expose_secret());
    world.cli(&["backup", &from, "gate.tar.age", "--recipient", &mine.to_public().to_string()]).ended(0);
    let restore = |more: &[&str]| world.cli(&[&["restore", "gate.tar.age", &to, "--yes"], more].concat());
    let run = restore(&[]).ended(10);
    assert!(run.stderr.contains("--identity"), "{}", run.stderr);
    let run = restore(&["--identity", "no-such.key"]).ended(10);
    assert!(run.stderr.contains("cannot read no-such.key"), "{}", run.stderr);
    let run = restore(&["--identity", "other.key"]).ended(10);
    assert!(run.stderr.contains("key") && !run.stderr.contains("AGE-SECRET"), "{}", run.stderr);
    assert_eq!(new.handle().stats().connections, 0);
    restore(&["--identity", "mine.key"]).ended(0);
    assert!(held(&new) == held(&old));
}

#[test]
fn a_terminal_with_another_serial_number_is_not_written() {
    let world = World::new();
    backed_up(&world);
    let new = world.serve(empty("tft40"));
    let spec = format!("{}&serial=ANOTHER", spec("new", &new, "tcp"));
    let run = world.cli(&["restore", "gate.tar", &spec, "--yes"]).ended(80);
    assert!(run.stderr.contains("ANOTHER"), "{}", run.stderr);
    assert_eq!(users(&new), 0);
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_written() {
    let world = World::new();
    let old = world.serve(empty("tft40").people(vec![zk_sim::Person {
        uid: 1,
        user_id: "A7".into(),
        name: "Ali".into(),
        privilege: 0,
    }]));
    let new = world.serve(empty("bw8"));
    world.cli(&["backup", &spec("old", &old, "tcp"), "gate.tar"]).ended(0);
    let run = world.cli(&["restore", "gate.tar", &spec("new", &new, "tcp"), "--yes"]).ended(80);
    assert!(run.stderr.contains("user A7 does not fit") && run.stderr.contains("--user ID"), "{}", run.stderr);
    let run = world.cli(&["restore", "gate.tar", &spec("new", &new, "tcp"), "--yes", "--user", "9"]).ended(80);
    assert!(run.stderr.contains("has no user 9"), "{}", run.stderr);
    assert_eq!(users(&new), 0);
}

#[test]
fn a_terminal_that_dies_half_way_is_completed_by_the_same_command() {
    for (carrier, fault_text) in [("tcp", "hang-up-at=8@1"), ("udp", "stall-at=8@2")] {
        let world = World::new();
        let old = backed_up(&world);
        let new = world.serve(empty("tft40").fault(fault(fault_text)));
        let spec = spec("new", &new, carrier);
        let run = world.cli(&["restore", "gate.tar", &spec, "--yes", "--json"]).ended(20);
        let told = &lines(&run.stdout)[0];
        assert!(told["error"].as_str().unwrap().contains(", after writing "), "{told}");
        assert!(told["try"].as_str().unwrap().starts_with("run the same again"), "{told}");
        // Of the last one only the answer may be missing.
        let written = told["users_written"].as_u64().unwrap() as usize;
        assert!((1..3).contains(&written) && [written, written + 1].contains(&users(&new)), "{told}");
        new.handle().clear_faults();
        world.cli(&["restore", "gate.tar", &spec, "--yes"]).ended(0);
        assert!(held(&new) == held(&old) && new.handle().is_enabled(), "{carrier}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_restore_with_130_and_the_terminal_enabled() {
    let world = World::new();
    backed_up(&world);
    let new = world.serve(empty("tft40").fault(fault("ignore-command=8@1")));
    let slow = format!("new={}?timeout=60s", new.addr());
    let run = interrupted(&world, &["restore", "gate.tar", &slow, "--yes"], || {
        new.handle().stats().commands.get(&Command::USER_WRQ).is_some_and(|asked| *asked > 1)
    });
    assert_eq!((run.code, users(&new)), (130, 1), "{run:?}");
    assert!(run.stderr.contains("interrupted, after writing 1 user\n") && new.handle().is_enabled(), "{run:?}");
}
