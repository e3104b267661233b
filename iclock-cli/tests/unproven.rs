//! `iclock-cli unproven`: a log that could not be verified is explained, shown, and accepted on request.
#![cfg(feature = "sqlite")]

mod common;
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Row, Run, World, row, terminal};
use iclock_sync::Ledger;
use serde_json::Value;
use zk_sim::{Fault, Profile, Punch, Server, TerminalBuilder};

/// 400 records, of which 130 from number 201 on are noise, while word, size and count are right.
fn damaged(profile: &str) -> TerminalBuilder {
    let fault = Fault::parse("damaged-patch=130@200").unwrap();
    terminal(400).profile(Profile::named(profile).unwrap()).fault(fault)
}

/// The rows that are not damaged.
fn sound(server: &Server) -> BTreeSet<Row> {
    let punches = server.handle().records();
    let sound = punches.iter().enumerate().filter(|(place, _)| !(200..330).contains(place));
    sound.map(|(_, punch)| row(punch)).collect()
}

fn show(world: &World, args: &[&str]) -> Run {
    let state = ["--state", "state"];
    world.cli(&[&["unproven"], args, &state].concat())
}

fn serial(server: &Server) -> String {
    server.handle().serial()
}

/// Adds a punch a minute after the last one.
fn punch(server: &Server) {
    let last = server.handle().records().last().unwrap().clone();
    let time = zk_proto::DeviceTime(last.time.0 + 60);
    server.handle().add_punches([Punch { time, ..last }]);
}

fn json_lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_damaged_patch_is_refused_and_after_accept_the_rest_is_in_and_the_tail_is_read() {
    for profile in ["tft40", "face49", "tft16", "bw16", "bw8a"] {
        let world = World::new();
        let server = world.serve(damaged(profile));
        let refused = world.sync(&[&server], &[]).ended(40).report();
        assert_eq!(refused["devices"][0]["new"], 0, "{refused}");
        let accepted = show(&world, &["accept", &serial(&server), "--yes"]).ended(0);
        assert!(accepted.stdout.contains("270 go in as events"), "{profile}: {accepted:?}");
        assert!(accepted.stdout.contains("130 go to the quarantine"), "{profile}: {accepted:?}");
        let next = world.sync(&[&server], &[]).ended(0).report();
        assert_eq!((&next["devices"][0]["new"], &next["totals"]["stored"]), (&0.into(), &270.into()), "{next}");
        assert_eq!(next["devices"][0]["mode"], "unchanged", "{next}");
        assert_eq!(world.stored(), sound(&server), "{profile}");
        punch(&server);
        let tail = world.sync(&[&server], &[]).ended(0).report();
        assert_eq!((&tail["devices"][0]["mode"], &tail["devices"][0]["new"]), (&"tail".into(), &1.into()), "{tail}");
        assert_eq!(world.stored(), sound(&server), "{profile}");
        let full = world.sync(&[&server], &["--full"]).ended(0).report();
        assert_eq!((&full["devices"][0]["new"], &full["devices"][0]["quarantined"]), (&0.into(), &0.into()), "{full}");
        punch(&server);
        let full = world.sync(&[&server], &["--full"]).ended(0).report();
        assert_eq!(full["devices"][0]["new"], 1, "{full}");
        assert_eq!(world.stored(), sound(&server), "{profile}");
    }
}

#[test]
fn an_accept_that_is_killed_loses_nothing_and_stores_nothing_twice() {
    let mut killed = 0;
    // After the kill, accept again, or sync first.
    for runs_first in [false, true] {
        let world = World::new();
        let fault = Fault::parse("damaged-patch=130@200").unwrap();
        let server = world.serve(terminal(1_500).fault(fault));
        world.sync(&[&server], &[]).ended(40);
        let accept = ["unproven", "accept", &serial(&server), "--yes", "--state", "state"];
        // Each try gets a little further, until one succeeds.
        let mut instant = Duration::from_millis(20);
        loop {
            let run = world.program(env!("CARGO_BIN_EXE_iclock-cli")).args(accept).timeout(instant).output().unwrap();
            match run.status.code() {
                None => killed += 1,
                Some(code) => {
                    assert_eq!(code, 0, "{run:?}");
                    break;
                }
            }
            if runs_first {
                world.sync(&[&server], &[]);
            }
            instant += Duration::from_millis(40);
        }
        let next = world.sync(&[&server], &[]).ended(0).report();
        assert_eq!(next["totals"]["pending"], 0, "{next}");
        assert_eq!(world.stored(), sound(&server));
        let full = world.sync(&[&server], &["--full"]).ended(0).report();
        assert_eq!((&full["devices"][0]["new"], &full["devices"][0]["quarantined"]), (&0.into(), &0.into()), "{full}");
        let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
        let rows: i64 = database.query_row("SELECT count(*) FROM attendance_events", (), |row| row.get(0)).unwrap();
        assert_eq!(rows, 1_370);
        let ledger = Ledger::open_read_only(&world.path().join("state")).unwrap().unwrap();
        assert_eq!((ledger.check().unwrap(), ledger.event_count().unwrap()), (Vec::new(), 1_370));
        let quarantined: u64 = ledger.quarantine_counts().unwrap().iter().map(|(_, _, count)| count).sum();
        assert_eq!(quarantined, 130);
    }
    assert!(killed >= 3, "only {killed} were killed");
}

#[test]
fn accepted_events_carry_their_flag_and_the_rest_is_in_quarantine_with_its_bytes() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    world.sync(&[&server], &[]).ended(40);
    show(&world, &["accept", "t0", "--layout", "40", "--yes"]).ended(0);
    world.sync(&[&server], &[]).ended(0);
    let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
    let flagged: i64 = database
        .query_row("SELECT count(*) FROM attendance_events WHERE flags = 'accepted_by_hand'", (), |row| row.get(0))
        .unwrap();
    assert_eq!(flagged, 270);
    let list = world.cli(&["quarantine", "list", "--json", "--limit", "1000", "--state", "state"]).ended(0);
    let records: Vec<Value> =
        json_lines(&list).into_iter().filter(|line| line["reason"] == "unproven_record").collect();
    assert_eq!(records.len(), 130);
    assert!(records.iter().all(|record| record["raw"].as_str().unwrap().len() == 80), "{:?}", records[0]);
}

#[test]
fn nothing_is_accepted_without_the_serial_number() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    world.sync(&[&server], &[]).ended(40);
    let accept = |typed: &str| {
        let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
        program.args(["unproven", "accept", "1", "--state", "state"]).write_stdin(typed.to_owned());
        program.output().unwrap()
    };
    assert_eq!(accept("").status.code(), Some(80));
    assert_eq!(accept("yes\n").status.code(), Some(80));
    assert_eq!(world.sync(&[&server], &[]).ended(40).report()["totals"]["stored"], 0);
    assert_eq!(accept(&format!("{}\n", serial(&server))).status.code(), Some(0));
    assert_eq!(world.sync(&[&server], &[]).ended(0).report()["totals"]["stored"], 270);
    let again = accept("");
    assert_eq!(again.status.code(), Some(0), "what is done is done");
    assert!(String::from_utf8(again.stdout).unwrap().starts_with("nothing to do: log 1 was accepted on"));
}

#[test]
fn a_log_is_explained_in_each_layout_that_is_possible() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    world.sync(&[&server], &[]).ended(40);
    let before = world.files();
    let printed = show(&world, &["show", "1"]).ended(0).stdout;
    let shown = printed.replace("\n    ", " ");
    assert!(shown.contains("as 40-byte records, 270 of 400 make sense, but 130 from number 201 on"), "{shown}");
    assert!(shown.contains("As 40-byte records (--layout 40)"), "{shown}");
    assert!(shown.contains("400 records: 270 good, 0 neutral") && shown.contains("130 bad"), "{shown}");
    assert!(shown.contains("damaged: 201 to 330"), "{shown}");
    assert!(shown.contains("length word holds, size holds, count holds"), "{shown}");
    assert!(shown.contains("counted 400 records before the transfer and 400 records after it"), "{shown}");
    assert!(shown.contains("iclock-cli unproven accept 1 --layout 40 --state state\n"), "{shown}");
    let (first, last) = (server.handle().records()[0].clone(), server.handle().records()[399].clone());
    assert!(shown.contains(&row(&first).1) && shown.contains(&row(&last).1), "{shown}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80 || line.contains(".bin")), "{printed}");
    let json = show(&world, &["show", &serial(&server), "--json"]).ended(0);
    let log: Value = serde_json::from_str(&json.stdout).unwrap();
    let wide = log["readings"].as_array().unwrap().iter().find(|reading| reading["layout"] == "40").unwrap();
    assert_eq!((&wide["good"], &wide["bad"], &wide["possible"]), (&270.into(), &130.into(), &true.into()), "{wide}");
    assert_eq!(wide["patches"], serde_json::json!([{ "first": 201, "records": 130 }]));
    assert_eq!(log["readings"].as_array().unwrap().iter().filter(|reading| reading["possible"] == true).count(), 1);
    let list = show(&world, &["list"]).ended(0).stdout;
    assert!(list.contains("16,004") && list.contains("t0"), "{list}");
    assert_eq!(json_lines(&show(&world, &["list", "--json"]).ended(0))[0]["times_seen"], 1);
    assert!(world.files() == before, "looking changes nothing");
}

#[test]
fn a_layout_that_is_configured_counts_as_one_that_was_always_read() {
    let world = World::new();
    let mut profile = Profile::named("tft40").unwrap().clone();
    // An unknown width, and too few records to be sure of it.
    profile.log = zk_proto::record::AttendanceLayout::Wide(52);
    let server = world.serve(terminal(4).profile(profile));
    world.sync(&[&server], &[]).ended(40);
    let device = format!("t0={}?layout=52", server.addr());
    let args = ["sync", "--sink", "sqlite:att.db", "--state", "state"];
    world.cli(&[&args[..], &["--device", &device]].concat()).ended(0);
    assert_eq!(world.stored(), common::truth(&server));
    // In a file, and in the environment, which overrides it.
    punch(&server);
    let file = format!("[[device]]\nname = \"t0\"\nhost = \"{}\"\nlayout = \"16\"\n", server.addr());
    world.write("iclock.toml", file);
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    let output = program.env("ICLOCK_DEVICE_0_LAYOUT", "52").args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(world.stored(), common::truth(&server));
}

#[test]
fn the_report_says_it_in_six_lines_and_its_command_works_as_printed() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    let device = format!("front={}", server.addr());
    let args = ["sync", "--device", &device, "--sink", "sqlite:att.db", "--state", "the state"];
    let report = world.cli(&args).ended(40).stdout;
    let problem = report.split("\n\n").find(|part| part.starts_with("Problems")).unwrap();
    let lines: Vec<&str> = problem.lines().skip(1).collect();
    assert!(lines.len() <= 6 && lines.iter().all(|line| line.chars().count() <= 80), "{problem}");
    assert!(
        lines[0].starts_with("  front: its log could not be verified: as 40-byte records, 270 of 400"),
        "{problem}"
    );
    let command = lines.last().unwrap().strip_prefix("    Look closer: iclock-cli ").unwrap();
    assert_eq!(command, "unproven show 1 --state 'the state'");
    let shown = world.cli(&["unproven", "show", "1", "--state", "the state"]).ended(0).stdout;
    let accept = shown.lines().find(|line| line.contains("iclock-cli unproven accept")).unwrap();
    assert_eq!(accept.trim(), "iclock-cli unproven accept 1 --layout 40 --state 'the state'");
    let dry = world.cli(&[&args[..], &["--dry-run"]].concat()).ended(40).stdout;
    assert!(dry.contains("a dry run keeps nothing") && dry.contains("could not be verified"), "{dry}");
}

#[test]
fn every_record_of_a_kept_log_can_be_decoded_without_the_terminal() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    world.sync(&[&server], &[]).ended(40);
    let truth: Vec<Row> = server.handle().records().iter().map(row).collect();
    drop(server);
    let decode = |format: &str| show(&world, &["decode", "1", "--layout", "40", "--format", format]).ended(0);
    let lines = json_lines(&decode("json"));
    assert_eq!(lines.len(), 400);
    for (place, line) in lines.iter().enumerate().filter(|(place, _)| !(200..330).contains(place)) {
        assert_eq!((&line["number"], &line["grade"]), (&(place + 1).into(), &"good".into()), "{line}");
        assert_eq!((&line["user_id"], &line["local_time"]), (&(*truth[place].0).into(), &(*truth[place].1).into()));
    }
    assert!(lines[200..330].iter().all(|line| line["grade"] == "bad"));
    let csv = decode("csv").stdout;
    assert_eq!((csv.lines().count(), csv.lines().next().unwrap().split(',').count()), (401, 8));
    assert_eq!(decode("table").stdout.lines().filter(|line| line.contains(" good ")).count(), 270);
    // Another layout of the same bytes makes other, senseless records.
    let narrow = show(&world, &["decode", "1", "--layout", "16", "--format", "json"]).ended(0);
    assert_eq!(json_lines(&narrow).len(), 1000);
}

#[test]
fn a_held_state_directory_refuses_acceptance_and_not_a_look() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    world.sync(&[&server], &[]).ended(40);
    let held = iclock_sync::Ledger::open(&world.path().join("state")).unwrap();
    assert_eq!(show(&world, &["accept", "1", "--yes"]).code, 60);
    show(&world, &["show", "1"]).ended(0);
    drop(held);
    show(&world, &["accept", "1", "--yes"]).ended(0);
}

#[test]
fn a_log_that_was_verified_in_the_meantime_is_not_accepted() {
    let world = World::new();
    let server = world.serve(damaged("tft40"));
    world.sync(&[&server], &[]).ended(40);
    // Kept an hour ago; the next run reads the terminal whole.
    let ledger = rusqlite::Connection::open(world.path().join("state/ledger.sqlite")).unwrap();
    ledger.execute("UPDATE unproven SET seen_at = seen_at - 3600, last_seen = last_seen - 3600", ()).unwrap();
    drop(ledger);
    server.handle().clear_faults();
    world.sync(&[&server], &[]).ended(0);
    let refused = show(&world, &["accept", "1", "--yes"]).ended(80);
    assert!(refused.stderr.contains("was read and verified on"), "{refused:?}");
    assert_eq!(world.stored().len(), 400);
}

#[test]
fn noise_is_not_accepted_in_any_layout() {
    let world = World::new();
    let fault = Fault::parse("damaged-patch=400").unwrap();
    let server = world.serve(terminal(400).fault(fault));
    world.sync(&[&server], &[]).ended(40);
    let refused = show(&world, &["accept", "1", "--yes"]).ended(2);
    assert!(refused.stderr.contains("it makes sense in no known layout"), "{refused:?}");
    for layout in ["40", "49", "16", "8a", "8b", "52"] {
        let refused = show(&world, &["accept", "1", "--layout", layout, "--yes"]);
        assert_eq!(refused.code, 80, "{layout}: {refused:?}");
    }
    assert_eq!(world.sync(&[&server], &[]).ended(40).report()["totals"]["stored"], 0);
    show(&world, &["show", "9"]).ended(2);
    show(&world, &["show", "1"]).ended(0);
}

#[test]
fn a_cut_log_yields_no_record_even_when_somebody_accepts_it() {
    for (profile, layout, cuts) in [("tft40", "40", [1, 12, 39]), ("tft16", "16", [1, 5, 15]), ("bw8", "8b", [1, 3, 7])]
    {
        for cut in cuts {
            for kind in ["cut-head", "cut-head-sized", "cut-head-filled"] {
                let world = World::new();
                let fault = Fault::parse(&format!("{kind}={cut}")).unwrap();
                let server = world.serve(terminal(300).profile(Profile::named(profile).unwrap()).fault(fault));
                world.sync(&[&server], &[]).ended(40);
                show(&world, &["accept", "1", "--layout", layout, "--yes"]).ended(80);
                let report = world.sync(&[&server], &[]).ended(40).report();
                assert_eq!(report["totals"]["stored"], 0, "{profile} {kind}={cut}");
            }
        }
    }
}
