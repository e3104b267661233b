//! Which punches are sent, and of whom.

mod common;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use common::World;
use serde_json::Value;
use zk_proto::DeviceTime;
use zk_sim::{Punch, Server, Terminal};

const ZONES: [Tz; 3] = [Tz::America__New_York, Tz::Pacific__Auckland, Tz::Indian__Maldives];

fn punch(user_id: &str, wall: NaiveDateTime) -> Punch {
    let [month, day, hour, minute, second] =
        [wall.month(), wall.day(), wall.hour(), wall.minute(), wall.second()].map(|field| field as u8);
    let time = DeviceTime::new(wall.year() as u16, month, day, hour, minute, second).unwrap();
    Punch::new(7, user_id, time, 0, 1)
}

/// A terminal that shows the right time of its zone. Each punch's user id says how many minutes ago it was.
fn in_zone(world: &World, zone: Tz, now: DateTime<Utc>) -> Server {
    let wall = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local();
    let ago = (0..30).map(|n| 5_000 - 7 * n).chain([10, 50, 110, 130, 200, 400]);
    let punches = ago.map(|minutes| punch(&minutes.to_string(), wall(now - TimeDelta::minutes(minutes)))).collect();
    let serial = zone.name().replace('/', "-");
    world.serve(Terminal::builder().serial(&serial).now(wall(now)).punches(punches))
}

/// The three terminals as arguments, with their zones or without.
fn devices(servers: &[Server], configured: bool) -> Vec<String> {
    let spec = |(server, zone): (&Server, Tz)| {
        let zone = if configured { format!("?zone={}", zone.name()) } else { String::new() };
        format!("--device={}{zone}", server.addr())
    };
    servers.iter().zip(ZONES).map(spec).collect()
}

#[test]
fn the_last_two_hours_are_the_same_two_hours_everywhere() {
    let now = Utc::now();
    for configured in [true, false] {
        let world = World::new();
        let servers = ZONES.map(|zone| in_zone(&world, zone, now));
        let run = |more: &[&str]| {
            let mut command = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
            command.env("TZ", "UTC").args(["sync", "--json", "--since", "2h"]).args(devices(&servers, configured));
            let output = command.args(more).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        };
        run(&["--sink", "sqlite:att.db"]);
        let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
        let mut rows = database
            .prepare("SELECT user_id FROM attendance_events WHERE device_serial = ?1 ORDER BY CAST(user_id AS INTEGER)")
            .unwrap();
        for zone in ZONES {
            let serial = zone.name().replace('/', "-");
            let sent: Vec<String> = rows.query_map([serial], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            assert_eq!(sent, ["10", "50", "110"], "{zone}, zone configured: {configured}");
        }
        for export in ["--export-simple", "--export-normalized"] {
            let dir = export.trim_start_matches('-');
            run(&[export, "--output", dir]);
            let file = std::fs::read_dir(world.path().join(dir)).unwrap().next().unwrap().unwrap();
            let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
            assert_eq!(rows.len(), 9, "{export}: {rows:?}");
        }
    }
}

/// 60 punches of people whose ids have letters. Source: F-letters.
fn letters(world: &World) -> Server {
    let first: NaiveDateTime = "2025-05-18T07:00:00".parse().unwrap();
    let ids = (0..60).map(|n| (n, format!("NB24{:05}", 1004 + n)));
    let punches = ids.map(|(n, id)| punch(&id, first + TimeDelta::minutes(n))).collect();
    world.serve(Terminal::builder().punches(punches))
}

#[test]
fn a_rule_that_refuses_everyone_prints_the_line_that_lets_them_pass() {
    let world = World::new();
    let server = letters(&world);
    let device = format!("--device=gate={}", server.addr());
    let run = world.cli(&["sync", &device, "--sink", "sqlite:att.db"]).ended(0);
    assert!(run.stdout.contains("the rule non_numeric_user_id refused 60 of 60 new records"), "{}", run.stdout);
    assert!(run.stdout.contains("\"NB2401004\""), "{}", run.stdout);
    let printed = "  [rules]\n  non_numeric_user_id = \"accept\"\n";
    assert!(run.stdout.contains(printed), "{}", run.stdout);
    // The line works as printed, in the file and with a new state.
    world.write("iclock.toml", printed);
    world.cli(&["sync", &device, "--sink", "sqlite:att.db", "--state", "other"]).ended(0);
    assert_eq!(world.stored(), server.handle().records().iter().map(common::row).collect());
}

#[test]
fn a_terminal_without_its_zone_is_never_told_to_set_its_clock() {
    let world = World::new();
    let server = in_zone(&world, Tz::America__New_York, Utc::now());
    let mut command = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    let spec = format!("--device=gate={}", server.addr());
    let output = command.env("TZ", "UTC").args(["sync", &spec, "--sink", "sqlite:att.db"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("`zone`") && (text.contains("its clock is 5 h behind") || text.contains("4 h behind")),
        "{text}"
    );
    assert!(!text.contains("set the clock"), "{text}");
}

#[test]
fn the_first_day_that_is_believed_is_a_setting() {
    let world = World::new();
    let first: NaiveDateTime = "2012-05-18T07:00:00".parse().unwrap();
    let punches = (0..30).map(|n| punch("7", first + TimeDelta::minutes(n))).collect();
    let server = world.serve(Terminal::builder().punches(punches));
    let flagged = || {
        let report = world.sync(&[&server], &["--dry-run"]).ended(0).report();
        report["devices"][0]["flagged"]["clock_reset_time"].as_u64().unwrap_or(0)
    };
    assert_eq!(flagged(), 0);
    world.write("iclock.toml", "[rules]\nearliest = \"2013-01-01\"\n");
    assert_eq!(flagged(), 30);
    world.write("iclock.toml", "[rules]\nearliest = \"yesterday\"\n");
    let run = world.sync(&[&server], &[]).ended(10);
    assert!(run.stderr.contains("iclock.toml:2") && run.stderr.contains("2010-01-01"), "{}", run.stderr);
}

#[test]
fn iclock_takes_the_rules_from_the_environment_file() {
    let world = World::new();
    let server = letters(&world);
    let exported = |rules: &str, n: usize| {
        let address = format!("DEVICE_IPS=127.0.0.1\nDEVICE_PORT={}\n{rules}", server.addr().port());
        world.write(".env", address);
        let _ = std::fs::remove_dir_all(world.path().join("state"));
        let _ = std::fs::remove_dir_all(world.path().join("output"));
        world.iclock(&["--export-normalized"]).ended(0);
        let file = std::fs::read_dir(world.path().join("output")).unwrap().next().unwrap().unwrap();
        let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        assert_eq!(rows.len(), n, "{rules}");
    };
    exported("", 0);
    exported("ICLOCK_RULES_NON_NUMERIC_USER_ID=accept\nICLOCK_OVERLAP=\n", 60);
}
