//! Each command does its work: exit code, stdout and stderr, for people and as JSON.

use std::cell::Cell;

use zk_proto::Command;

use crate::common::Run;
use crate::common::staff::WAYS;
use crate::row::{Json, Row};
use crate::scene::{PATIENT, Scene, THREE, each, has, interrupt};

#[test]
fn each_command_says_what_it_did_at_each_family_over_tcp_and_udp() {
    each(&WAYS, 4, |row, way| {
        let scene = Scene::of(row, way, PATIENT);
        let run = done(&scene, row, "");
        has(&scene.masked(&run.stdout), row.says);
        let stderr = scene.masked(&run.stderr);
        assert_eq!(stderr.is_empty(), row.stderr.is_empty(), "{stderr}");
        has(&stderr, &[row.stderr]);
    });
}

#[test]
fn each_command_prints_json_and_nothing_else_on_request() {
    each(&THREE, 4, |row, way| {
        if row.json == Json::None {
            return;
        }
        let scene = Scene::of(row, way, PATIENT);
        let run = done(&scene, row, " --json");
        let value = row.json.first(&run.stdout);
        for key in row.keys {
            assert!(value.get(key).is_some(), "no {key} in {value}");
        }
    });
}

/// Runs the command to its end. One that goes on is ended once it has said what it has to.
fn done(scene: &Scene, row: &Row, more: &str) -> Run {
    let line = row.line() + more;
    if !row.goes_on {
        return scene.run(&line).ended(row.code);
    }
    let punched = Cell::new(false);
    let said = |out: &str, _: &str| {
        let listens = scene.gate.handle().stats().commands.get(&Command::GET_FREE_SIZES).is_some_and(|n| *n >= 2);
        if listens && !punched.replace(true) {
            scene.gate.handle().punch_now();
        }
        out.ends_with('\n') && (!more.is_empty() || row.says.iter().all(|part| out.contains(part)))
    };
    scene.until(&line, said, interrupt).0.ended(row.code)
}
