//! `status`: what each terminal and sink was doing last, and what needs attention.

use serde_json::Value;
use zk_sim::{Fault, Server};

use crate::common::{Run, World, nowhere, terminal};
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
    assert!(!shown.contains("last delivery"), "only a service knows it: {shown}");
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
        "the last run ended with 40: a log could not be verified bad: 1 log",
        " records were refused iclock-cli quarantine list --state state",
        "bad: 1 log could not be verified iclock-cli unproven list --state state",
    ] {
        assert!(attention.contains(expected), "{expected}: {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[test]
fn the_end_of_the_last_run_of_each_terminal_and_sink_is_told_with_what_to_do() {
    let world = World::new();
    let server = world.serve(few());
    let (gate, dead) = (format!("t0={}", server.addr()), format!("dead={}?transport=tcp", nowhere()));
    let sync = |args: &[&str], code| {
        world.cli(&[&["sync", "--state", "state"], args].concat()).ended(code);
    };
    let words = |args: &[&str]| status(&world, args).ended(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let json = || -> Value { serde_json::from_str(&status(&world, &["--json"]).ended(0).stdout).unwrap() };

    // With flags alone: a terminal that nothing reaches, and a sink without its directory.
    sync(&["--device", &gate, "--device", &dead, "--sink", "sqlite:missing/a.db"], 30);
    let shown = words(&[]);
    for expected in [
        "dead failed - sink",
        "sqlite failed 4 0",
        "the last run ended with 30: a sink failed dead: cannot read the terminal: cannot connect to ",
        " sqlite: cannot open sqlite:",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let told = json();
    let ends = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|one| serde_json::json!([one["name"], one["exit_code"]])).collect()
    };
    assert_eq!(ends(&told["terminals"]), [serde_json::json!(["t0", 0]), serde_json::json!(["dead", 20])], "{told}");
    assert_eq!(ends(&told["sinks"]), [serde_json::json!(["sqlite", 30])], "{told}");

    // With a configuration, each problem has the command that looks into it.
    let (ip, port, nowhere) = (server.addr().ip(), server.addr().port(), nowhere());
    let (_, closed) = nowhere.rsplit_once(':').unwrap();
    let table = |name: &str, port: &str| {
        format!("[[device]]\nname = \"{name}\"\nhost = \"{ip}\"\nport = {port}\ntransport = \"tcp\"\n")
    };
    let sink = "[[sink]]\nname = \"file\"\nurl = \"csv:out.csv\"\n";
    world.write("iclock.toml", table("t0", &port.to_string()) + &table("dead", closed) + sink);
    sync(&[], 20);
    let shown = words(&[]);
    assert!(
        shown.contains(
            "the last run ended with 20: a terminal failed dead: cannot read the terminal: cannot connect to "
        ),
        "{shown}"
    );
    assert!(shown.contains("iclock-cli doctor device dead --state state"), "{shown}");

    // More new punches than allowed, and then all of them.
    server.handle().punch_now().unwrap();
    sync(&["--device", "t0", "--max-new", "0"], 50);
    let shown = words(&[]);
    for expected in
        ["file limited 1 0", "the last run ended with 50", "dead: cannot", "iclock-cli sync --force --state"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    sync(&["--device", "t0"], 0);
    let told = json();
    assert_eq!(ends(&told["sinks"])[0], serde_json::json!(["sqlite", null]), "{told}");
    assert_eq!(ends(&told["sinks"])[1], serde_json::json!(["file", 0]), "{told}");
    // What failed and was not tried again is still told.
    assert!(told["attention"].as_array().unwrap().iter().any(|one| one["try"].to_string().contains("device dead")));
}

#[test]
#[cfg(unix)]
fn a_run_that_is_under_way_is_told_and_so_is_the_process_to_wait_for() {
    use std::process::{Command, Stdio};
    let world = World::new();
    // It answers nothing for a while, as soon as the log is asked for.
    let server = world.serve(few().fault(Fault::parse("stall-packets=6").unwrap()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    let device = format!("t0={}?timeout=30s", server.addr());
    program.args(["sync", "--state", "state", "--sink", "sqlite:att.db", "--device", &device]);
    program.current_dir(world.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = program.spawn().unwrap();
    while status(&world, &[]).code != 0 {
        assert!(run.try_wait().unwrap().is_none(), "it ended before");
    }
    let shown = status(&world, &[]).ended(0).stdout;
    let told: Value = serde_json::from_str(&status(&world, &["--json"]).ended(0).stdout).unwrap();
    let refused = world.cli(&["sync", "--state", "state", "--sink", "sqlite:b.db", "--device", &device]);
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(shown.starts_with(&format!("A run is under way: process {}. No run was recorded.\n", run.id())), "{shown}");
    assert_eq!(told["writing_process"], run.id());
    assert!(refused.ended(60).stderr.contains(&format!("process {}", run.id())));
    // It was killed: nobody is at work.
    assert!(status(&world, &[]).ended(0).stdout.starts_with("No service runs. No run was recorded.\n"));
}

#[test]
fn a_terminal_that_was_read_under_another_name_is_still_the_configured_one() {
    let world = World::new();
    let server = world.serve(few());
    world.sync(&[&server], &[]).ended(0);
    configure(&world, &server);
    let device = server.addr().to_string();
    world.cli(&["sync", "--state", "state", "--sink", "sqlite:att.db", "--device", &device]).ended(0);
    let shown: Value = serde_json::from_str(&status(&world, &["--json"]).ended(0).stdout).unwrap();
    let of = |terminal: &Value| (terminal["name"].clone(), terminal["state"].clone());
    let terminals: Vec<_> = shown["terminals"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(terminals, [("t0".into(), "not polled".into()), ("new".into(), "never read".into())], "{shown}");
    assert_eq!(shown["terminals"][0]["serial"], *server.handle().serial());
}

#[test]
fn sinks_of_one_name_are_told_apart_and_one_that_is_used_no_more_can_be_forgotten() {
    let world = World::new();
    let server = world.serve(few());
    let forget =
        |sink: &str, more: &[&str]| world.cli(&[&["state", "forget-sink", sink, "--state", "state"], more].concat());
    assert!(forget("sqlite", &[]).ended(60).stderr.contains("no ledger in state"));
    world.sync(&[&server], &[]).ended(0);
    let device = format!("t0={}", server.addr());
    world.cli(&["sync", "--state", "state", "--device", &device, "--sink", "sqlite:missing/a.db"]).ended(30);
    let shown = status(&world, &[]).ended(0).stdout;
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(": 4 events wait for it, and it is not configured"), "{shown}");
    let command = shown.lines().find_map(|line| line.strip_prefix("    iclock-cli state forget-sink ")).unwrap();
    let target = command.strip_suffix(" --state state").unwrap().trim_matches('\'');
    assert!(target.contains("missing/a.db") && target.starts_with("sqlite:"), "{shown}");
    // Each of the two has its target in the table, whatever its width.
    let table = shown.split_once(" pending ").unwrap().1.split_whitespace().collect::<String>();
    assert!(table.contains("missing/a.db") && table.contains("att.db"), "{shown}");

    let several = forget("sqlite", &[]).ended(2).stderr;
    assert!(several.contains("2 sinks are called sqlite") && several.contains(target), "{several}");
    assert!(forget("school", &[]).ended(2).stderr.contains("the ledger knows no sink school"));
    configure(&world, &server);
    let configured = forget("sqlite:att.db", &["--yes"]).ended(80).stderr;
    assert!(configured.contains("is configured, and would be sent everything again"), "{configured}");
    let shown = status(&world, &[]).ended(0).stdout;
    assert!(shown.contains("not configured") && shown.contains("never served"), "{shown}");
    let unasked = forget(target, &[]).ended(80).stderr;
    assert!(unasked.contains("with 4 events that wait for it") && unasked.contains("add --yes"), "{unasked}");
    assert!(forget(target, &["--yes"]).ended(0).stdout.contains("forgotten: sqlite (sqlite:"));
    let shown: Value = serde_json::from_str(&status(&world, &["--json"]).ended(0).stdout).unwrap();
    let names: Vec<_> = shown["sinks"].as_array().unwrap().iter().map(|sink| sink["name"].clone()).collect();
    assert_eq!(names, ["sqlite", "file"], "{shown}");
}

#[test]
fn a_terminal_that_the_ledger_does_not_know_is_refused_by_each_flag_that_selects_one() {
    let world = World::new();
    let server = world.serve(few());
    world.sync(&[&server], &[]).ended(0);
    for command in [
        &["quarantine", "list", "--device"][..],
        &["audit", "show", "--terminal"],
        &["attendance", "--terminal"],
        &["report", "daily", "--device"],
    ] {
        let with = |name: &str| world.cli(&[command, &[name, "--state", "state"]].concat());
        let refused = with("nonsense").ended(2).stderr;
        assert!(refused.contains("no terminal of the ledger is called nonsense"), "{command:?}: {refused}");
        assert!(refused.contains("try: the ledger knows t0"), "{command:?}: {refused}");
        with("t0").ended(0);
        with(&server.handle().serial()).ended(0);
    }
}
