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
    for (args, wanted) in [
        (&["sync", "--max-new", "abc"][..], "write a whole number, such as 300"),
        (&["simulate", "--count", "0"], "write a whole number, at least 1"),
        (&["verify", "--days", "0"], "write a whole number, at least 1"),
        (&["unlock", "--seconds", "255"], "write a whole number from 1 to 254"),
        (&["sync", "--loop", "0"], "write a time above 0"),
        (&["report", "daily", "--day", "2026-13-01"], "there is no such day; write it like 2026-11-30"),
    ] {
        let run = world.cli(args).ended(2);
        assert!(run.stderr.contains(wanted), "{args:?}: {}", run.stderr);
    }
    let tip = "tip: to name a terminal, use '--device front-gate'";
    assert!(world.cli(&["sync", "front-gate"]).ended(2).stderr.contains(tip));
    assert!(world.cli(&["quarantine", "list", "front-gate"]).ended(2).stderr.contains(tip));
    assert!(!world.cli(&["health", "front-gate"]).ended(2).stderr.contains("tip:"));
    let targets = ["sync", "--device", "192.0.2.1", "--sink", "sqlite:a.db"];
    let run = world.cli(&[&targets[..], &["--since", "2026-02-01", "--until", "2026-01-31"]].concat()).ended(2);
    assert!(run.stderr.contains("--until 2026-01-31") && run.stderr.contains("try:"), "{}", run.stderr);
    let run = world.cli(&[&targets[..], &["--since", "2", "--until", "3"]].concat()).ended(2);
    assert!(!run.stderr.contains('.'), "whole seconds: {}", run.stderr);
    assert!(world.files().is_empty(), "nothing was begun");
}

#[test]
fn shells_complete_the_words_that_an_argument_takes() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = world.cli(&["completions", shell]).ended(0).stdout;
        for word in ["tft40-small-packets", "att-21-tab", "damaged-patch", "empty_user_id", "tablename-count", "8a"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_mistyped_word_is_answered_with_the_nearest_or_with_where_all_of_them_are() {
    let world = World::new();
    for (args, told) in [
        (&["simulate", "--profile", "tft4"][..], "did you mean tft40?"),
        (&["simulate", "--profile", "printer"], "no such word; there are: tft40, "),
        (&["simulate", "--fault", "damaged-pach=130@200"], "did you mean damaged-patch?"),
        (&["simulate", "--fault", "latency=soon"], "latency"),
        (&["simulate", "--push", "http://127.0.0.1:1", "--strictness", "ok-cuont"], "did you mean ok-count?"),
        (&["quarantine", "list", "--reason", "empty_userid"], "did you mean empty_user_id?"),
        (&["decode", "log.hex", "--layout", "8c"], "16, 8b or 8a"),
    ] {
        let run = world.cli(args).ended(2);
        assert!(run.stderr.contains(told) && run.stdout.is_empty(), "{args:?}: {run:?}");
    }
    // Words of the one kind are no words of the other.
    let run = world.cli(&["simulate", "--profile", "att-21"]).ended(2);
    assert!(run.stderr.contains("one of tft40"), "{}", run.stderr);
    assert!(world.files().is_empty(), "nothing was begun");
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = World::new().cli(&["--version"]).ended(0);
    assert_eq!(run.stdout.trim(), format!("iclock-cli {}", env!("CARGO_PKG_VERSION")));
}

/// A person waits for it, and a script may call it often. The time is that of the best of twenty starts, so that other
/// work on the machine does not count.
#[test]
fn the_version_is_there_before_anybody_waits() {
    let start = |_| {
        let begun = std::time::Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_iclock-cli")).arg("--version").output().unwrap();
        assert!(output.status.success());
        begun.elapsed()
    };
    let best = (0..20).map(start).min().unwrap();
    // The promise is that of a release. Without optimization, the tree of commands takes several times as long.
    let limit = std::time::Duration::from_millis(if cfg!(debug_assertions) { 150 } else { 20 });
    assert!(best < limit, "{best:?}");
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

/// The punches of a simulated school day at two terminals, as their logs have them.
fn school_day(world: &World, seed: &str) -> String {
    let args = "simulate --listen 127.0.0.1:0 --count 2 --records 0 --users 50 --day 2026-03-04 --day-in 500ms --seed";
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(args.split(' '))
        .arg(seed)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(simulator.stdout.take().unwrap()).lines().map(Result::unwrap);
    let addr = |line: String| line.strip_prefix("listening ").unwrap().split(' ').next().unwrap().to_owned();
    let addrs: Vec<String> = lines.take(2).map(addr).collect();
    let told = BufReader::new(simulator.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<String> = told.take(2).collect();
    assert!(told[0].contains("school day 2026-03-04: ") && told[0].ends_with(", 5 late, 2 absent"), "{told:?}");
    assert!(told[1].contains("is over"), "{told:?}");
    let (one, two) = (format!("one={}", addrs[0]), format!("two={}", addrs[1]));
    let run = world.cli(&["attendance", "--csv", "--device", &one, "--device", &two]).ended(0);
    simulator.kill().unwrap();
    simulator.wait().unwrap();
    // The clock's drift, the last but one, depends on the moment.
    let without_drift = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let (drift, rest) = (cells.len() - 2, cells);
        rest.iter().enumerate().filter(|(n, _)| *n != drift).map(|(_, cell)| *cell).collect::<Vec<_>>().join(",")
    };
    let mut lines: Vec<String> = run.stdout.lines().map(without_drift).collect();
    // Two people may punch in the same second at two terminals.
    lines.sort();
    lines.join("\n")
}

#[test]
fn a_school_day_is_simulated_at_several_terminals_and_again_the_same_by_its_seed() {
    let world = World::new();
    let day = school_day(&world, "7");
    assert!(day.contains(",one,") && day.contains(",two,"), "{day}");
    assert!(day.lines().all(|line| line.starts_with("2026-03-04") || line.starts_with("local_time,")), "{day}");
    assert!(day.matches(" 07:").count() > 30 && day.matches(" 16:").count() > 30, "{day}");
    assert_eq!(school_day(&world, "7"), day);
    assert_ne!(school_day(&world, "8"), day);
    world.cli(&["simulate", "--day-in", "1s"]).ended(2);
    world.cli(&["simulate", "--count", "0"]).ended(2);
    world.cli(&["simulate", "--day", "--punch-every", "1s"]).ended(2);
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
    assert!(run.stderr.contains("cannot connect") && run.stderr.contains("check its address"), "{}", run.stderr);
}

#[test]
fn a_terminal_on_the_command_line_that_was_meant_otherwise_is_refused_before_anything_is_contacted() {
    let world = World::new();
    for (spec, problem, hint) in [
        ("x=::1:4370", "::1:4370 is an IPv6 address whose end looks like a port", "try: write [::1]:4370; "),
        ("http://127.0.0.1", "http://127.0.0.1 is a URL", "try: write the host alone: 127.0.0.1\n"),
        ("=1", "has no name before the =", "try: write [NAME=]HOST[:PORT]"),
        ("a\u{1b}[31m=127.0.0.1", "the name \"a\\u{1b}[31m\" has control characters", "try: leave them out"),
    ] {
        let run = world.cli(&["info", "--device", spec]).ended(10);
        assert!(run.stderr.contains(problem) && run.stderr.contains(hint), "{spec}: {}", run.stderr);
    }
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
        &["--help"],
        &["sync", "--help"],
    ] {
        let takes_targets = ["sync", "config"].contains(&command[0]) && !command.contains(&"--help");
        let needs_targets = takes_targets && command != ["config", "schema"];
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

#[test]
fn the_help_has_groups_and_each_command_shows_examples() {
    let world = World::new();
    let help = world.cli(&["--help"]).ended(0).stdout;
    let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{help}"));
    assert!(at("\nRun:\n") < at("\n  sync ") && at("\n  sync ") < at("\nSet up:\n"));
    assert!(at("\nSet up:\n") < at("\n  version ") && at("\n  version ") < at("\nOptions:\n"));
    let help = world.cli(&["quarantine", "show", "--help"]).ended(0).stdout;
    assert!(help.contains("Examples:\n  iclock-cli quarantine show 12\n"), "{help}");
}

#[test]
fn manual_pages_have_the_texts_of_the_help() {
    let world = World::new();
    let page = world.cli(&["man", "quarantine", "show"]).ended(0).stdout;
    assert!(page.contains(".TH iclock-cli-quarantine-show 1"), "{page}");
    assert!(page.contains("Show one record, with its raw bytes"), "{page}");
    let run = world.cli(&["man", "--dir", "pages"]).ended(0);
    let count: usize = run.stdout.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(std::fs::read_dir(world.path().join("pages")).unwrap().count(), count);
    assert!(count > 25 && world.read("pages/iclock-cli.1").contains("iclock-cli"));
    let run = world.cli(&["man", "quarantine", "nothing"]).ended(2);
    assert!(run.stderr.contains("quarantine nothing") && run.stderr.contains("--help"), "{}", run.stderr);
}

#[test]
fn the_version_names_the_ledger_format_and_the_sinks() {
    let run = World::new().cli(&["version", "--json"]).ended(0);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["ledger_format"], iclock_sync::ledger::FORMAT);
    assert_eq!(told["sinks"].as_array().unwrap().iter().any(|kind| kind == "sqlite"), cfg!(feature = "sqlite"));
    assert!(World::new().cli(&["version"]).ended(0).stdout.contains("ledger format"));
}

#[cfg(feature = "sqlite")]
#[test]
fn init_writes_a_configuration_that_works_and_overwrites_nothing() {
    let world = World::new();
    let server = world.serve(common::terminal(40));
    let device = format!("front-gate={}", server.addr());
    let sink = ["--sink", "sqlite:attendance.db"];
    let init = |more: &[&str]| world.cli(&[&["init", "--device", &device], &sink[..], more].concat());
    let run = init(&["--zone", "Etc/UTC"]).ended(0);
    assert!(run.stdout.contains("written: iclock.toml") && run.stdout.contains("iclock-cli sync"), "{run:?}");
    assert!(run.stderr.contains("front-gate: works"), "{run:?}");
    let text = world.read("iclock.toml");
    assert!(text.contains("# Name or address.\nhost = ") && text.contains("zone = \"Etc/UTC\""), "{text}");
    world.cli(&["config", "check"]).ended(0);
    assert_eq!(world.cli(&["sync", "--json"]).ended(0).report()["totals"]["stored"], 40);

    let run = init(&[]).ended(80);
    assert!(run.stderr.contains("exists already") && run.stderr.contains("--force"), "{run:?}");
    assert_eq!(world.read("iclock.toml"), text, "nothing was changed");
    drop(server);
    // A terminal that is away does not stop it; the exit code tells.
    let run = init(&["--force"]).ended(20);
    assert!(run.stderr.contains("try:") && run.stdout.contains("iclock-cli doctor"), "{run:?}");
    assert!(!world.read("iclock.toml").contains("zone"), "it was replaced");
    init(&["--force", "--no-test"]).ended(0);
    assert!(!world.path().join("iclock.toml.part").exists());
}

#[test]
fn init_without_anybody_to_ask_names_the_flags() {
    let run = World::new().cli(&["init"]).ended(2);
    assert!(run.stderr.contains("--device") && run.stderr.contains("--sink"), "{run:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_unit_of_the_service_is_valid_and_is_written_and_removed() {
    let world = World::new();
    let unit = world.cli(&["service", "install", "--print", "--config", "/etc/iclock/iclock.toml"]).ended(0).stdout;
    assert!(unit.contains(&format!("ExecStart={}", env!("CARGO_BIN_EXE_iclock-cli"))), "{unit}");
    world.write("iclock.service", &unit);
    world.write("iclock.toml", "");
    let hidden = world.cli(&["service", "install", "--print", "--state", "/tmp/state"]).ended(0).stderr;
    assert!(hidden.contains("cannot see /") && hidden.contains("/usr/local/bin"), "{hidden}");
    assert!(hidden.contains("not the iclock.toml that is here"), "{hidden}");
    // It complains about a user that does not exist here, too, but only as a warning.
    match Command::new("systemd-analyze")
        .args(["verify", "--man=no", "iclock.service"])
        .current_dir(world.path())
        .output()
    {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "skipped: the_unit_of_the_service_is_valid: systemd-analyze: {error}");
        }
    }
    let root = world.path().join("image");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    let root = root.to_str().unwrap();
    world.cli(&["service", "status", "--root", root]).ended(70);
    if Command::new("systemctl").arg("--version").output().is_err() {
        return;
    }
    world.cli(&["service", "install", "--root", root, "--live"]).ended(0);
    let written = world.read("image/etc/systemd/system/iclock.service");
    assert!(
        written.contains("sync --live")
            && world.path().join("image/etc/systemd/system/multi-user.target.wants").exists()
    );
    assert!(world.cli(&["service", "status", "--root", root]).ended(0).stdout.contains("enabled"));
    world.cli(&["service", "uninstall", "--root", root]).ended(0);
    assert!(!world.path().join("image/etc/systemd/system/iclock.service").exists());
    world.cli(&["service", "uninstall", "--root", root]).ended(10);
}

#[test]
fn the_service_of_windows_is_shown_on_every_system() {
    let world = World::new();
    let shown = world.cli(&["service", "install", "--print", "--windows", "--serve", "--name", "gate"]).ended(0).stdout;
    let dir = r"C:\ProgramData\gate";
    let start = [
        r#"sc create gate binPath= "\"C:\Program Files\iclock\iclock-cli.exe\" --as-service gate "#,
        &format!(r#"{dir} serve --config {dir}\iclock.toml --state {dir}\state --quiet" start= delayed-auto "#),
        r#"obj= "NT AUTHORITY\LocalService""#,
    ];
    assert!(cfg!(windows) || shown.lines().any(|line| line == start.concat()), "{shown}");
    // Only the service and administrators read the secrets of the configuration.
    assert!(shown.contains("/inheritance:r") && shown.contains("\"*S-1-5-19:(OI)(CI)M\""), "{shown}");
    assert!(shown.contains("actions= restart/60000\nsc failureflag gate 1\nsc start gate\n"), "{shown}");
    let removed = world.cli(&["service", "uninstall", "--print", "--windows"]).ended(0).stdout;
    assert_eq!(removed, "sc stop iclock\nsc delete iclock\n");
    let refused = world.cli(&["service", "install", "--print", "--windows", "--user", "Aminath"]).ended(2).stderr;
    assert!(refused.contains("Aminath") && refused.contains("try: --user takes LocalService"), "{refused}");
    world.cli(&["service", "install", "--windows"]).ended(2);
}
