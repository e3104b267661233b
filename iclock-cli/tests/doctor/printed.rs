//! What `doctor` prints for people: findings, fixes, and commands that work as printed.

use serde_json::{Value, json};

use super::common::{self, World};

#[test]
fn doctor_names_the_cause_and_the_fix_of_each_problem() {
    let world = World::new();
    let gate = world.serve(common::terminal(60));
    let canteen = world.serve(common::terminal(60).serial("CANTEEN-1").key(4711));
    let device = |name: &str, server: &zk_sim::Server| {
        format!("[[device]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {}\n", server.addr().port())
    };
    let sink = "[[sink]]\nname = \"local\"\nurl = \"sqlite:att.db\"\n";
    world.write("iclock.toml", device("gate", &gate) + &device("canteen", &canteen) + sink);
    let run = world.cli(&["doctor"]).ended(70);
    for told in ["terminal gate", "60 records, proven", "PROBLEM", "try: set comm_key", "sink local", "1 problem"] {
        assert!(run.stdout.contains(told), "{told}: {}", run.stdout);
    }
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let run = world.cli(&["doctor", "device", "canteen", "--json"]).ended(70);
    let found: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = found.last().unwrap();
    assert_eq!(
        (&last["name"], &last["cause"], &last["level"]),
        (&"canteen".into(), &"key_missing".into(), &"problem".into())
    );
    assert!(last["try"].as_str().unwrap().contains("comm_key"), "{last}");
    world.cli(&["doctor", "device", "gate"]).ended(0);
    world.cli(&["doctor", "sink"]).ended(0);
    world.cli(&["doctor", "state"]).ended(0);
    let run = world.cli(&["doctor", "device", "attic"]).ended(10);
    assert!(run.stderr.contains("gate, canteen"), "{run:?}");
    let run = world.cli(&["doctor", "sink", "--sink", "sqlite:missing/att.db", "--json"]).ended(70);
    assert!(run.stdout.contains("\"sink_"), "{run:?}");
}

#[test]
fn doctor_prints_the_commands_that_help_and_they_work() {
    let world = World::new();
    let damaged = common::terminal(400).profile(zk_sim::Profile::named("tft40").unwrap());
    let server = world.serve(damaged.fault(zk_sim::Fault::parse("damaged-patch=130@200").unwrap()));
    world.write(
        "iclock.toml",
        "state_dir = \"state\"\n[[sink]]\nname = \"local\"\nurl = \"sqlite:att.db\"\n".to_owned()
            + &format!("[[device]]\nname = \"back-door\"\nhost = \"127.0.0.1\"\nport = {}\n", server.addr().port()),
    );
    let run = world.cli(&["doctor", "device"]).ended(70);
    for command in ["sync", "unproven show back-door", "unproven accept back-door"] {
        let is_line = |line: &str| line.trim() == format!("iclock-cli {command}");
        assert!(run.stdout.lines().any(is_line), "{command}: {}", run.stdout);
    }
    let run = world.cli(&["doctor", "device", "--json"]).ended(70);
    let found: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |cause: &Value| found.iter().find(|finding| finding["cause"] == *cause).unwrap()["commands"].clone();
    assert_eq!(of(&"log_damaged".into())[1], "iclock-cli unproven show back-door");
    assert_eq!(of(&Value::Null), json!([]), "all is well");

    world.cli(&["sync"]).ended(40);
    world.cli(&["unproven", "show", "back-door"]).ended(0);
    let run = world.cli(&["doctor", "state"]).ended(70);
    assert!(run.stdout.lines().any(|line| line.trim() == "iclock-cli unproven list"), "{}", run.stdout);
    world.cli(&["unproven", "list"]).ended(0);
}
