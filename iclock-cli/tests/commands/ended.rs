//! Ctrl-C in the middle of a command: it ends at once with 130, ends its session, leaves the terminal to its people,
//! and leaves nothing half-written.

use std::time::Duration;

use zk_proto::Command;

use crate::scene::{PATIENT, Scene, THREE, each, has, interrupt};

/// The longest that the program may take to end.
const PROMPT: Duration = Duration::from_secs(5);

#[test]
fn ctrl_c_ends_each_command_at_once_with_130_and_nothing_half_written() {
    each(&THREE, 4, |row, way| {
        let scene = Scene::of(row, way, PATIENT);
        let before = scene.files();
        let asked = scene.holding_its_breath(row);
        let (run, took) = scene.until(&row.line(), |_, _| asked(), interrupt);
        let run = run.ended(130);
        assert!(took < PROMPT, "{took:?}");
        // A database is whole at any moment: other tests see to that.
        let is_whole = |file: &String| file.starts_with("state/") || file.ends_with(".db");
        let is_new = |file: &String| !before.contains(file) && !is_whole(file);
        let new: Vec<String> = scene.files().into_iter().filter(is_new).collect();
        assert!(new.is_empty(), "{new:?}: {run:?}");
        assert!(scene.gate.handle().is_enabled(), "{run:?}");
        let sent = scene.gate.handle().received();
        let is_ended = sent.last().is_some_and(|packet| packet.command == Command::EXIT);
        assert!(is_ended, "the session goes on: {run:?}");
        has(&(run.stdout + &run.stderr), row.interrupted);
    });
}
