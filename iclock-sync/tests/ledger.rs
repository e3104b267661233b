//! The ledger's file: refused when it is not what it should be, never changed then, and readable while a service runs.

mod common;

use std::fs;

use common::{Gate, State, keys, memory, sync};
use iclock_sync::forget::forget;
use iclock_sync::ledger::{QuarantineFilter, export, import, salvage};
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
            "DROP TABLE push_facts; DROP TABLE push_keys; DROP TABLE push_gaps; DROP TABLE push_calls;
             DROP TABLE push_commands; DROP TABLE push_stamps; DROP TABLE push_terminals; DROP TABLE push_admissions;
             DROP TABLE people_sent; DROP TABLE people; DROP TABLE people_readings; DROP TABLE forgotten;
             DROP TRIGGER quarantine_enters; DROP TRIGGER quarantine_changes; DROP TRIGGER quarantine_leaves;
             DROP TABLE quarantine_sizes; ALTER TABLE quarantine DROP COLUMN note;
             DROP INDEX events_time; DROP INDEX events_person; DROP TRIGGER exceptions_insert;
             DROP TRIGGER exceptions_delete; DROP TRIGGER exceptions_update; DROP TRIGGER sinks_delivered;
             DROP TABLE exception_counts; ALTER TABLE sinks DROP COLUMN window;
             DROP TABLE shrunk; ALTER TABLE sinks DROP COLUMN begins;
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

#[tokio::test]
async fn an_export_that_is_imported_is_the_same_ledger_and_one_that_was_changed_is_refused() {
    let (gate, state, (_, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    sync(&engine).await;
    let (dir, copy) = (state.dir.path().join("state"), state.dir.path().join("copy.sqlite"));
    // Next to the service.
    let exported = export(&dir, &copy).unwrap();
    assert_eq!((exported.events, exported.bytes), (300, fs::metadata(&copy).unwrap().len()));
    assert!(fs::read_to_string(state.dir.path().join("copy.sqlite.sha256")).unwrap().starts_with(&exported.checksum));
    assert!(matches!(export(&dir, &copy), Err(LedgerError::Exists { .. })));
    assert!(matches!(import(&copy, &dir), Err(LedgerError::Held { .. } | LedgerError::Exists { .. })));
    let other = State::new();
    let ledger = import(&copy, &other.dir.path().join("state")).unwrap();
    assert_eq!((ledger.event_count().unwrap(), ledger.check().unwrap()), (300, Vec::new()));
    drop(ledger);
    // It goes on from there: nothing is sent again.
    let (stored, sink) = memory("db");
    gate.handle().punch_now().unwrap();
    let report = sync(&other.engine(&[&gate], &[sink])).await;
    assert_eq!((report.devices[0].new, report.sinks[0].stored, stored.stored().len()), (1, 1, 1), "{report:?}");
    let mut bytes = fs::read(&copy).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&copy, bytes).unwrap();
    let third = State::new();
    assert!(matches!(import(&copy, third.dir.path()), Err(LedgerError::Damaged { .. })));
    assert!(!third.dir.path().join("ledger.sqlite").exists());
}

#[tokio::test]
async fn an_export_counts_the_events_that_it_has_after_a_person_was_forgotten() {
    let (state, _) = filled().await;
    let dir = state.dir.path().join("state");
    let ledger = Ledger::open(&dir).unwrap();
    let person = ledger.events(Window::default()).next().unwrap().unwrap().user_id;
    let now = chrono::Utc::now();
    let removed = forget(&ledger, &person, now.naive_utc(), now).unwrap().events;
    assert!(removed > 0);
    drop(ledger);
    let exported = export(&dir, &state.dir.path().join("copy.sqlite")).unwrap();
    let imported = import(&state.dir.path().join("copy.sqlite"), &state.dir.path().join("other")).unwrap();
    assert_eq!((exported.events, imported.event_count().unwrap()), (50 - removed, 50 - removed));
}

#[tokio::test]
async fn compacting_makes_a_file_smaller_and_loses_nothing() {
    let (state, file) = filled().await;
    let ledger = Ledger::open(&state.dir.path().join("state")).unwrap();
    ledger.compact().unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE big AS SELECT zeroblob(4000000) AS b; DROP TABLE big").unwrap();
    drop(other);
    let freed = ledger.compact().unwrap();
    assert!((3_900_000..4_200_000).contains(&freed), "{freed}");
    assert_eq!((ledger.event_count().unwrap(), ledger.check().unwrap()), (50, Vec::new()));
    drop(ledger);
    assert!(fs::metadata(&file).unwrap().len() < 1_000_000);
}

#[tokio::test]
async fn of_a_damaged_ledger_everything_is_saved_or_read_and_sent_again() {
    let (gate, state, (_, sink)) = (Gate::with_records(600).await, State::new(), memory("db"));
    sync(&state.engine(&[&gate], &[sink])).await;
    let bytes = fs::read(state.dir.path().join("state/ledger.sqlite")).unwrap();
    let pages = bytes.len() / 4_096;
    let (mut refused, mut again) = (0, 0);
    for page in (0..pages).step_by(pages / 12) {
        let (damaged, saved) = (State::new(), State::new());
        let (from, into) = (damaged.dir.path().join("state"), saved.dir.path().join("state"));
        fs::create_dir(&from).unwrap();
        let mut copy = bytes.clone();
        copy[page * 4_096..][..4_096].fill(0xA5);
        fs::write(from.join("ledger.sqlite"), &copy).unwrap();
        let salvaged = match salvage(&from, &into) {
            Ok(salvaged) => salvaged,
            // Without its tables' names nothing can be read.
            Err(error) => {
                assert!(matches!(error, LedgerError::Damaged { .. }) && !into.exists(), "{page}: {error:?}");
                refused += 1;
                continue;
            }
        };
        assert!(fs::read(from.join("ledger.sqlite")).unwrap() == copy, "it is not changed");
        assert_eq!(Ledger::open(&into).unwrap().check().unwrap(), Vec::<String>::new());
        again += u64::from(salvaged.reads_again);
        // A new sink: it has to get everything that the new ledger does not know to be delivered.
        let (stored, sink) = memory("other");
        let report = sync(&saved.engine(&[&gate], &[sink])).await;
        assert_eq!(report.run.exit_code, 0, "{page}: {report:?}");
        assert_eq!(report.devices[0].new, 600 - salvaged.events, "{page}: {salvaged:?}");
        assert_eq!(salvaged.events < 600, salvaged.damaged.contains(&"events"), "{page}: {salvaged:?}");
        assert_eq!(keys(&stored.stored()), gate.keys(), "{page}: {salvaged:?}");
    }
    assert!((1..=3).contains(&refused) && again > 0, "{refused} refused, {again} read again");
    assert!(matches!(
        salvage(&state.dir.path().join("state"), &state.dir.path().join("state")),
        Err(LedgerError::Exists { .. })
    ));
}
