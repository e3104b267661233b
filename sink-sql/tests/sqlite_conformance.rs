//! The promises of every sink, on SQLite.
#![cfg(feature = "sqlite")]

use std::path::PathBuf;

use attendance_model::conformance::{Harness, View};
use attendance_model::{Settings, Sink};
use sink_sql::{SqlOptions, SqlSink};
use tempfile::TempDir;

struct SqliteHarness {
    directory: TempDir,
    sink: SqlSink,
}

impl SqliteHarness {
    fn file(&self) -> PathBuf {
        self.directory.path().join("attendance.db")
    }

    fn open(file: PathBuf) -> SqlSink {
        let options = SqlOptions::parse("school", &format!("sqlite:{}", file.display()), Settings::default()).unwrap();
        SqlSink::open(options).unwrap()
    }
}

impl Harness for SqliteHarness {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sink = Self::open(directory.path().join("attendance.db"));
        Self { directory, sink }
    }

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(Self::open(self.file()))
    }

    async fn stored(&self) -> Vec<View> {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT event_id, device_serial, device_name, user_id, local_time, utc_time, zone, verify_mode,
                 punch_state, work_code, source, flags, clock_drift_ms, lower(hex(raw)) FROM attendance_events",
            )
            .unwrap();
        let text = |row: &rusqlite::Row<'_>, column: usize| -> Option<String> { row.get(column).unwrap() };
        let number = |row: &rusqlite::Row<'_>, column: usize| -> Option<i64> { row.get(column).unwrap() };
        let rows = statement.query_map([], |row| {
            Ok(View::new(text(row, 0).unwrap().parse().unwrap())
                .with("device_serial", text(row, 1))
                .with("device_name", text(row, 2))
                .with("user_id", text(row, 3))
                .with("local_time", text(row, 4))
                .with("utc_time", text(row, 5))
                .with("zone", text(row, 6))
                .with("verify_mode", number(row, 7).map(|n| n.to_string()))
                .with("punch_state", number(row, 8).map(|n| n.to_string()))
                .with("work_code", number(row, 9).map(|n| n.to_string()))
                .with("source", text(row, 10))
                .with("flags", text(row, 11))
                .with("clock_drift_ms", number(row, 12).map(|n| n.to_string()))
                .with("raw", text(row, 13)))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

attendance_model::sink_conformance!(SqliteHarness);
