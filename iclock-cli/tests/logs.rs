//! The log: failures are errors, -v adds a line for each terminal and sink, -vv each step. A repeated reading has its
//! reason.

mod common;

use std::net::TcpListener;

use common::{World, terminal};
use serde_json::Value;
use zk_sim::Fault;

/// A port on which nothing listens.
fn dead() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The lines of the log files, as JSON.
fn logged(world: &World) -> Vec<Value> {
    let files = world.files();
    let logs = files.iter().filter(|(path, _)| path.parent().unwrap().ends_with("logs"));
    let text: String = logs.map(|(_, content)| String::from_utf8(content.clone()).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The level of the line about a terminal or a sink.
fn level(lines: &[Value], key: &str, name: &str) -> Vec<String> {
    let about = lines.iter().filter(|line| line["fields"][key] == name);
    about.map(|line| line["level"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_failed_terminal_and_a_failed_sink_are_errors_in_the_log() {
    let world = World::new();
    let server = world.serve(terminal(40));
    std::fs::create_dir(world.path().join("broken.db")).unwrap();
    world.write("iclock.toml", "[log]\ndir = \"logs\"\nformat = \"json\"\n");
    let dead = format!("dead={}?transport=tcp", dead());
    let run = world.sync(&[&server], &["--device", &dead, "--sink", "sqlite:broken.db"]).ended(30);
    let lines = logged(&world);
    assert_eq!(level(&lines, "terminal", "dead"), ["ERROR"]);
    assert_eq!(level(&lines, "terminal", "t0"), ["INFO"]);
    assert_eq!(level(&lines, "sink", "sqlite-2"), ["ERROR"]);
    assert_eq!(level(&lines, "sink", "sqlite"), ["INFO"]);
    let message = |line: &Value| line["fields"]["message"].as_str().unwrap().to_owned();
    let told = lines.iter().find(|line| line["fields"]["terminal"] == "dead").map(message).unwrap();
    assert!(told.contains("cannot connect"), "{told}");
    assert!(run.stderr.is_empty(), "the report has it: {}", run.stderr);
}

#[test]
fn each_terminal_has_a_log_of_its_own_if_that_is_asked_for() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(40).serial("F1")), world.serve(terminal(50).serial("B1")));
    let log = |more: &str| world.write("iclock.toml", format!("[log]\ndir = \"logs\"\n{more}"));
    let own = |name: &str| std::fs::read_to_string(world.path().join(format!("logs/terminal-{name}.log"))).ok();
    log("");
    world.sync(&[&front, &back], &[]).ended(0);
    assert_eq!(own("t0"), None);
    log("per_terminal = true\n");
    let dead = format!("de/ad={}?transport=tcp", dead());
    for _ in 0..2 {
        world.sync(&[&front, &back], &["--full", "--device", &dead]).ended(20);
    }
    let (front, back, dead) = (own("t0").unwrap(), own("t1").unwrap(), own("de_ad").unwrap());
    assert_eq!(front.matches("terminal read").count(), 2, "{front}");
    assert!(front.contains("read=40") && !front.contains("t1") && !front.contains("sink"), "{front}");
    assert!(
        back.contains("read=50") && dead.contains("terminal failed: ") && dead.contains("cannot connect"),
        "{back} {dead}"
    );
}

#[test]
fn each_level_logs_more() {
    let world = World::new();
    let server = world.serve(terminal(40));
    assert_eq!(told_by(&world, &server, &[]), "");
    let told = told_by(&world, &server, &["-v"]);
    let lines = |told: &str, word: &str| told.lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        (lines(&told, "INFO terminal read terminal=t0"), lines(&told, "INFO sink served sink=sqlite")),
        (1, 1),
        "{told}"
    );
    assert_eq!(lines(&told, "DEBUG"), 0, "{told}");
    let told = told_by(&world, &server, &["-vv"]);
    for step in [
        "connects terminal=t0",
        "identity terminal=t0",
        "counts terminal=t0 records=Some(40)",
        "asks for the log terminal=t0",
        "a part of the log came terminal=t0",
        "the log is proven terminal=t0 records=40",
        "batch committed terminal=t0",
        "batch written sink=sqlite",
        "outcomes recorded sink=sqlite",
    ] {
        assert!(told.lines().any(|line| line.contains("DEBUG") && line.contains(step)), "{step} is not in {told}");
    }
}

/// The stderr of a first sync.
fn told_by(world: &World, server: &zk_sim::Server, flags: &[&str]) -> String {
    for name in ["state", "att.db"] {
        let path = world.path().join(name);
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    world.sync(&[server], flags).ended(0).stderr
}

#[test]
fn a_log_that_was_read_again_says_why_in_the_report_and_in_the_log() {
    let world = World::new();
    let server = world.serve(terminal(400).fault(Fault::parse("cut-head=12x1").unwrap()));
    world.write("iclock.toml", "[log]\ndir = \"logs\"\nformat = \"json\"\n");
    let report = world.sync(&[&server], &[]).ended(0).report();
    let rereads = &report["devices"][0]["rereads"];
    assert_eq!((&rereads["count"], rereads["reasons"].as_array().unwrap().len()), (&1.into(), 1), "{report}");
    let why = rereads["reasons"][0].as_str().unwrap();
    assert!(!why.is_empty());
    let lines = logged(&world);
    assert_eq!(level(&lines, "terminal", "t0"), ["WARN", "INFO"]);
    assert!(lines.iter().any(|line| line["fields"]["message"].as_str().unwrap().contains(why)), "{lines:?}");
    let again = world.sync(&[&server], &["--full"]).ended(0).report();
    assert_eq!(again["devices"][0]["rereads"]["count"], 0, "{again}");
}

#[test]
fn the_demo_shows_that_a_log_was_read_again() {
    let world = World::new();
    let told = world.cli(&["demo"]).ended(0).stdout;
    assert!(told.contains("\n  workshop: its log was read again"), "{told}");
}

#[test]
fn notes_are_part_of_the_json() {
    let world = World::new();
    let server = world.serve(terminal(400));
    let report = world.sync(&[&server], &[]).ended(0).report();
    assert_eq!(
        (&report["devices"][0]["notes"], &report["sinks"][0]["notes"]),
        (&Value::Array(vec![]), &Value::Array(vec![]))
    );
}
