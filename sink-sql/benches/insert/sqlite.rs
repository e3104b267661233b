//! SQLite: a temporary file, write-ahead log, `synchronous=FULL`, 5,000 rows to a transaction.

use std::time::{Duration, Instant};

use attendance_model::{AttendanceEvent, Settings, Sink as _};
use rusqlite::{Connection, ToSql, params};
use sink_sql::{SqlOptions, SqlSink};

use super::{Comparison, ROUNDS, SINK, through};

const COLUMNS: usize = 14;
const TRANSACTION: usize = 5_000;

pub(crate) async fn compare(events: &[AttendanceEvent]) {
    let mut comparison = Comparison::new("SQLite");
    for _ in 0..ROUNDS {
        let fresh = Fresh::new().await;
        comparison.add(SINK, through(&fresh.sink, events).await);
        comparison.add("by hand, one prepared row at a time", Fresh::new().await.row_by_row(events));
        comparison.add("by hand, 50 rows a statement, RETURNING", Fresh::new().await.many_rows(events, 50));
        comparison.add("by hand, 500 rows a statement, RETURNING", Fresh::new().await.many_rows(events, 500));
    }
    comparison.print();
}

/// An empty table, made by the sink.
struct Fresh {
    directory: tempfile::TempDir,
    sink: SqlSink,
}

impl Fresh {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", directory.path().join("att.db").display());
        let options = SqlOptions::parse("bench", &url, Settings::default()).expect("options");
        let sink = SqlSink::open(options).expect("a sink");
        sink.probe().await.expect("a probe");
        Self { directory, sink }
    }

    /// A connection set up as the sink's is.
    fn connection(&self) -> Connection {
        let connection = Connection::open(self.directory.path().join("att.db")).expect("a connection");
        connection.pragma_update(None, "journal_mode", "WAL").expect("a write-ahead log");
        connection.pragma_update(None, "synchronous", "FULL").expect("synchronous");
        connection
    }

    fn row_by_row(&self, events: &[AttendanceEvent]) -> Duration {
        let mut connection = self.connection();
        let sql = insert(1);
        let start = Instant::now();
        let mut new = 0;
        for batch in events.chunks(TRANSACTION) {
            let transaction = connection.transaction().expect("a transaction");
            let mut statement = transaction.prepare_cached(&sql).expect("a statement");
            for event in batch {
                new += statement
                    .execute(params![
                        event.id.to_string(),
                        event.device_serial,
                        event.device_name,
                        event.user_id,
                        event.local_time.format("%Y-%m-%d %H:%M:%S").to_string(),
                        event.instant.map(|instant| instant.utc.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
                        event.instant.map(|instant| instant.zone.name()),
                        event.verify_mode.0,
                        event.punch_state.0,
                        event.work_code,
                        event.source.as_str(),
                        event.flags_text(),
                        event.clock_drift_ms,
                        event.raw,
                    ])
                    .expect("an insert");
            }
            drop(statement);
            transaction.commit().expect("a commit");
        }
        assert_eq!(new, events.len(), "every event is new");
        start.elapsed()
    }

    fn many_rows(&self, events: &[AttendanceEvent], rows: usize) -> Duration {
        let mut connection = self.connection();
        let sql = format!("{} RETURNING event_id", insert(rows));
        let start = Instant::now();
        let mut new = 0;
        for batch in events.chunks(TRANSACTION) {
            let transaction = connection.transaction().expect("a transaction");
            let mut statement = transaction.prepare_cached(&sql).expect("a statement");
            for chunk in batch.chunks_exact(rows) {
                let values = rusqlite::params_from_iter(chunk.iter().flat_map(values));
                let returned = statement.query_map(values, |row| row.get::<_, String>(0)).expect("an insert");
                let ids: Vec<String> = returned.collect::<Result<_, _>>().expect("ids");
                new += ids.len();
            }
            drop(statement);
            transaction.commit().expect("a commit");
        }
        assert_eq!(new, events.len(), "every event is new");
        start.elapsed()
    }
}

fn insert(rows: usize) -> String {
    let one_row = format!("({})", ["?"; COLUMNS].join(", "));
    format!(
        "INSERT INTO attendance_events (event_id, device_serial, device_name, user_id, local_time, utc_time, zone,
         verify_mode, punch_state, work_code, source, flags, clock_drift_ms, raw) VALUES {}
         ON CONFLICT (event_id) DO NOTHING",
        vec![one_row; rows].join(", "),
    )
}

fn values(event: &AttendanceEvent) -> [Box<dyn ToSql>; COLUMNS] {
    let utc = event.instant.map(|instant| instant.utc.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    [
        Box::new(event.id.to_string()),
        Box::new(event.device_serial.clone()),
        Box::new(event.device_name.clone()),
        Box::new(event.user_id.clone()),
        Box::new(event.local_time.format("%Y-%m-%d %H:%M:%S").to_string()),
        Box::new(utc),
        Box::new(event.instant.map(|instant| instant.zone.name())),
        Box::new(event.verify_mode.0),
        Box::new(event.punch_state.0),
        Box::new(event.work_code),
        Box::new(event.source.as_str()),
        Box::new(event.flags_text()),
        Box::new(event.clock_drift_ms),
        Box::new(event.raw.clone()),
    ]
}
