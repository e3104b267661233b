//! Commands on terminals: which ones, consent, many at once, what they print, Ctrl-C.
#![cfg(feature = "sqlite")]

mod common;

use common::{Run, World, configure, families, interrupted, lines, nowhere, terminal};
use zk_proto::Command;
use zk_sim::Fault;

#[test]
fn a_terminal_is_chosen_by_its_name_its_address_or_a_new_one() {
    let world = World::new();
    let (front, back, new) = (world.serve(terminal(3)), world.serve(terminal(4)), world.serve(terminal(5)));
    configure(&world, &[("front", &front), ("back", &back)]);
    let names = |args: &[&str]| -> Vec<String> {
        let run = world.cli(&[&["info", "--json"], args].concat()).ended(0);
        lines(&run.stdout).iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect()
    };
    let (back_at, new_at) = (back.addr().to_string(), format!("new={}", new.addr()));
    assert_eq!(names(&[]), ["front", "back"]);
    assert_eq!(names(&["--all"]), ["front", "back"]);
    assert_eq!(names(&["back"]), ["back"]);
    assert_eq!(names(&[&back_at]), ["back"], "a configured address has its configured name");
    assert_eq!(names(&["back", "--device", &back_at]), ["back"], "it is asked once");
    assert_eq!(names(&["--device", &new_at, "--device", "front"]), ["front", "new"]);
}

#[test]
fn a_misspelled_name_is_corrected_instead_of_looked_up() {
    let world = World::new();
    let front = world.serve(terminal(3));
    configure(&world, &[("front-gate", &front)]);
    let run = world.cli(&["info", "front-gaet"]).ended(10);
    assert!(run.stderr.contains("no terminal is called front-gaet") && run.stderr.contains("--device front-gate"));
    let run = World::new().cli(&["info"]).ended(10);
    assert!(run.stderr.contains("no terminal is configured") && run.stderr.contains("try:"), "{}", run.stderr);
    world.cli(&["info", "--all", "front-gate"]).ended(2);
}

#[test]
fn a_dead_terminal_fails_alone_and_the_others_answer() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(3)), world.serve(terminal(4)));
    let dead = format!("dead={}?transport=tcp&timeout=1s", nowhere());
    let (front, back) = (format!("front={}", front.addr()), format!("back={}", back.addr()));
    let run = world.cli(&["info", "--json", &front, &dead, &back]).ended(20);
    let all = lines(&run.stdout);
    let told: Vec<_> = all.iter().map(|one| (one["name"].as_str().unwrap(), one["records"].as_u64())).collect();
    assert_eq!(told, [("front", Some(3)), ("dead", None), ("back", Some(4))]);
    assert!(all[1]["error"].as_str().unwrap().starts_with("cannot connect"), "{}", all[1]);
    assert!(all[1]["try"].as_str().unwrap().contains("power"), "{}", all[1]);
}

#[test]
fn each_terminal_has_a_transcript_without_secrets() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(3)), world.serve(terminal(4)));
    configure(&world, &[("front", &front), ("back", &back)]);
    world.cli(&["info", "--all", "--record", "wire.zkt"]).ended(0);
    for name in ["wire-front.zkt", "wire-back.zkt"] {
        let text = world.read(name);
        assert!(text.contains("iclock-cli info") && text.contains(" > 5050827d"), "{name}: {text}");
    }
    world.cli(&["info", "front", "--record", "one.zkt"]).ended(0);
    assert!(world.read("one.zkt").contains("iclock-cli info"));
    let run = world.cli(&["info", "front", "--record", "missing/one.zkt"]).ended(2);
    assert!(run.stderr.contains("--record: cannot write missing/one.zkt"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_recording_that_cannot_be_written_loses_no_answer_and_is_named_after_it() {
    let world = World::new();
    let server = world.serve(terminal(3).serial("KEPT1"));
    let spec = format!("gate={}", server.addr());
    // So many blocks of a file may be written: none, as on a full disk, or some.
    let run = |blocks: u32, args: &[&str]| {
        let cli = env!("CARGO_BIN_EXE_iclock-cli");
        let little = format!("trap '' XFSZ; ulimit -f {blocks}; exec {cli} \"$@\"");
        let record = ["--record", "wire.zkt", "--device", &spec];
        Run::of(world.program("sh").args([&["-c", &little, "sh"], args, &record].concat()))
    };
    let ends_early = |run: &Run| {
        let parts = ["error: --record: cannot write wire.zkt, and the recording ends early: ", "\n  try: make room"];
        assert!(parts.iter().all(|part| run.stderr.contains(part)), "{run:?}");
    };
    let early = run(0, &["info"]).ended(2);
    assert!(early.stdout.is_empty() && early.stderr.contains("cannot write wire.zkt: "), "{early:?}");
    assert!(server.handle().received().is_empty(), "nothing was sent before the error");
    let done = run(1, &["info"]).ended(1);
    assert!(done.stdout.contains("KEPT1"), "{done:?}");
    ends_early(&done);
    let listed = run(1, &["users", "list", "--json"]).ended(1);
    assert!(lines(&listed.stdout)[0]["users"].is_array(), "{listed:?}");
    ends_early(&listed);
    server.handle().set_faults(&[Fault::parse("refuse-all=65535").unwrap()]);
    ends_early(&run(1, &["time", "show"]).ended(20));
    assert!(world.read("wire.zkt").ends_with('\n'), "no half of a line: {}", world.read("wire.zkt"));
    world.cli(&["transcript", "show", "wire.zkt"]).ended(0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_session_and_the_program_with_130() {
    let world = World::new();
    let server = world.serve(terminal(3).fault(Fault::parse("ignore-command=50").unwrap()));
    let spec = format!("{}?timeout=60s", server.addr());
    let asked = |command: Command| server.handle().received().iter().any(|packet| packet.command == command);
    let run = interrupted(&world, &["info", "--json", &spec], || asked(Command::GET_FREE_SIZES)).ended(130);
    let told = &lines(&run.stdout)[0];
    assert_eq!((told["error"].as_str(), told["serial"].is_string()), (Some("interrupted"), true), "{told}");
    assert!(asked(Command::EXIT), "the session was ended");
}

#[test]
fn options_are_read_written_and_read_back() {
    let world = World::new();
    for (server, spec) in families(&world) {
        let run = world.cli(&["options", "get", "VoiceOn", "NoSuch", "--device", &spec]).ended(0);
        let table = " Terminal  option   value\n gate      VoiceOn  1\n gate      NoSuch   (none)\n";
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (table, ""));
        let run = world.cli(&["options", "set", "VoiceOn=0", "--yes", "--device", &spec]).ended(0);
        assert_eq!(run.stdout, "gate: VoiceOn is now 0\n");
        let plan = format!("Sets VoiceOn=0 at gate ({}). A wrong value may cut it off.\n", server.addr());
        assert_eq!(run.stderr, plan);
        assert!(server.handle().inspect(|terminal| terminal.option("VoiceOn") == Some("0")));
        let run = world.cli(&["options", "get", "--json", "--device", &spec]).ended(0);
        assert_eq!(lines(&run.stdout)[0]["options"]["VoiceOn"], "0");
    }
}

#[test]
fn a_terminal_that_dies_half_way_shows_which_options_were_written() {
    let world = World::new();
    let server = world.serve(terminal(3).fault(Fault::parse("hang-up-at=12@1").unwrap()));
    let spec = format!("gate={}?timeout=1s&transport=tcp", server.addr());
    let run = world.cli(&["options", "set", "VoiceOn=0", "LockOn=9", "--yes", "--device", &spec]).ended(20);
    assert_eq!(run.stdout, "gate: VoiceOn is now 0\n");
    assert!(run.stderr.contains("error: gate: ") && run.stderr.contains("try:"), "{}", run.stderr);
    assert!(server.handle().inspect(|terminal| terminal.option("LockOn") == Some("5")));
}

#[test]
fn a_secret_option_is_in_no_output_and_no_transcript() {
    let world = World::new();
    let server = world.serve(terminal(3));
    let spec = format!("gate={}", server.addr());
    let args = ["options", "set", "ComKey=918273", "--yes", "--json", "--record", "wire.zkt", "--device", &spec];
    let run = world.cli(&args).ended(0);
    let all = run.stdout + &run.stderr + &world.read("wire.zkt");
    let as_hex: String = b"918273".iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!all.contains("918273") && !all.contains(&as_hex), "{all}");
    assert!(all.contains("ComKey=(secret)"), "{all}");
}

/// The commands that change a terminal.
const CHANGES: [&[&str]; 6] = [
    &["options", "set", "VoiceOn=0"],
    &["time", "set"],
    &["unlock"],
    &["restart"],
    &["poweroff"],
    &["lcd", "Closed today"],
];

#[test]
fn nothing_is_changed_without_consent_or_at_another_terminal() {
    let world = World::new();
    let server = world.serve(terminal(3));
    let addr = server.addr().to_string();
    for command in CHANGES {
        let run = world.cli(&[command, &["--device", &addr]].concat()).ended(80);
        assert!(run.stderr.contains("nothing was changed") && run.stderr.contains("--yes"), "{}", run.stderr);
        assert_eq!(run.stdout, "", "{command:?}");
    }
    assert_eq!(server.handle().stats().connections, 0, "it was not even asked");
    for command in CHANGES {
        let spec = format!("{addr}?serial=ANOTHER");
        let run = world.cli(&[command, &["--yes", "--device", &spec]].concat()).ended(80);
        assert!(run.stderr.contains("wrong terminal") && run.stderr.contains("ANOTHER"), "{}", run.stderr);
    }
    let sent = server.handle().stats().commands;
    let changing = [
        Command::OPTIONS_WRQ,
        Command::SET_TIME,
        Command::UNLOCK,
        Command::RESTART,
        Command::POWEROFF,
        Command::WRITE_LCD,
    ];
    assert!(changing.iter().all(|command| !sent.contains_key(command)), "{sent:?}");
}

#[test]
fn a_change_of_several_terminals_must_be_asked_for() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(3)), world.serve(terminal(4)));
    configure(&world, &[("front", &front), ("back", &back)]);
    let run = world.cli(&["unlock", "--yes"]).ended(2);
    assert!(run.stderr.contains("2 terminals are configured") && run.stderr.contains("front, back"), "{}", run.stderr);
    let run = world.cli(&["unlock", "--yes", "--all"]).ended(0);
    assert_eq!(run.stdout, "front: door opened\nback: door opened\n");
}

#[test]
fn a_clock_is_shown_set_and_read_back() {
    let world = World::new();
    for (server, spec) in families(&world) {
        let set = ["time", "set", "--to", "2026-01-31 08:00:00", "--yes", "--json", "--device", &spec];
        let told = &lines(&world.cli(&set).ended(0).stdout)[0];
        assert!(told["clock"].as_str().unwrap().starts_with("2026-01-31T08:00:0"), "{told}");
        let run = world.cli(&["time", "show", "--device", &spec]).ended(0);
        assert!(run.stdout.contains("2026-01-31 08:00:") && run.stdout.contains(" behind"), "{}", run.stdout);
        let run = world.cli(&["time", "set", "--yes", "--device", &spec]).ended(0);
        assert!(run.stdout.contains("2026-01-31 08:00:") && run.stderr.starts_with("Sets the clock of gate"));
        let told = &lines(&world.cli(&["time", "show", "--json", "--device", &spec]).ended(0).stdout)[0];
        assert!(told["clock_drift_s"].as_i64().unwrap().abs() <= 3, "{told}");
        assert_eq!(server.handle().stats().commands[&Command::SET_TIME], 2);
    }
    let run = world.cli(&["time", "set", "--to", "soon", "--yes", "--device", "192.0.2.1"]).ended(2);
    assert!(run.stderr.contains("2026-01-31 08:00:00"), "{}", run.stderr);
}

#[test]
fn doors_voices_screens_and_power_do_what_they_say() {
    let world = World::new();
    for (server, spec) in families(&world) {
        let panel = || server.handle().inspect(|terminal| terminal.panel().clone());
        let run = |args: &[&str]| world.cli(&[args, &["--device", &spec]].concat()).ended(0).stdout;
        assert_eq!(run(&["unlock", "--yes"]), "gate: door opened\n");
        assert_eq!(panel().unlocks(), 1);
        assert_eq!(run(&["voice", "10"]), "gate: played\n");
        assert_eq!(panel().last_voice(), Some(zk_proto::op::Voice(10)));
        assert_eq!(run(&["lcd", "Closed", "--yes"]), "gate: text written\n");
        assert_eq!(run(&["lcd", "--clear", "--yes"]), "gate: text removed\n");
        let told = &lines(&run(&["restart", "--yes", "--json"]))[0];
        assert_eq!((told["done"].as_bool(), panel().restarts()), (Some(true), 1), "{told}");
        assert_eq!(run(&["poweroff", "--yes"]), "gate: switches off now\n");
        assert_eq!(panel().switched_off(), 1);
    }
    assert!(world.cli(&["voice", "--list"]).ended(0).stdout.contains("Thank you"));
}

#[test]
fn a_terminal_that_refuses_ends_with_20() {
    let world = World::new();
    let server = world.serve(terminal(3).fault(Fault::parse("refuse-command=31").unwrap()));
    let run = world.cli(&["unlock", "--yes", &server.addr().to_string()]).ended(20);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("refused UNLOCK") && run.stderr.contains("try:"), "{}", run.stderr);
}
