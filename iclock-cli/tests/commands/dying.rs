//! A terminal that dies half-way: the command ends in bounded time, and says how far it got.

use std::cell::Cell;
use std::time::Duration;

use zk_sim::Handle;

use crate::common::staff::fault;
use crate::scene::{Scene, THREE, each, has, interrupt};

/// The time that a terminal has for each answer.
const TIMEOUT: Duration = Duration::from_millis(800);

/// The longest that the program may take to give it up, in such times. The retries of a user table alone
/// take ten, and the machine may be busy.
const PATIENCE: u32 = 30;

/// It is gone, and its connections with it; or it is there and never says a word again.
fn die(handle: &Handle, family: &str) {
    if family == "tft40" {
        return handle.shutdown();
    }
    handle.set_faults(&[fault("stall-packets=0")]);
    handle.go_silent();
}

#[test]
fn a_terminal_that_dies_half_way_ends_each_command_in_bounded_time_and_is_named() {
    each(&THREE, 16, |row, way| {
        let (code, parts) = row.died;
        let scene = Scene::of(row, way, TIMEOUT);
        let asked = scene.holding_its_breath(row);
        let handle = scene.gate.handle();
        let (run, took) = match row.goes_on {
            false => scene.until(&row.line(), |_, _| asked(), |_| die(&handle, way.0)),
            true => {
                let is_dead = Cell::new(false);
                let told = |out: &str, err: &str| {
                    if asked() && !is_dead.replace(true) {
                        die(&handle, way.0);
                    }
                    parts.iter().all(|part| out.contains(part) || err.contains(part))
                };
                scene.until(&row.line(), told, interrupt)
            }
        };
        let run = run.ended(code);
        assert!(took < TIMEOUT * PATIENCE, "{took:?}: {run:?}");
        has(&scene.masked(&(run.stdout + &run.stderr)), parts);
    });
}
