//! `kill -9` at any instant of a sync: after the last run every sink holds exactly the terminal's valid records.

mod common;
mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use attendance_model::EventId;
use chrono::NaiveDateTime;
use common::{Row, World, documents, emulator, is_valid, terminal, truth};
use iclock_sync::Ledger;
use support::{Dice, new_collection, punch};
use zk_sim::{Fault, Server};

/// The number of runs that must be killed while they work.
const KILLS: u32 = 50;
/// The loops that are killed while they listen; the variable `KILLS` sets another number.
const LIVE_KILLS: u32 = 10;
/// The most runs, with those that end before they are killed.
const RUNS: u32 = 400;

fn sync_args<'a>(device: &'a str, sink: &'a str) -> [&'a str; 6] {
    ["sync", "--json", "--device", device, "--sink", sink]
}

/// Kills run after run at instants spread over the length of a run, adds punches between them, then runs once more and
/// checks the ledger.
fn kill_again_and_again(world: &World, server: &Server, sink: &str) {
    let device = format!("gate={}", server.addr());
    let (mut dice, mut killed) = (Dice::new(), 0);
    // The first instants are in the full read of the log, later ones in the short read of new records. The span grows
    // if a run is longer, and shrinks if it is shorter.
    let mut span = Duration::from_millis(400);
    for _ in 0..RUNS {
        let instant = dice.within(span);
        let run =
            world.program(env!("CARGO_BIN_EXE_iclock-cli")).args(sync_args(&device, sink)).timeout(instant).output();
        match run.unwrap().status.code() {
            None => (killed, span) = (killed + 1, span.mul_f32(1.05)),
            Some(code) => {
                assert_eq!(code, 0);
                span = span.mul_f32(0.7);
            }
        }
        if killed == KILLS {
            break;
        }
        // Mostly a few, sometimes enough for several batches.
        punch(&server.handle(), if killed % 6 == 5 { 1_500 } else { 40 });
    }
    assert_eq!(killed, KILLS, "runs were too short to be killed");
    comes_right(world, server, sink);
}

/// Kills a loop that listens again and again, while people punch, then runs once more and checks the ledger.
fn kill_while_it_listens(world: &World, server: &Server, sink: &str) {
    let device = format!("gate={}", server.addr());
    let kills = std::env::var("KILLS").map_or(LIVE_KILLS, |kills| kills.parse().unwrap());
    let mut dice = Dice::new();
    for _ in 0..kills {
        let (handle, pauses) = (server.handle(), [(); 4].map(|()| dice.within(Duration::from_millis(300))));
        let people = thread::spawn(move || {
            for pause in pauses {
                thread::sleep(pause);
                punch(&handle, 3);
            }
        });
        let instant = Duration::from_millis(30) + dice.within(Duration::from_millis(900));
        let mut run = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
        let run = run.args(sync_args(&device, sink)).args(["--live", "--loop"]).timeout(instant).output();
        assert_eq!(run.unwrap().status.code(), None, "it was killed");
        people.join().unwrap();
    }
    comes_right(world, server, sink);
}

/// Runs once more, and checks that nothing is missing.
fn comes_right(world: &World, server: &Server, sink: &str) {
    let device = format!("gate={}", server.addr());
    world.cli(&sync_args(&device, sink)).ended(0);
    let last = world.cli(&sync_args(&device, sink)).ended(0).report();
    assert_eq!(
        (last["totals"]["pending"].as_u64(), last["sinks"][0]["requests"].as_u64()),
        (Some(0), Some(0)),
        "{last}"
    );

    let ledger = Ledger::open_read_only(&world.path().join("state")).unwrap().unwrap();
    assert_eq!(ledger.check().unwrap(), Vec::<String>::new());
    assert_eq!(ledger.event_count().unwrap(), truth(server).len() as u64);
    let refused = server.handle().records().iter().filter(|punch| !is_valid(punch)).count() as u64;
    let quarantined: u64 = ledger.quarantine_counts().unwrap().iter().map(|(_, _, count)| count).sum();
    assert_eq!(quarantined, refused);
}

fn gate(world: &World, records: usize) -> Server {
    world.serve(terminal(records).fault(Fault::parse("empty-user-ids=10").unwrap()))
}

#[test]
fn a_killed_sync_into_sqlite_loses_nothing_and_stores_nothing_twice() {
    let world = World::new();
    let server = gate(&world, 8_000);
    kill_again_and_again(&world, &server, "sqlite:att.db");
    assert_eq!(world.stored(), truth(&server));
    let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM attendance_events", (), |row| row.get(0)).unwrap();
    assert_eq!(rows, truth(&server).len() as i64);
}

#[test]
fn a_loop_that_is_killed_while_it_listens_loses_nothing_and_stores_nothing_twice() {
    let world = World::new();
    let server = gate(&world, 2_000);
    kill_while_it_listens(&world, &server, "sqlite:att.db");
    assert_eq!(world.stored(), truth(&server));
    let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM attendance_events", (), |row| row.get(0)).unwrap();
    assert_eq!(rows, truth(&server).len() as i64);
}

#[test]
fn a_killed_sync_into_firestore_loses_nothing_and_stores_nothing_twice() {
    let Some(address) = emulator("a_killed_sync_into_firestore_loses_nothing_and_stores_nothing_twice") else { return };
    let (world, collection) = (World::new(), new_collection());
    let server = gate(&world, 4_000);
    kill_again_and_again(&world, &server, &format!("firestore://kill-test/{collection}"));
    let stored = documents(&address, "kill-test", &collection);
    let staff = |fields: &serde_json::Value| fields["staffId"]["stringValue"].as_str().unwrap().to_owned();
    let stored: BTreeMap<String, String> = stored.iter().map(|(id, fields)| (id.clone(), staff(fields))).collect();
    assert_eq!(stored, truth(&server).iter().map(document).collect());
}

/// The expected id of a row's document, and its person.
fn document((user_id, time, ..): &Row) -> (String, String) {
    let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap();
    (EventId::iclock_sync_v1(user_id, time).to_string(), user_id.clone())
}
