//! The ledger's file: refused when it is not what it should be, never changed then, and readable while a service runs.

mod common;

use std::fs;

use common::{Gate, State, sync};
use iclock_sync::ledger::QuarantineFilter;
use iclock_sync::{CancellationToken, Ledger, LedgerError, RunOptions, Window};
use rusqlite::Connection;

/// A state directory whose ledger has 50 events, and nobody holding it.
async fn filled() -> (State, std::path::PathBuf) {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let file = state.dir.path().join("state/ledger.sqlite");
    (state, file)
}

async fn refusal(state: &State) -> LedgerError {
    let error = state.engine(&[], &[]).run(&RunOptions::default(), &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.exit_code(), 60);
    assert!(error.hint().is_some(), "{error} says what to do");
    match error {
        iclock_sync::SyncError::Ledger(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let (state, file) = filled().await;
    fs::write(&file, vec![7; 9_000]).unwrap();
    assert!(matches!(refusal(&state).await, LedgerError::Damaged { .. }));
    assert_eq!(fs::read(&file).unwrap(), vec![7; 9_000]);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused() {
    let state = State::new();
    fs::create_dir(state.dir.path().join("state")).unwrap();
    let other = Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    other.execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)").unwrap();
    drop(other);
    assert!(matches!(refusal(&state).await, LedgerError::Damaged { .. }));
}

#[tokio::test]
async fn the_ledger_of_a_later_version_is_refused() {
    let (state, file) = filled().await;
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(refusal(&state).await, LedgerError::TooNew { found: 99, .. }));
}

#[tokio::test]
async fn the_ledger_of_an_earlier_version_is_read_as_it_is_and_brought_up_to_date_by_a_run() {
    let (state, file) = filled().await;
    let version = || -> i64 {
        Connection::open(&file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    let current = version();
    let earlier = Connection::open(&file).unwrap();
    earlier
        .execute_batch(
            "DROP TRIGGER quarantine_enters; DROP TRIGGER quarantine_changes; DROP TRIGGER quarantine_leaves;
             DROP TABLE quarantine_sizes; ALTER TABLE quarantine DROP COLUMN note;
             DROP INDEX events_time; DROP INDEX events_person; DROP TRIGGER exceptions_insert;
             DROP TRIGGER exceptions_delete; DROP TRIGGER exceptions_update; DROP TRIGGER sinks_delivered;
             DROP TABLE exception_counts; ALTER TABLE sinks DROP COLUMN window;
             DROP INDEX runs_number; ALTER TABLE runs DROP COLUMN number;
             DROP INDEX quarantine_met; DROP TABLE budgets; DROP TABLE settings;
             ALTER TABLE terminals DROP COLUMN alias; ALTER TABLE terminals DROP COLUMN learned;
             ALTER TABLE readings DROP COLUMN layout; ALTER TABLE readings DROP COLUMN clock_offset;
             ALTER TABLE quarantine DROP COLUMN layout; ALTER TABLE quarantine DROP COLUMN uid;
             ALTER TABLE quarantine DROP COLUMN work_code; ALTER TABLE quarantine DROP COLUMN doubtful;
             ALTER TABLE quarantine DROP COLUMN resolved_at; ALTER TABLE quarantine DROP COLUMN resolution;
             ALTER TABLE sinks DROP COLUMN ids;
             ALTER TABLE unproven DROP COLUMN kind; ALTER TABLE unproven DROP COLUMN evidence;
             ALTER TABLE unproven DROP COLUMN accepted_at; ALTER TABLE unproven DROP COLUMN digest;
             ALTER TABLE unproven DROP COLUMN last_seen; ALTER TABLE unproven DROP COLUMN times_seen;
             PRAGMA user_version = 1",
        )
        .unwrap();
    drop(earlier);
    let before = state.files();
    {
        let ledger = state.ledger();
        assert_eq!((ledger.event_count().unwrap(), ledger.events(Window::default()).count()), (50, 50));
        assert_eq!((ledger.terminals().unwrap().len(), ledger.runs(10).unwrap().len()), (1, 1));
        assert_eq!(ledger.quarantine(&QuarantineFilter::default(), 10).unwrap(), []);
        assert_eq!((ledger.quarantine_counts().unwrap(), ledger.unproven().unwrap()), (Vec::new(), Vec::new()));
        assert_eq!(ledger.set_aside("memory:db", 10).unwrap(), []);
        assert_eq!(
            (ledger.imported_ids("memory:db").unwrap(), ledger.legacy_ids_at("memory:db").unwrap().len()),
            (0, 0)
        );
        assert_eq!(ledger.check().unwrap(), Vec::<String>::new());
    }
    assert!(state.files() == before, "reading changes nothing");
    sync(&state.engine(&[], &[])).await;
    assert_eq!((version(), state.ledger().event_count().unwrap()), (current, 50));
}

#[tokio::test]
async fn damage_inside_is_found_by_the_check() {
    let (state, file) = filled().await;
    assert_eq!(state.ledger().check().unwrap(), Vec::<String>::new());
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[end - 4_096..].fill(0xA5);
    fs::write(&file, bytes).unwrap();
    // Damage may show while it is listed or as what is listed; either way it is told.
    assert!(!state.ledger().check().is_ok_and(|lines| lines.is_empty()));
}

#[tokio::test]
async fn what_a_running_service_has_committed_can_be_read_beside_it() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    let engine = state.engine(&[&gate], &[]);
    sync(&engine).await;
    assert_eq!(state.ledger().events(Window::default()).count(), 50);
    gate.handle().punch_now().unwrap();
    sync(&engine).await;
    assert_eq!(state.ledger().events(Window::default()).count(), 51);
    assert_eq!(state.ledger().runs(10).unwrap().len(), 2);
}

#[tokio::test]
async fn a_reader_that_was_there_first_sees_what_a_service_commits_later() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let reader = state.ledger();
    assert_eq!(reader.event_count().unwrap(), 50);
    let mut events = reader.events(Window::default());
    assert!(events.next().is_some());
    let engine = state.engine(&[&gate], &[]);
    for n in 1..=3 {
        gate.handle().punch_now().unwrap();
        sync(&engine).await;
        assert_eq!(reader.event_count().unwrap(), 50 + n);
    }
    // Its end writes the file itself, not its log alone.
    drop(engine);
    assert_eq!(events.count(), 49);
    assert_eq!(reader.events(Window::default()).count(), 53);
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    drop(reader);
    assert!(!state.dir.path().join("state/ledger.sqlite-wal").exists(), "the last one to leave tidies up");
}

#[tokio::test]
async fn reading_a_ledger_that_nobody_writes_leaves_no_file_behind() {
    let (state, _) = filled().await;
    let before = state.files();
    assert_eq!(state.ledger().event_count().unwrap(), 50);
    assert!(state.files() == before);
    assert!(Ledger::open_read_only(&state.dir.path().join("elsewhere")).unwrap().is_none());
}
