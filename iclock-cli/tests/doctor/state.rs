//! What `doctor state` says of state directories.

use rusqlite::Connection;
use serde_json::Value;
use zk_sim::Fault;

use super::cases::{compare, only, terminal};
use super::common::{World, lines};

/// Runs `doctor state` on a directory, and compares the causes that it names.
#[track_caller]
fn assert_causes(world: &World, dir: &str, causes: &[&'static str]) -> Vec<Value> {
    world.write("iclock.toml", format!("state_dir = \"{dir}\"\n"));
    let run = world.cli(&["doctor", "state", "--json"]);
    let found = lines(&run.stdout);
    if let Err(why) = compare(&found, &only(causes)) {
        panic!("{dir}: {why}\n{run:?}");
    }
    let is_problem = found.iter().any(|finding| finding["level"] == "problem");
    assert_eq!(run.code, if is_problem { 70 } else { 0 }, "{run:?}");
    found
}

/// A state directory that a sync of a terminal with this fault has left.
fn left_by(world: &World, fault: &str) {
    let server = world.serve(terminal("tft40", 400).fault(Fault::parse(fault).unwrap()));
    world.cli(&["sync", "--device", &format!("gate={}", server.addr()), "--sink", "sqlite:att.db", "--state", "state"]);
}

#[test]
fn a_sound_directory_has_nothing_to_complain_of() {
    let world = World::new();
    assert_causes(&world, "state", &["state_new"]);
    left_by(&world, "latency=1ms");
    let found = assert_causes(&world, "state", &[]);
    assert!(found.len() >= 3, "disk, rights and ledger were looked at: {found:?}");
}

#[test]
fn what_waits_for_a_person_is_named() {
    let world = World::new();
    left_by(&world, "empty-user-ids=10");
    assert_causes(&world, "state", &["quarantine_waits"]);
    let world = World::new();
    left_by(&world, "damaged-patch=130@200");
    assert_causes(&world, "state", &["unproven_kept"]);
}

#[test]
fn a_ledger_that_cannot_be_used_is_named() {
    let world = World::new();
    left_by(&world, "latency=1ms");
    let ledger = Connection::open(world.path().join("state/ledger.sqlite")).unwrap();
    ledger.pragma_update(None, "user_version", 9_999).unwrap();
    drop(ledger);
    assert_causes(&world, "state", &["ledger_too_new"]);
    world.write("state/ledger.sqlite", "no database".repeat(1_000));
    assert_causes(&world, "state", &["ledger_damaged"]);
}

/// Nobody can write to /proc, not even root, and it has no room.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_without_room_and_rights_is_named() {
    let world = World::new();
    assert_causes(&world, "/proc", &["disk_full", "state_not_writable", "state_open", "state_new"]);
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_can_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    left_by(&world, "latency=1ms");
    let state = world.path().join("state");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_causes(&world, "state", &["state_open"]);
}
