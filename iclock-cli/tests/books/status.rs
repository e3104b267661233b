//! `status`: what each terminal and sink was doing last, and what needs attention.

use serde_json::Value;
use zk_sim::{Fault, Server};

use crate::common::{Run, World, terminal};
use crate::few;

fn status(world: &World, args: &[&str]) -> Run {
    world.cli(&[&["status", "--state", "state"], args].concat())
}

fn configure(world: &World, server: &Server) {
    let (ip, port) = (server.addr().ip(), server.addr().port());
    world.write(
        "iclock.toml",
        format!(
            "[[device]]\nname = \"t0\"\nhost = \"{ip}\"\nport = {port}\n\
             [[device]]\nname = \"new\"\nhost = \"192.0.2.1\"\n\
             [[sink]]\nname = \"sqlite\"\nurl = \"sqlite:att.db\"\n[[sink]]\nname = \"file\"\nurl = \"csv:out.csv\"\n"
        ),
    );
}

#[test]
fn without_a_service_the_ledger_says_what_was_last() {
    let world = World::new();
    assert!(status(&world, &[]).ended(60).stderr.contains("no ledger in state"));
    let server = world.serve(few());
    world.sync(&[&server], &[]).ended(0);
    let shown = status(&world, &[]).ended(0).stdout;
    assert!(shown.starts_with("No service runs. The last run was "), "{shown}");
    assert!(shown.contains(" s ago: 4 new, 4 stored.\n") && shown.contains("2026-03-03 07:59:09"), "{shown}");
    assert!(shown.contains("up to date") && shown.ends_with("\nNothing needs attention.\n"), "{shown}");
    configure(&world, &server);
    let shown: Value = serde_json::from_str(&status(&world, &["--json"]).ended(0).stdout).unwrap();
    let states: Vec<_> =
        shown["terminals"].as_array().unwrap().iter().map(|one| (&one["name"], &one["state"])).collect();
    assert_eq!(states, [(&"t0".into(), &"not polled".into()), (&"new".into(), &"never read".into())]);
    assert_eq!((&shown["sinks"][1]["name"], &shown["sinks"][1]["state"]), (&"file".into(), &"never served".into()));
    assert_eq!((&shown["service"], &shown["last_run"]["exit_code"]), (&Value::Null, &0.into()));
    assert!(shown["attention"][0]["what"] == "new: it was never read", "{shown}");
}

#[test]
fn what_waits_for_a_person_is_named_with_the_command_that_shows_it() {
    let world = World::new();
    let server = world.serve(terminal(400).fault(Fault::parse("empty-user-ids=10").unwrap()));
    world.sync(&[&server], &[]).ended(0);
    let other = world.serve(terminal(400).serial("X9").fault(Fault::parse("damaged-patch=130@200").unwrap()));
    let device = format!("bad={}", other.addr());
    world.cli(&["sync", "--state", "state", "--sink", "sqlite:att.db", "--device", &device]).ended(40);
    let shown = status(&world, &[]).ended(0).stdout;
    let (_, attention) = shown.split_once("\nNeeds attention\n").unwrap();
    let attention = attention.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "the last run ended with 40",
        " records were refused iclock-cli quarantine list --state state",
        "bad: 1 log could not be verified iclock-cli unproven list --state state",
    ] {
        assert!(attention.contains(expected), "{expected}: {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}
