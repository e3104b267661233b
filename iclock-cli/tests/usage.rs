//! The command line itself: help, version, wrong usage, completions, the simulator.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use common::World;

const COMMANDS: [&[&str]; 39] = [
    &[],
    &["sync"],
    &["demo"],
    &["simulate"],
    &["info"],
    &["options"],
    &["options", "get"],
    &["options", "set"],
    &["time"],
    &["time", "show"],
    &["time", "set"],
    &["unlock"],
    &["restart"],
    &["poweroff"],
    &["voice"],
    &["lcd"],
    &["clear"],
    &["migrate"],
    &["quarantine"],
    &["quarantine", "list"],
    &["quarantine", "show"],
    &["quarantine", "export"],
    &["quarantine", "replay"],
    &["quarantine", "resolve"],
    &["replay"],
    &["state"],
    &["state", "check"],
    &["state", "export"],
    &["state", "import"],
    &["state", "compact"],
    &["unproven"],
    &["unproven", "show"],
    &["unproven", "decode"],
    &["unproven", "accept"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["config", "schema"],
    &["completions"],
];

#[test]
fn help_fits_into_80_columns_everywhere() {
    let world = World::new();
    for command in COMMANDS {
        let run = world.cli(&[command, &["--help"]].concat()).ended(0);
        let wide: Vec<&str> = run.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{command:?}: {wide:?}");
    }
    let run = world.iclock(&["--help"]).ended(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
}

#[test]
fn wrong_usage_ends_with_2() {
    let world = World::new();
    for args in [
        &["synk"][..],
        &["sync", "--since", "yesterday"],
        &["sync", "--max-new", "many"],
        &["sync", "--loop", "soon"],
        &[],
    ] {
        world.cli(args).ended(2);
    }
    let targets = ["sync", "--device", "192.0.2.1", "--sink", "sqlite:a.db"];
    let run = world.cli(&[&targets[..], &["--since", "2026-02-01", "--until", "2026-01-31"]].concat()).ended(2);
    assert!(run.stderr.contains("--until 2026-01-31") && run.stderr.contains("try:"), "{}", run.stderr);
    assert!(world.files().is_empty(), "nothing was begun");
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = World::new().cli(&["--version"]).ended(0);
    assert_eq!(run.stdout.trim(), format!("iclock-cli {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_name_the_commands() {
    let run = World::new().cli(&["completions", "bash"]).ended(0);
    assert!(run.stdout.contains("simulate") && run.stdout.contains("migrate"));
}

#[test]
fn a_report_for_people_fits_into_80_columns() {
    let world = World::new();
    for _ in 0..2 {
        let run = world.cli(&["demo"]).ended(0);
        let wide: Vec<&str> = run.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:?}");
        assert!(run.stdout.contains("Try next"), "{}", run.stdout);
        assert!(run.stdout.contains("cargo install --locked --path iclock-cli"), "run by cargo: {}", run.stdout);
    }
    assert!(world.cli(&["demo"]).stdout.contains(" 0 new, 0 stored"));
}

#[test]
fn the_simulator_says_where_each_terminal_listens_and_answers_there() {
    let world = World::new();
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["simulate", "--listen", "127.0.0.1:0", "--records", "12", "--count", "2", "--seed", "5"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(simulator.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        let (addr, serial) = line.strip_prefix("listening ").unwrap().split_once(" serial=").unwrap();
        let run = world.cli(&["info", "--json", "--device", addr]).ended(0);
        let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((told["serial"].as_str(), told["records"].as_u64()), (Some(serial), Some(12)), "{told}");
        assert!(told["clock_drift_s"].as_i64().unwrap().abs() < 5, "{told}");
    }
    simulator.kill().unwrap();
    simulator.wait().unwrap();
}

#[test]
fn the_simulator_is_controlled_by_other_programs() {
    let world = World::new();
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["simulate", "--listen", "127.0.0.1:0", "--records", "12", "--count", "2", "--control", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told: Vec<_> = BufReader::new(simulator.stdout.take().unwrap()).lines().take(3).map(Result::unwrap).collect();
    let (addr, serial) = told[1].strip_prefix("listening ").unwrap().split_once(" serial=").unwrap();
    let mut control = std::net::TcpStream::connect(told[2].strip_prefix("control ").unwrap()).unwrap();
    let request = serde_json::json!({ "do": "punch", "terminal": serial, "times": 5 });
    writeln!(control, "{request}").unwrap();
    let answer = BufReader::new(control).lines().next().unwrap().unwrap();
    assert!(answer.contains(r#""ok":true"#), "{answer}");
    let run = world.cli(&["info", "--json", "--device", addr]).ended(0);
    let info: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(info["records"], 17);
    simulator.kill().unwrap();
    simulator.wait().unwrap();
}

#[test]
fn info_of_a_dead_terminal_ends_with_20() {
    let world = World::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = world.cli(&["info", "--device", &format!("{port}?transport=tcp")]).ended(20);
    assert!(run.stdout.contains("cannot connect") && run.stdout.contains("check its address"), "{}", run.stdout);
}

#[test]
fn an_unknown_fault_or_family_names_the_list_of_them() {
    let world = World::new();
    let run = world.cli(&["simulate", "--fault", "nope"]).ended(2);
    assert!(run.stderr.contains("nope") && run.stderr.contains("--list-faults"), "{}", run.stderr);
    let run = world.cli(&["simulate", "--profile", "nope"]).ended(2);
    assert!(run.stderr.contains("nope") && run.stderr.contains("tft40"), "{}", run.stderr);
}

#[test]
fn the_simulator_serves_the_people_of_its_file_whatever_the_layout() {
    let lines = [("42", "07:01:09"), ("", "07:02:09"), ("117", "07:03:09"), ("42", "16:00:00")];
    let line = |(user, time): (&str, &str)| format!("{{\"user_id\":\"{user}\",\"time\":\"2025-05-18 {time}\"}}\n");
    let text: String = lines.map(line).concat();
    for profile in ["tft40", "bw8"] {
        let world = World::new();
        world.write("log.jsonl", &text);
        let mut simulator = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
            .args(["simulate", "--listen", "127.0.0.1:0", "--data", "log.jsonl", "--profile", profile])
            .current_dir(world.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(simulator.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let (addr, _) = told.strip_prefix("listening ").unwrap().split_once(" serial=").unwrap();
        let run = world.cli(&["sync", "--json", "--device", addr, "--sink", "sqlite:att.db"]).ended(0);
        let users: Vec<String> = world.stored().into_iter().map(|(user, ..)| user).collect();
        assert_eq!(users, ["117", "42", "42"], "{profile}");
        assert_eq!(run.report()["devices"][0]["rejected"]["empty_user_id"], 1, "{profile}");
        simulator.kill().unwrap();
        simulator.wait().unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error_of_every_command() {
    let world = World::new();
    let server = world.serve(common::terminal(40).fault(zk_sim::Fault::parse("empty-user-ids=10").unwrap()));
    let device = server.addr().to_string();
    world.write(".env", "DEVICE_IPS=192.0.2.1\n");
    let targets = ["--device", &device, "--sink", "sqlite:att.db"];
    world.cli(&[&["sync"], &targets[..]].concat()).ended(0);
    for command in [
        &["sync", "--json"][..],
        &["sync", "--full"],
        &["config", "check"],
        &["config", "show"],
        &["config", "schema"],
        &["info", "--json", "--device", &device],
        &["quarantine", "list"],
        &["quarantine", "list", "--json"],
        &["quarantine", "show", "1"],
        &["simulate", "--list-faults"],
        &["completions", "bash"],
        &["migrate", "--write-config", "-"],
        &["demo"],
    ] {
        let needs_targets = ["sync", "config"].contains(&command[0]) && command != ["config", "schema"];
        let targets = if needs_targets { &targets[..] } else { &[] };
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
        let output = program.current_dir(world.path()).args(command).args(targets).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.matches("cannot write to stdout: No space left").count(), 1, "{command:?}: {told}");
        assert_eq!(output.status.code(), Some(1), "{command:?}");
    }
}

#[test]
fn faults_and_families_are_listed() {
    let world = World::new();
    assert!(world.cli(&["simulate", "--list-faults"]).ended(0).stdout.contains("cut-head"));
    assert!(world.cli(&["simulate", "--list-profiles"]).ended(0).stdout.contains("tft40"));
}

#[test]
fn info_leaves_out_what_a_terminal_does_not_answer() {
    let cases = [("sizes-length=4", "records"), ("ignore-command=50", "records"), ("empty-command=201", "clock")];
    for (fault, missing) in cases {
        let world = World::new();
        let mut simulator = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
            .args(["simulate", "--listen", "127.0.0.1:0", "--records", "12", "--fault", fault])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = BufReader::new(simulator.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let (addr, serial) = line.strip_prefix("listening ").unwrap().split_once(" serial=").unwrap();
        let run = world.cli(&["info", "--json", "--device", &format!("{addr}?timeout=1s")]).ended(0);
        let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(told["serial"].as_str(), Some(serial), "{fault}: {told}");
        assert!(told[missing].is_null() && told["error"].is_null(), "{fault}: {told}");
        simulator.kill().unwrap();
        simulator.wait().unwrap();
    }
}
