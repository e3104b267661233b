//! Whose punches go out and which of them, as the programs say it.

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
