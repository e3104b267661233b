//! A terminal that refuses: the exit code, and an error that names the terminal and the step.

use zk_sim::Fault;

use crate::common::staff::fault;
use crate::scene::{PATIENT, Scene, THREE, each, has, interrupt};

#[test]
fn a_terminal_that_refuses_is_named_with_what_it_refused_and_what_to_try() {
    each(&THREE, 4, |row, way| {
        let (code, parts) = row.refused;
        let scene = Scene::of(row, way, PATIENT);
        let of_the_request = format!("refuse-command={}", row.at);
        let faults = if row.refusal.is_empty() { &of_the_request } else { row.refusal };
        let faults: Vec<Fault> = faults.split_whitespace().map(fault).collect();
        scene.gate.handle().set_faults(&faults);
        let run = match row.goes_on && code == 130 {
            false => scene.run(&row.line()),
            true => {
                let told = |out: &str, err: &str| parts.iter().all(|part| out.contains(part) || err.contains(part));
                scene.until(&row.line(), told, interrupt).0
            }
        };
        let run = run.ended(code);
        has(&scene.masked(&(run.stdout + &run.stderr)), parts);
    });
}
