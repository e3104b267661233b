//! `attendance`: the punches of the ledger, or of a terminal's log.

use std::collections::BTreeSet;

use calamine::{Data, Reader as _};
use serde_json::Value;
use zk_proto::{Command, DeviceTime};
use zk_sim::{Fault, Profile, Punch, Received, Server};

use crate::common::{Row, Run, World, terminal, truth};
use crate::{at, csv, few, objects, people};

fn attendance(world: &World, args: &[&str]) -> Run {
    world.cli(&[&["attendance", "--state", "state"], args].concat())
}

fn rows(objects: &[Value]) -> BTreeSet<Row> {
    let text = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
    let number = |object: &Value, key: &str| u8::try_from(object[key].as_u64().unwrap()).unwrap();
    let row = |object| {
        (
            text(object, "user_id"),
            text(object, "local_time"),
            number(object, "verify_mode"),
            number(object, "punch_state"),
        )
    };
    objects.iter().map(row).collect()
}

fn spec(server: &Server, options: &str) -> String {
    format!("gate={}{options}", server.addr())
}

#[test]
fn attendance_shows_the_ledger_s_punches_in_every_format() {
    let world = World::new();
    let server = world.serve(terminal(2_500));
    world.sync(&[&server], &[]).ended(0);
    let lines = objects(&attendance(&world, &["--jsonl"]).ended(0));
    assert_eq!((lines.len(), rows(&lines)), (truth(&server).len(), truth(&server)));
    assert!(lines.is_sorted_by_key(|line| line["local_time"].as_str().unwrap().to_owned()));
    let array: Vec<Value> = serde_json::from_str(&attendance(&world, &["--json"]).ended(0).stdout).unwrap();
    assert_eq!(array, lines);
    let table = csv(&attendance(&world, &["--csv"]).ended(0).stdout);
    assert_eq!((table.len(), &table[0][..2]), (lines.len() + 1, &["local_time".to_owned(), "user_id".to_owned()][..]));
    let first: Vec<String> = ["local_time", "user_id"].map(|key| lines[0][key].as_str().unwrap().to_owned()).into();
    assert_eq!(table[1][..2], first[..]);
    let shown = attendance(&world, &[]).ended(0).stdout;
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let punches = shown.lines().filter(|line| line.starts_with("  20")).count();
    assert_eq!((punches, shown.matches("user id").count()), (lines.len(), 3), "a header each 1,000 rows");
    let written = attendance(&world, &["--xlsx", "all.xlsx"]).ended(0).stdout;
    assert_eq!(written, format!("{} rows written to all.xlsx\n", "2,500"));
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(world.path().join("all.xlsx")).unwrap();
    let sheet = book.worksheet_range("Attendance").unwrap();
    assert_eq!(sheet.height(), lines.len() + 1);
    let cell = |row, column| sheet.get((row, column)).unwrap();
    assert_eq!(cell(0, 0), &Data::String("time".to_owned()));
    let Data::DateTime(time) = cell(1, 0) else { panic!("{:?}", cell(1, 0)) };
    // A spreadsheet counts days.
    let moment = chrono::DateTime::from_timestamp(((time.as_f64() - 25_569.0) * 86_400.0).round() as i64, 0).unwrap();
    assert_eq!(moment.format("%Y-%m-%d %H:%M:%S").to_string(), lines[0]["local_time"].as_str().unwrap());
    assert_eq!(cell(1, 1), &Data::String(lines[0]["user_id"].as_str().unwrap().to_owned()));
}

#[test]
fn attendance_is_selected_by_person_terminal_and_time() {
    let world = World::new();
    let servers = [world.serve(few().serial("A1")), world.serve(few().serial("B2"))];
    world.sync(&[&servers[0], &servers[1]], &[]).ended(0);
    let count = |args: &[&str]| {
        let run = attendance(&world, &[&["--jsonl"], args].concat()).ended(0);
        objects(&run).len()
    };
    for (args, expected) in [
        (&["--person", "42"][..], 4),
        (&["--terminal", "A1"], 4),
        (&["--terminal", "t1", "--person", "7"], 2),
        (&["--since", "2026-03-03"], 2),
        (&["--until", "2026-03-02"], 6),
        (&["--since", "2026-03-02 08:03:09", "--until", "2026-03-02 08:03:09"], 2),
        (&["--person", "nobody"], 0),
        (&["--since", "1"], 0),
    ] {
        assert_eq!(count(args), expected, "{args:?}");
    }
    assert_eq!(attendance(&world, &["--person", "nobody"]).ended(0).stdout, "no such punch\n");
    let run = attendance(&world, &["--since", "2026-03-03", "--until", "2026-03-02"]).ended(2);
    assert!(run.stderr.contains("--until is before --since"), "{run:?}");
    let run = world.cli(&["attendance", "--state", "elsewhere"]).ended(60);
    assert!(run.stderr.contains("no ledger in elsewhere"), "{run:?}");
}

#[test]
fn the_table_says_in_words_what_happened() {
    let world = World::new();
    let server = world.serve(few());
    world.sync(&[&server], &[]).ended(0);
    let expected = "  time                 user id  terminal  direction  verified by
  2026-03-02 08:01:09  7        t0        in         fingerprint
  2026-03-02 08:03:09  42       t0        in         face
  2026-03-02 17:00:09  7        t0        out        fingerprint
  2026-03-03 07:59:09  42       t0        in         card
";
    assert_eq!(attendance(&world, &[]).ended(0).stdout, expected);
}

#[test]
fn a_terminal_s_log_is_read_whole_and_nothing_is_kept() {
    let world = World::new();
    for (profile, options) in [("tft40", "?transport=tcp"), ("bw8", "?transport=udp"), ("face49", ""), ("udp-only", "")]
    {
        let server = world.serve(terminal(300).profile(Profile::named(profile).unwrap()));
        let run = attendance(&world, &["--device", &spec(&server, options), "--jsonl"]).ended(0);
        assert_eq!((rows(&objects(&run)), run.stderr.as_str()), (truth(&server), ""), "{profile}");
        assert_eq!(server.handle().records().len(), 300);
    }
    assert_eq!(world.files(), Vec::new());
}

#[test]
fn a_look_at_a_terminal_leaves_the_ledger_as_it_is_and_works_while_a_service_holds_it() {
    let world = World::new();
    let server = world.serve(few());
    world.sync(&[&server], &[]).ended(0);
    let _held = iclock_sync::Ledger::open(&world.path().join("state")).unwrap();
    let before = world.files();
    let run = attendance(&world, &["--device", &spec(&server, ""), "--jsonl", "--person", "7"]).ended(0);
    assert_eq!(objects(&run).len(), 2);
    assert_eq!(world.files(), before);
}

#[test]
fn a_look_shows_what_the_rules_refuse_and_says_what_it_cannot_show() {
    let world = World::new();
    let mut punches = vec![Punch::new(1, "=cmd|x", at(2, 8, 0), 0, 1), Punch::new(2, "", at(2, 8, 1), 0, 1)];
    punches.extend((0..40).map(|minute| Punch::new(3, "7", at(2, 9, minute), 0, 1)));
    let never = DeviceTime((((26 * 12 + 1) * 31 + 29) * 24 + 8) * 3600);
    assert!(!never.exists(), "30 February");
    punches.push(Punch::new(3, "7", never, 0, 1));
    let server = world.serve(terminal(0).punches(punches));
    let run = attendance(&world, &["--device", &spec(&server, ""), "--csv"]).ended(0);
    let table = csv(&run.stdout);
    assert_eq!(table.len(), 43, "{run:?}");
    let flags = table[0].iter().position(|name| name == "flags").unwrap();
    assert_eq!((&*table[1][1], &*table[1][flags]), ("'=cmd|x", "non_numeric_user_id"), "no formula");
    assert_eq!((&*table[2][1], &*table[2][flags]), ("", "empty_user_id"));
    assert_eq!(run.stderr, "gate: 1 record has no place in the list: impossible_time\n");
    attendance(&world, &["--device", &spec(&server, ""), "--xlsx", "x.xlsx"]).ended(0);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(world.path().join("x.xlsx")).unwrap();
    assert!(book.worksheet_formula("Attendance").unwrap().is_empty());
    let sheet = book.worksheet_range("Attendance").unwrap();
    assert_eq!(sheet.get((1, 1)), Some(&Data::String("=cmd|x".to_owned())), "a text, as it was read");
}

#[test]
fn a_log_without_proof_is_not_shown_and_a_dead_terminal_is_named() {
    let world = World::new();
    let server = world.serve(terminal(400).fault(Fault::parse("damaged-patch=130@200").unwrap()));
    let run = attendance(&world, &["--device", &spec(&server, ""), "--jsonl"]).ended(40);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("error: gate: "), "{run:?}");
    let address = server.addr();
    drop(server);
    let device = format!("gate={address}?transport=tcp&timeout=1s");
    let run = attendance(&world, &["--device", &device, "--jsonl"]).ended(20);
    assert!(run.stderr.contains("error: gate: cannot read the terminal: cannot connect"), "{run:?}");
    let run = attendance(&world, &["--device", &device, "--csv", "--json"]).ended(2);
    assert!(run.stderr.contains("cannot be used with"), "{run:?}");
    assert_eq!(world.files(), Vec::new());
}

/// A packet that reads the user table, by way of the terminal's buffer or directly.
fn asks_for_users(packet: &Received) -> bool {
    let command = Command::USERTEMP_RRQ;
    packet.command == command || packet.data.get(1..3).is_some_and(|inner| inner == command.0.to_le_bytes())
}

/// A sync of these terminals with names.
fn sync_with_names(world: &World, servers: &[&Server]) -> Value {
    world.write("iclock.toml", "names = true\n");
    world.sync(servers, &[]).ended(0).report()
}

#[test]
fn people_have_names_next_to_their_ids_if_that_is_asked_for() {
    let world = World::new();
    for (profile, names) in
        [("tft40", ["އަޙްމަދު", "王小明"]), ("bw8", ["Ali", "Mariyam"]), ("udp-only", ["أحمد", "O'Brien"])]
    {
        let dir = world.path().join("state");
        let _ = std::fs::remove_dir_all(&dir);
        let server = world.serve(few().people(people(names)).profile(Profile::named(profile).unwrap()));
        let report = sync_with_names(&world, &[&server]);
        assert_eq!(report["devices"][0]["notes"], Value::Array(Vec::new()), "{report}");
        let lines = objects(&attendance(&world, &["--jsonl"]).ended(0));
        let named: Vec<&str> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
        assert_eq!(named, [names[0], names[1], names[0], names[1]], "{profile}");
        let table = attendance(&world, &[]).ended(0).stdout;
        let at: BTreeSet<usize> =
            table.lines().map(|line| line.find("fingerprint").map_or(0, |at| column(&line[..at]))).collect();
        assert!(table.contains(names[1]) && at.len() == 2, "{table}");
    }
}

/// The columns of a text on a screen.
fn column(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

#[test]
fn names_are_read_again_when_the_number_of_users_changes_and_never_without_being_asked_for() {
    let world = World::new();
    let server = world.serve(few().people(people(["Ali", "Mariyam"])));
    let read = |server: &Server| server.handle().received().iter().filter(|packet| asks_for_users(packet)).count();
    world.sync(&[&server], &[]).ended(0);
    assert_eq!(read(&server), 0);
    assert!(!attendance(&world, &["--csv"]).ended(0).stdout.contains("Ali"));
    sync_with_names(&world, &[&server]);
    let once = read(&server);
    assert!(once > 0);
    sync_with_names(&world, &[&server]);
    assert_eq!(read(&server), once, "once a day is enough");
    assert!(attendance(&world, &["--csv"]).ended(0).stdout.contains("Ali"));
}

#[test]
fn names_that_cannot_be_read_cost_nothing_else_and_are_not_asked_for_in_each_poll() {
    let world = World::new();
    let server = world.serve(few().people(people(["Ali", "Mariyam"])).fault(Fault::parse("cut-users=8").unwrap()));
    let report = sync_with_names(&world, &[&server]);
    let notes = report["devices"][0]["notes"].to_string();
    assert!(notes.contains("the names of its people could not be read"), "{report}");
    assert_eq!((&report["totals"]["stored"], &report["devices"][0]["status"]), (&4.into(), &"ok".into()));
    assert!(!attendance(&world, &["--csv"]).ended(0).stdout.contains("Mariyam"), "nothing of it was used");
    let asked = || server.handle().received().iter().filter(|packet| asks_for_users(packet)).count();
    let before = asked();
    assert_eq!(sync_with_names(&world, &[&server])["devices"][0]["notes"], Value::Array(Vec::new()));
    assert_eq!(asked(), before);
}

#[test]
fn a_terminal_that_dies_half_way_shows_nothing_of_its_log() {
    let world = World::new();
    let server = world.serve(terminal(2_000).fault(Fault::parse("drop-after=30000").unwrap()));
    let run = attendance(&world, &["--device", &spec(&server, "?transport=tcp&timeout=1s"), "--jsonl"]).ended(20);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.starts_with("error: gate: "), "{run:?}");
    assert_eq!(world.files(), Vec::new());
}

#[test]
fn ctrl_c_ends_a_look_with_nothing_shown_and_nothing_kept() {
    use std::process::{Command as Program, Stdio};
    let world = World::new();
    let server = world.serve(terminal(20_000).fault("latency=150ms".parse().unwrap()));
    let child = Program::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["attendance", "--csv", "--device", &spec(&server, "")])
        .current_dir(world.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let received = |command: Command| server.handle().received().iter().any(|packet| packet.command == command);
    while !received(Command::DATA_WRRQ) {
        std::thread::yield_now();
    }
    assert!(Program::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted; nothing was kept"), "{output:?}");
    assert!(received(Command::EXIT), "the terminal keeps a session that nobody ends");
    assert_eq!(world.files(), Vec::new());
}
