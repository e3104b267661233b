//! The cases of SQLite alone: files, locks, processes that are killed.
#![cfg(feature = "sqlite")]

#[path = "common/readers.rs"]
mod readers;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use attendance_model::conformance::sample;
use attendance_model::{AttendanceEvent, Outcome, Settings, Sink, SinkErrorKind};
use rusqlite::Connection;
use sink_sql::{SqlOptions, SqlSink};

fn open(file: &Path, settings: &str) -> SqlSink {
    let options = SqlOptions::parse("test", &format!("sqlite:{}?{settings}", file.display()), Settings::default());
    SqlSink::open(options.unwrap()).unwrap()
}

/// Not `eprintln!`, which the test harness would swallow.
fn skip(test_and_reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test_and_reason}");
}

fn count(file: &Path) -> u32 {
    let connection = Connection::open(file).unwrap();
    connection.query_row("SELECT count(*) FROM attendance_events", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_missing_directory_is_named_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let failure = open(&directory.path().join("no/att.db"), "").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::Missing);
    assert!(failure.message.ends_with("no does not exist"), "{failure}");
    assert!(!directory.path().join("no").exists());
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(open(directory.path(), "").probe().await.unwrap_err().kind, SinkErrorKind::Missing);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("notes.txt");
    let text = "these are notes\n".repeat(100);
    std::fs::write(&file, &text).unwrap();
    let failure = open(&file, "").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::Schema, "{failure:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_a_failure_that_may_pass() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    open(&file, "").probe().await.unwrap();
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&file, permissions).unwrap();
    if std::fs::OpenOptions::new().append(true).open(&file).is_ok() {
        skip("a_file_that_cannot_be_written_is_a_failure_that_may_pass: this user may write everything");
        return;
    }
    let failure = open(&file, "").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::ReadOnly, "{failure:?}");
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    open(&file, "").probe().await.unwrap();
    Connection::open(&file).unwrap().execute("INSERT INTO attendance_events_schema VALUES (1000)", []).unwrap();
    let sink = open(&file, "");
    for failure in [sink.probe().await.unwrap_err(), sink.write(&sample(1)).await.unwrap_err()] {
        assert_eq!(failure.kind, SinkErrorKind::Schema);
        assert!(failure.message.contains("version 1000"), "{failure}");
    }
    assert_eq!(count(&file), 0);
}

#[tokio::test]
async fn a_table_that_somebody_else_made_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    Connection::open(&file).unwrap().execute("CREATE TABLE attendance_events (id INTEGER)", []).unwrap();
    assert_eq!(open(&file, "").probe().await.unwrap_err().kind, SinkErrorKind::Schema);
    let other = open(&file, "table=punches");
    other.probe().await.unwrap();
    assert_eq!(other.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
}

#[tokio::test]
async fn a_file_that_another_program_holds_is_busy_within_the_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    let sink = open(&file, "timeout=1s");
    sink.probe().await.unwrap();
    let holder = Connection::open(&file).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::Busy);
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn an_event_that_the_table_cannot_hold_is_rejected_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    let mut batch = sample(3);
    batch[1].user_id = "4\u{0}2".to_owned();
    let outcomes = open(&file, "").write(&batch).await.unwrap();
    assert!(matches!(&outcomes[1], Outcome::Rejected { reason } if reason == "user_id has a NUL character"));
    assert_eq!([&outcomes[0], &outcomes[2]], [&Outcome::Stored; 2]);
    assert_eq!(count(&file), 2);
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    let sink = open(&file, "");
    sink.write(&sample(2)).await.unwrap();
    if std::fs::rename(&file, directory.path().join("old.db")).is_err() {
        skip("a_file_that_was_taken_away_is_made_anew: this system keeps open files in place");
        return;
    }
    for log in ["att.db-wal", "att.db-shm"] {
        std::fs::remove_file(directory.path().join(log)).unwrap();
    }
    assert_eq!(sink.write(&sample(3)).await.unwrap(), vec![Outcome::Stored; 3]);
    assert_eq!(count(&file), 3);
}

#[tokio::test]
async fn the_database_says_when_an_event_was_stored() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    open(&file, "").write(&sample(1)).await.unwrap();
    let fits = "SELECT stored_at GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z'
                AND abs(strftime('%s', 'now') - strftime('%s', stored_at)) < 60 FROM attendance_events";
    assert!(Connection::open(&file).unwrap().query_row(fits, [], |row| row.get::<_, bool>(0)).unwrap());
}

#[tokio::test]
async fn ids_of_the_python_tool_are_an_option() {
    let directory = tempfile::tempdir().unwrap();
    let sink = open(&directory.path().join("att.db"), "ids=iclock-sync-v1");
    let [event] = <[AttendanceEvent; 1]>::try_from(sample(1)).unwrap();
    let id = sink.capabilities().ids.id_of(&event);
    assert_ne!(id, event.id);
    sink.write(std::slice::from_ref(&event)).await.unwrap();
    assert_eq!(sink.lookup(&[id, event.id]).await.unwrap(), [true, false]);
}

/// Set in the environment of the processes that the next tests start: the file to write to, and nothing in any other.
const CHILD: &str = "SINK_SQL_TEST_CHILD_FILE";

/// How many events a child writes, ten at a time.
const CHILD_EVENTS: u32 = 3_000;

fn child(file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_process_of_its_own", "--nocapture"]).env(CHILD, file).stdout(Stdio::null());
    command
}

/// The work of those processes; does nothing when it is run as a test.
#[tokio::test]
async fn a_process_of_its_own() {
    let Some(file) = std::env::var_os(CHILD) else { return };
    let sink = open(Path::new(&file), "");
    sink.probe().await.unwrap();
    for batch in sample(CHILD_EVENTS as usize).chunks(10) {
        sink.write(batch).await.unwrap();
    }
}

#[test]
fn processes_that_start_at_once_share_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    let children: Vec<_> = (0..3).map(|_| child(&file).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(count(&file), CHILD_EVENTS);
}

#[tokio::test]
async fn a_killed_process_leaves_whole_batches_and_another_completes_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    let mut writer = child(&file).spawn().unwrap();
    let watched = open(&file, "");
    watched.probe().await.unwrap();
    while count(&file) < 100 {
        tokio::task::yield_now().await;
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let left = count(&file);
    assert!(left.is_multiple_of(10) && left < CHILD_EVENTS, "{left} events are left");
    for batch in sample(CHILD_EVENTS as usize).chunks(1_000) {
        watched.write(batch).await.unwrap();
    }
    assert_eq!(count(&file), CHILD_EVENTS);
}

#[tokio::test]
async fn readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person() {
    let directory = tempfile::tempdir().unwrap();
    for (table, prefix) in [("attendance_events", ""), ("punches", "punches_")] {
        let file = directory.path().join("att.db");
        let sink = open(&file, &format!("table={table}"));
        sink.probe().await.unwrap();
        sink.write(&readers::events()).await.unwrap();
        let connection = Connection::open(&file).unwrap();
        let rows = |question: String| -> Vec<Vec<String>> {
            let mut statement = connection.prepare(&question).unwrap();
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| (0..columns).map(|n| row.get(n)).collect();
            statement.query_map([], row).unwrap().map(Result::unwrap).collect()
        };
        let daily = format!(
            "SELECT user_id, day, first_in, ifnull(last_out, ''), CAST(punches AS text)
             FROM {prefix}daily_attendance ORDER BY 1, 2"
        );
        assert_eq!(rows(daily), readers::DAILY);
        let latest = format!("SELECT user_id, local_time, device_name FROM {prefix}latest_punch ORDER BY 1");
        assert_eq!(rows(latest), readers::LATEST);
    }
}

#[tokio::test]
async fn a_table_of_version_one_is_brought_up_to_date_with_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    open(&file, "").probe().await.unwrap();
    let connection = Connection::open(&file).unwrap();
    open(&file, "").write(&readers::events()).await.unwrap();
    // As the first version left it.
    let undone = "DROP VIEW daily_attendance; DROP VIEW latest_punch; DROP INDEX attendance_events_by_user;
                  DROP INDEX attendance_events_by_device; DELETE FROM attendance_events_schema WHERE version > 1";
    connection.execute_batch(undone).unwrap();
    let sink = open(&file, "");
    assert_eq!(sink.probe().await.unwrap(), []);
    assert_eq!(sink.write(&readers::events()).await.unwrap(), vec![Outcome::AlreadyStored; 7]);
    let count = |question| connection.query_row(question, [], |row| row.get::<_, u32>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM daily_attendance"), 4);
    assert_eq!(count("SELECT max(version) FROM attendance_events_schema"), 2);
}

#[tokio::test]
async fn a_view_of_somebody_else_s_is_not_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("att.db");
    Connection::open(&file).unwrap().execute("CREATE VIEW latest_punch AS SELECT 'mine'", []).unwrap();
    let failure = open(&file, "").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::Schema, "{failure:?}");
    assert!(failure.hint.unwrap().contains("rename"), "{:?}", failure.source);
    open(&file, "table=punches").probe().await.unwrap();
}
