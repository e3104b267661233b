//! The promises of every sink, on SQLite.
#![cfg(feature = "sqlite")]

use std::path::PathBuf;

use attendance_model::conformance::{Harness, NamesHarness, View};
use attendance_model::{NamedPerson, Settings, Sink};
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

/// With a table of people.
struct Naming(SqliteHarness);

impl Naming {
    fn open(file: PathBuf) -> SqlSink {
        let url = format!("sqlite:{}?names=true", file.display());
        SqlSink::open(SqlOptions::parse("school", &url, Settings::default()).unwrap()).unwrap()
    }
}

impl Harness for Naming {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sink = Self::open(directory.path().join("attendance.db"));
        Self(SqliteHarness { directory, sink })
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(Self::open(self.0.file()))
    }

    async fn stored(&self) -> Vec<View> {
        self.0.stored().await
    }
}

impl NamesHarness for Naming {
    async fn people(&self) -> Vec<NamedPerson> {
        let connection = rusqlite::Connection::open(self.0.file()).unwrap();
        let mut statement = connection
            .prepare("SELECT device_serial, device_name, user_id, name, seen_at FROM attendance_people")
            .unwrap();
        let text = |row: &rusqlite::Row<'_>, column: usize| -> String { row.get(column).unwrap() };
        let rows = statement.query_map([], |row| {
            let seen_at = chrono::DateTime::parse_from_rfc3339(&text(row, 4)).unwrap();
            Ok(NamedPerson::new((text(row, 0), text(row, 1)), text(row, 2), text(row, 3), seen_at.into()))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

mod with_names {
    attendance_model::names_conformance!(super::Naming);
}

#[tokio::test]
async fn without_names_there_is_no_table_of_people() {
    let harness = SqliteHarness::fresh().await;
    harness.sink.probe().await.unwrap();
    assert!(!harness.sink.capabilities().names);
    let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed", chrono::DateTime::UNIX_EPOCH);
    assert!(harness.sink.write_names(&[person]).await.unwrap_err().hint.unwrap().contains("names = true"));
    let connection = rusqlite::Connection::open(harness.file()).unwrap();
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%people%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn a_table_of_people_that_was_dropped_is_made_again() {
    let harness = Naming::fresh().await;
    let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed", chrono::DateTime::UNIX_EPOCH);
    harness.sink().write_names(std::slice::from_ref(&person)).await.unwrap();
    let connection = rusqlite::Connection::open(harness.0.file()).unwrap();
    connection.execute_batch("DROP TABLE attendance_people; DROP TABLE attendance_people_schema").unwrap();
    assert!(harness.sink().write_names(std::slice::from_ref(&person)).await.is_err(), "the engine tries again later");
    assert_eq!(harness.sink().write_names(std::slice::from_ref(&person)).await.unwrap(), 1);
    assert_eq!(harness.people().await, [person]);
}
