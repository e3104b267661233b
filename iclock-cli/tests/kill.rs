//! `kill -9` at any instant of a sync: after the last run every sink holds exactly the terminal's valid records, and so
//! does the ledger. Power cuts, after which only what was synced is left, are in `power_cut`.
//!
//! `KILLS` sets the number of kills of each test.
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "firestore"))]

mod common;
#[cfg(target_os = "linux")]
#[path = "support/power_cut.rs"]
mod power_cut;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use attendance_model::EventId;
use chrono::NaiveDateTime;
use common::{Row, World, documents, emulator, is_valid, terminal, truth};
use iclock_sync::Ledger;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use support::{Dice, new_collection, punch};
use zk_sim::{Fault, Server};

/// The number of runs that must be killed while they work.
const KILLS: u32 = 15;
/// The loops that are killed while they listen.
const LIVE_KILLS: u32 = 6;
/// The most runs for each kill, with those that end before they are killed.
const RUNS: u32 = 8;

fn kills(plain: u32) -> u32 {
    std::env::var("KILLS").map_or(plain, |kills| kills.parse().unwrap())
}

/// A sink of the program, and a direct view of it.
enum Store {
    Sqlite,
    Postgres { url: String, table: String },
    Firestore { address: String, collection: String },
}

impl Store {
    /// A table of its own; says that the test is skipped if there is no server.
    fn postgres(test: &str) -> Option<Self> {
        let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
            // Not `eprintln!`, which the test harness would swallow.
            let _ = writeln!(std::io::stderr(), "skipped: {test}: TEST_POSTGRES_URL is not set");
            return None;
        };
        Some(Self::Postgres { url, table: new_collection().replace('-', "_") })
    }

    fn firestore(test: &str) -> Option<Self> {
        Some(Self::Firestore { address: emulator(test)?, collection: new_collection() })
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite => "sqlite:att.db".to_owned(),
            Self::Postgres { url, table } => format!("{url}?table={table}"),
            Self::Firestore { collection, .. } => format!("firestore://kill-test/{collection}"),
        }
    }

    /// Asserts that it has these rows, each once, and nothing else.
    fn holds(&self, world: &World, rows: &BTreeSet<Row>) {
        match self {
            Self::Sqlite => {
                assert_eq!(world.stored(), *rows);
                let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
                let count = "SELECT count(*) FROM attendance_events";
                let count: i64 = database.query_row(count, (), |row| row.get(0)).unwrap();
                assert_eq!(count, rows.len() as i64, "nothing twice");
            }
            Self::Postgres { url, table } => {
                let question = AssertSqlSafe(format!(
                    "SELECT user_id, to_char(local_time, 'YYYY-MM-DD HH24:MI:SS'), verify_mode, punch_state \
                     FROM {table}"
                ));
                let drop = AssertSqlSafe(format!("DROP TABLE {table}, {table}_schema CASCADE"));
                let stored: Vec<(String, String, i16, i16)> = world.runtime.block_on(async {
                    let mut connection = PgConnection::connect(url).await.unwrap();
                    let stored = sqlx::query_as(question).fetch_all(&mut connection).await.unwrap();
                    sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
                    stored
                });
                assert_eq!(stored.len(), rows.len(), "nothing twice");
                let row = |(id, time, mode, state): (String, String, i16, i16)| (id, time, mode as u8, state as u8);
                assert_eq!(stored.into_iter().map(row).collect::<BTreeSet<Row>>(), *rows);
            }
            Self::Firestore { address, collection } => {
                let stored = documents(address, "kill-test", collection);
                let staff = |fields: &serde_json::Value| fields["staffId"]["stringValue"].as_str().unwrap().to_owned();
                let stored: BTreeMap<String, String> =
                    stored.iter().map(|(id, fields)| (id.clone(), staff(fields))).collect();
                assert_eq!(stored, rows.iter().map(document).collect());
            }
        }
    }
}

/// The expected id of a row's document, and its person.
fn document((user_id, time, ..): &Row) -> (String, String) {
    let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap();
    (EventId::iclock_sync_v1(user_id, time).to_string(), user_id.clone())
}

fn sync_args<'a>(device: &'a str, sink: &'a str) -> [&'a str; 6] {
    ["sync", "--json", "--device", device, "--sink", sink]
}

fn gate(world: &World, records: usize) -> Server {
    world.serve(terminal(records).fault(Fault::parse("empty-user-ids=10").unwrap()))
}

/// Kills run after run at instants spread over the length of a run, adds punches between them, then runs once more and
/// checks everything.
fn kill_again_and_again(store: &Store) {
    let (world, kills) = (World::new(), kills(KILLS));
    let server = gate(&world, 4_000);
    let (device, sink) = (format!("gate={}", server.addr()), store.url());
    let (mut dice, mut killed) = (Dice::new(), 0);
    // The first instants are in the full read of the log, later ones in the short read of new records. The span grows
    // if a run is longer, and shrinks if it is shorter.
    let mut span = Duration::from_millis(400);
    for _ in 0..kills * RUNS {
        let instant = dice.within(span);
        let run =
            world.program(env!("CARGO_BIN_EXE_iclock-cli")).args(sync_args(&device, &sink)).timeout(instant).output();
        match run.unwrap().status.code() {
            None => (killed, span) = (killed + 1, span.mul_f32(1.05)),
            Some(code) => {
                assert_eq!(code, 0);
                span = span.mul_f32(0.7);
            }
        }
        if killed == kills {
            break;
        }
        // Mostly a few, sometimes enough for several batches.
        punch(&server.handle(), if killed % 6 == 5 { 1_500 } else { 40 });
    }
    assert_eq!(killed, kills, "runs were too short to be killed");
    comes_right(&world, &server, store);
}

/// Kills a loop that listens again and again, while people punch, then runs once more and checks everything.
fn kill_while_it_listens(store: &Store) {
    let world = World::new();
    let server = gate(&world, 2_000);
    let (device, sink) = (format!("gate={}", server.addr()), store.url());
    let mut dice = Dice::new();
    for _ in 0..kills(LIVE_KILLS) {
        let (handle, pauses) = (server.handle(), [(); 4].map(|()| dice.within(Duration::from_millis(300))));
        let people = thread::spawn(move || {
            for pause in pauses {
                thread::sleep(pause);
                punch(&handle, 3);
            }
        });
        let instant = Duration::from_millis(30) + dice.within(Duration::from_millis(1_200));
        let mut run = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
        let run = run.args(sync_args(&device, &sink)).args(["--live", "--loop"]).timeout(instant).output();
        assert_eq!(run.unwrap().status.code(), None, "it was killed");
        people.join().unwrap();
    }
    comes_right(&world, &server, store);
}

/// Runs once more, and checks that nothing is missing and nothing is there twice.
fn comes_right(world: &World, server: &Server, store: &Store) {
    let (device, sink) = (format!("gate={}", server.addr()), store.url());
    world.cli(&sync_args(&device, &sink)).ended(0);
    let last = world.cli(&sync_args(&device, &sink)).ended(0).report();
    let sent = (last["totals"]["pending"].as_u64(), last["sinks"][0]["requests"].as_u64());
    assert_eq!(sent, (Some(0), Some(0)), "{last}");
    let refused = server.handle().records().iter().filter(|punch| !is_valid(punch)).count();
    has_all(world, store, &truth(server), refused);
}

/// Checks the ledger, its audit and the sink.
fn has_all(world: &World, store: &Store, rows: &BTreeSet<Row>, refused: usize) {
    let ledger = Ledger::open_read_only(&world.path().join("state")).unwrap().unwrap();
    assert_eq!(ledger.check().unwrap(), Vec::<String>::new());
    assert_eq!(ledger.event_count().unwrap(), rows.len() as u64);
    let quarantined: u64 = ledger.quarantine_counts().unwrap().iter().map(|(_, _, count)| count).sum();
    assert_eq!(quarantined, refused as u64);
    world.cli(&["audit", "verify"]).ended(0);
    store.holds(world, rows);
}

#[test]
fn a_killed_sync_into_sqlite_loses_nothing_and_stores_nothing_twice() {
    kill_again_and_again(&Store::Sqlite);
}

#[test]
fn a_killed_sync_into_postgres_loses_nothing_and_stores_nothing_twice() {
    let Some(store) = Store::postgres("a_killed_sync_into_postgres_loses_nothing_and_stores_nothing_twice") else {
        return;
    };
    kill_again_and_again(&store);
}

#[test]
fn a_killed_sync_into_firestore_loses_nothing_and_stores_nothing_twice() {
    let Some(store) = Store::firestore("a_killed_sync_into_firestore_loses_nothing_and_stores_nothing_twice") else {
        return;
    };
    kill_again_and_again(&store);
}

#[test]
fn a_loop_into_sqlite_that_is_killed_while_it_listens_loses_nothing_and_stores_nothing_twice() {
    kill_while_it_listens(&Store::Sqlite);
}

#[test]
fn a_loop_into_postgres_that_is_killed_while_it_listens_loses_nothing_and_stores_nothing_twice() {
    let Some(store) = Store::postgres("a_loop_into_postgres_that_is_killed_while_it_listens") else { return };
    kill_while_it_listens(&store);
}

#[test]
fn a_loop_into_firestore_that_is_killed_while_it_listens_loses_nothing_and_stores_nothing_twice() {
    let Some(store) = Store::firestore("a_loop_into_firestore_that_is_killed_while_it_listens") else { return };
    kill_while_it_listens(&store);
}
