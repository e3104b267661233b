//! The program against real database servers, over a wire that breaks. `TEST_POSTGRES_URL`, `TEST_MYSQL_URL` and
//! `MONGODB_URI` name them.
#![cfg(all(feature = "postgres", feature = "mysql", feature = "mongo"))]

mod common;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use attendance_model::conformance::{Direction, Fault, Proxy};
use common::{Row, World, terminal, truth};
use futures::TryStreamExt as _;
use mongodb::bson::{Document, doc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use zk_sim::Server;

/// A database server, and a wire to it.
struct Database {
    /// `SCHEME://USER@HOST:PORT/DATABASE`; the user may be missing.
    url: String,
    table: String,
    proxy: Proxy,
}

impl Database {
    fn new(world: &World, url: String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("cli_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let proxy = world.runtime.block_on(Proxy::start(place(&url))).unwrap();
        Self { url, table, proxy }
    }

    /// The sink's URL, through the wire. A machine that has other work gets time.
    fn through_the_wire(&self) -> String {
        self.through_the_wire_within("60s")
    }

    fn through_the_wire_within(&self, timeout: &str) -> String {
        let url = self.url.replace(place(&self.url), &self.proxy.address());
        let setting = if self.is_mongo() { "collection" } else { "table" };
        format!("{url}?{setting}={}&timeout={timeout}", self.table)
    }

    fn is_mongo(&self) -> bool {
        self.url.starts_with("mongodb")
    }

    async fn collection(&self) -> mongodb::Collection<Document> {
        let client = mongodb::Client::with_uri_str(&self.url).await.unwrap();
        client.default_database().unwrap().collection(&self.table)
    }

    fn sync(&self, world: &World, server: &Server) -> common::Run {
        self.sync_with(world, server, &[])
    }

    fn sync_with(&self, world: &World, server: &Server, flags: &[&str]) -> common::Run {
        let (device, sink) = (format!("gate={}", server.addr()), self.through_the_wire());
        world.cli(&[&["sync", "--json", "--device", &device, "--sink", &sink], flags].concat())
    }

    /// A sync that soon gives up a server that does not answer.
    fn sync_in_a_hurry(&self, world: &World, server: &Server) -> common::Run {
        let (device, sink) = (format!("gate={}", server.addr()), self.through_the_wire_within("3s"));
        world.cli(&["sync", "--json", "--device", &device, "--sink", &sink])
    }

    /// Returns the content of the table, read directly.
    fn stored(&self, world: &World) -> Vec<Row> {
        if self.is_mongo() {
            let all =
                async { self.collection().await.find(doc! {}).await.unwrap().try_collect::<Vec<_>>().await.unwrap() };
            let text = |document: &Document, name| document.get_str(name).unwrap().to_owned();
            let byte = |document: &Document, name| document.get_i32(name).unwrap() as u8;
            let row = |document: &Document| {
                let (user_id, time) = (text(document, "user_id"), text(document, "local_time"));
                (user_id, time, byte(document, "verify_mode"), byte(document, "punch_state"))
            };
            return world.runtime.block_on(all).iter().map(row).collect();
        }
        let time = if self.url.starts_with("postgres") {
            "to_char(local_time, 'YYYY-MM-DD HH24:MI:SS')"
        } else {
            "date_format(local_time, '%Y-%m-%d %H:%i:%s')"
        };
        let question = AssertSqlSafe(format!("SELECT user_id, {time}, verify_mode, punch_state FROM {}", self.table));
        type Found = Vec<(String, String, i16, i16)>;
        let rows: Found = world.runtime.block_on(async {
            if self.url.starts_with("postgres") {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_as(question).fetch_all(&mut connection).await.unwrap()
            } else {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::query_as(question).fetch_all(&mut connection).await.unwrap()
            }
        });
        rows.into_iter().map(|(id, time, mode, state)| (id, time, mode as u8, state as u8)).collect()
    }

    /// Restores the server to its first state.
    fn clear(&self, world: &World) {
        if self.is_mongo() {
            return world.runtime.block_on(async { self.collection().await.drop().await.unwrap() });
        }
        self.drop_tables(world, &format!("{0}, {0}_schema", self.table));
    }

    /// Drops the table of events, or the collection.
    fn lose(&self, world: &World) {
        if self.is_mongo() { self.clear(world) } else { self.drop_tables(world, &self.table) }
    }

    fn drop_tables(&self, world: &World, tables: &str) {
        let statement = AssertSqlSafe(format!("DROP TABLE {tables} CASCADE"));
        world.runtime.block_on(async {
            if self.url.starts_with("postgres") {
                sqlx::raw_sql(statement).execute(&mut PgConnection::connect(&self.url).await.unwrap()).await.unwrap();
            } else {
                sqlx::raw_sql(statement)
                    .execute(&mut MySqlConnection::connect(&self.url).await.unwrap())
                    .await
                    .unwrap();
            }
        });
    }

    /// Deletes the rows of a person at a time.
    fn delete(&self, world: &World, (user_id, time, ..): &Row) {
        world.runtime.block_on(async {
            if self.is_mongo() {
                let filter = doc! { "user_id": user_id, "local_time": time };
                self.collection().await.delete_many(filter).await.unwrap();
                return;
            }
            let statement = format!("DELETE FROM {} WHERE user_id = '{user_id}' AND local_time = '{time}'", self.table);
            let statement = AssertSqlSafe(statement);
            if self.url.starts_with("postgres") {
                sqlx::raw_sql(statement).execute(&mut PgConnection::connect(&self.url).await.unwrap()).await.unwrap();
            } else {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
            }
        });
    }

    fn verify(&self, world: &World, server: &Server, flags: &[&str]) -> common::Run {
        let (device, sink) = (format!("gate={}", server.addr()), self.through_the_wire());
        world.cli(&[&["verify", "--json", "--device", &device, "--sink", &sink], flags].concat())
    }

    /// Asserts that the table has each row of the terminal's log once.
    fn holds_the_log_of(&self, world: &World, server: &Server) {
        let stored = self.stored(world);
        assert_eq!(stored.iter().cloned().collect::<BTreeSet<_>>(), truth(server));
        assert_eq!(stored.len(), truth(server).len(), "nothing twice");
    }
}

/// `HOST:PORT` of a URL.
fn place(url: &str) -> &str {
    let behind = url.split("://").nth(1).unwrap();
    behind.rsplit('@').next().unwrap().split('/').next().unwrap()
}

/// Runs a test on the server of this variable, or says that there is none.
fn on(variable: &str, test: &str, run: impl Fn(&World, &Database)) {
    let Ok(url) = std::env::var(variable) else {
        // Not `eprintln!`, which the test harness would swallow.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {variable} is not set");
        return;
    };
    let world = World::new();
    let database = Database::new(&world, url);
    run(&world, &database);
    database.clear(&world);
}

macro_rules! on_each_server {
    ($($test:ident)*) => {
        mod postgres {
            $(#[test] fn $test() { super::on("TEST_POSTGRES_URL", stringify!($test), super::$test) })*
        }
        mod mongo {
            $(#[test] fn $test() { super::on("MONGODB_URI", stringify!($test), super::$test) })*
        }
        mod mysql {
            $(#[test] fn $test() { super::on("TEST_MYSQL_URL", stringify!($test), super::$test) })*
        }
    };
}

on_each_server! {
    a_log_reaches_a_server_whole_and_the_next_run_calls_nobody
    a_server_that_is_down_is_reported_with_a_hint_and_gets_its_events_later
    runs_over_a_wire_that_breaks_again_and_again_end_in_the_whole_log_once
    a_table_that_was_dropped_is_a_problem_and_replay_fills_it_again
    a_row_that_was_deleted_is_named_and_sent_again_and_so_is_a_whole_table
}

fn error(report: &Value) -> &str {
    report["sinks"][0]["error"].as_str().unwrap()
}

fn a_log_reaches_a_server_whole_and_the_next_run_calls_nobody(world: &World, database: &Database) {
    let server = world.serve(terminal(3_000));
    database.sync(world, &server).ended(0);
    database.holds_the_log_of(world, &server);
    let connections = database.proxy.connections();
    let report = database.sync(world, &server).ended(0).report();
    assert_eq!(report["sinks"][0]["status"], "idle");
    assert_eq!(database.proxy.connections(), connections);
}

fn a_server_that_is_down_is_reported_with_a_hint_and_gets_its_events_later(world: &World, database: &Database) {
    let server = world.serve(terminal(500));
    // A connection that says nothing may be slow, or lead nowhere.
    let away: [(Fault, &[&str]); 3] = [
        (Fault::Refuse, &["server"]),
        (Fault::ResetAfter { bytes: 40, direction: Direction::ToClient }, &["server"]),
        (Fault::Pause, &["timeout", "firewall"]),
    ];
    for (fault, hints) in away {
        database.proxy.set(fault);
        let report = database.sync_in_a_hurry(world, &server).ended(30).report();
        assert_eq!(report["sinks"][0]["pending"], truth(&server).len(), "{report}");
        assert!(error(&report).contains("cannot"), "{fault:?}: {report}");
        assert!(hints.iter().any(|hint| error(&report).contains(hint)), "{fault:?}: {report}");
        assert!(error(&report).contains(&database.table), "it names the target: {report}");
        for driver in ["Topology", "Kind:", "labels", "at line"] {
            assert!(!error(&report).contains(driver), "{fault:?}: it speaks as the driver: {report}");
        }
    }
    database.proxy.heal();
    assert_eq!(database.sync(world, &server).ended(0).report()["sinks"][0]["pending"], 0);
    database.holds_the_log_of(world, &server);
}

fn runs_over_a_wire_that_breaks_again_and_again_end_in_the_whole_log_once(world: &World, database: &Database) {
    let server = world.serve(terminal(20_000));
    let mut failed = 0;
    for seed in 0..40 {
        database.proxy.set(Fault::Storm { seed });
        let run = database.sync_in_a_hurry(world, &server);
        assert!(run.code == 0 || run.code == 30, "{run:?}");
        if run.code == 0 {
            break;
        }
        failed += 1;
    }
    assert!(failed < 40, "no run came through");
    database.holds_the_log_of(world, &server);
}

fn a_table_that_was_dropped_is_a_problem_and_replay_fills_it_again(world: &World, database: &Database) {
    let server = world.serve(terminal(300));
    let sink = database.through_the_wire();
    for (flags, punches) in [(&["--full"][..], 0), (&[], 1)] {
        database.sync(world, &server).ended(0);
        database.lose(world);
        for _ in 0..punches {
            server.handle().punch_now().unwrap();
        }
        let report = database.sync_with(world, &server, flags).ended(30).report();
        assert!(error(&report).contains("none of the events that were delivered to it is there"), "{report}");
        assert!(error(&report).contains("iclock-cli replay --sink"), "{report}");
        let report = world.cli(&["replay", "--json", "--sink", &sink]).ended(0).report();
        assert_eq!(report["sinks"][0]["pending"], 0, "{report}");
        database.holds_the_log_of(world, &server);
        database.sync_with(world, &server, flags).ended(0);
    }
}

fn a_row_that_was_deleted_is_named_and_sent_again_and_so_is_a_whole_table(world: &World, database: &Database) {
    let server = world.serve(terminal(300));
    database.sync(world, &server).ended(0);
    assert_eq!(database.verify(world, &server, &[]).ended(0).report()["missing"], 0);
    let row = database.stored(world)[150].clone();
    database.delete(world, &row);
    let result = database.verify(world, &server, &[]).ended(70).report();
    let day = &result["sinks"][0]["days"][0];
    assert_eq!((&result["missing"], &result["sinks"][0]["days_looked_up"]), (&1.into(), &1.into()), "{result}");
    assert_eq!((&day["examples"][0]["user_id"], &day["examples"][0]["local_time"]), (&row.0.into(), &row.1.into()));
    let result = database.verify(world, &server, &["--repair"]).ended(0).report();
    assert_eq!(result["repairs"][0]["sinks"][0]["stored"], 1, "{result}");
    database.holds_the_log_of(world, &server);
    database.lose(world);
    let result = database.verify(world, &server, &["--no-terminals"]).ended(70).report();
    assert_eq!(result["missing"], truth(&server).len(), "{result}");
    database.verify(world, &server, &["--no-terminals", "--repair"]).ended(0);
    database.holds_the_log_of(world, &server);
    database.proxy.set(Fault::Refuse);
    let result = database.verify(world, &server, &[]).ended(30).report();
    assert!(error(&result).contains(&database.table), "{result}");
    database.proxy.heal();
}
