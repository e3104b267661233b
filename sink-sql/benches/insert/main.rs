//! 100,000 new events, the sink alone, next to the fastest idempotent bulk inserts that we could write by hand for the
//! same table and that also say which rows were new. Prints rates, and the ratio that DESIGN asks to be at least 0.8.
//!
//! `cargo bench -p sink-sql --features sqlite,postgres,mysql`, with `TEST_POSTGRES_URL` and `TEST_MYSQL_URL` set for
//! the servers; each without its variable is left out, and said to be.

use std::time::{Duration, Instant};

use attendance_model::conformance::sample;
use attendance_model::{AttendanceEvent, Outcome, Settings, Sink};
use sink_sql::{SqlOptions, SqlSink};

mod mysql;
mod postgres;
mod sqlite;

const EVENTS: usize = 100_000;
const ROUNDS: usize = 5;

fn main() {
    let events = sample(EVENTS);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        sqlite::compare(&events).await;
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) => postgres::compare(&url, &events).await,
            Err(_) => println!("PostgreSQL: skipped, TEST_POSTGRES_URL is not set"),
        }
        match std::env::var("TEST_MYSQL_URL") {
            Ok(url) => mysql::compare(&url, &events).await,
            Err(_) => println!("MySQL/MariaDB: skipped, TEST_MYSQL_URL is not set"),
        }
    });
}

/// The best of several rounds of each way, taken in turn so that a slow moment of the machine meets all of them.
struct Comparison {
    database: &'static str,
    best: Vec<(&'static str, Duration)>,
}

impl Comparison {
    fn new(database: &'static str) -> Self {
        Self { database, best: Vec::new() }
    }

    fn add(&mut self, way: &'static str, took: Duration) {
        match self.best.iter_mut().find(|(known, _)| *known == way) {
            Some((_, best)) => *best = took.min(*best),
            None => self.best.push((way, took)),
        }
    }

    fn print(&self) {
        let fastest = self.best.iter().filter(|(way, _)| *way != SINK).map(|(_, took)| *took).min();
        for (way, took) in &self.best {
            println!("{:10} {way:40} {:>8.0} rows/s", self.database, EVENTS as f64 / took.as_secs_f64());
        }
        if let (Some(fastest), Some((_, sink))) = (fastest, self.best.iter().find(|(way, _)| *way == SINK)) {
            let ratio = fastest.as_secs_f64() / sink.as_secs_f64();
            println!("{:10} sink / fastest by hand: {ratio:.2} (bar: 0.80)", self.database);
        }
    }
}

/// Opens a sink on the events' table of a server, which the comparison drops before each round.
async fn open(url: &str, table: &str) -> SqlSink {
    let settings = Settings::new([("table".to_owned(), table.to_owned())]);
    let sink = SqlSink::open(SqlOptions::parse("bench", url, settings).expect("options")).expect("a sink");
    sink.probe().await.expect("a probe");
    sink
}

const TABLE: &str = "sink_sql_bench";
const SINK: &str = "the sink";

/// Writes all events through a sink, as an engine would, and says how long it took.
async fn through(sink: &dyn Sink, events: &[AttendanceEvent]) -> Duration {
    sink.probe().await.expect("a probe");
    let start = Instant::now();
    for batch in events.chunks(sink.capabilities().batch) {
        let outcomes = sink.write(batch).await.expect("a write");
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Stored), "every event is new");
    }
    start.elapsed()
}
