//! The tables, and the steps that bring an older file up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::LedgerError;

/// The time for which a connection waits for another to finish a commit.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One step for each version. A released step never changes.
const MIGRATIONS: [&str; 4] = [
    // Events are numbered in the order in which they entered (`seq`, without gaps). Their identity is indexed with
    // terminal and time in front: a log is read in the order of time, so that inserts stay together in the index, where
    // keys would scatter.
    //
    // Of a sink's events up to `windowed` it is decided whether the window held them, up to `admitted` whether they may
    // go out, up to `delivered` they did; `exceptions` holds the few for which that is not so.
    "
    CREATE TABLE terminals (
        id INTEGER PRIMARY KEY,
        serial TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0,
        records INTEGER NOT NULL DEFAULT 0,
        overlap BLOB NOT NULL DEFAULT x'',
        layout TEXT,
        count INTEGER,
        verified_at INTEGER,
        count_unreliable INTEGER NOT NULL DEFAULT 0,
        offsets_refused_at INTEGER,
        bad_checksums INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE readings (
        id INTEGER PRIMARY KEY,
        terminal INTEGER NOT NULL REFERENCES terminals (id),
        device_name TEXT NOT NULL,
        zone TEXT,
        drift_ms INTEGER,
        source TEXT NOT NULL,
        read_at INTEGER NOT NULL
    );
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        terminal INTEGER NOT NULL REFERENCES terminals (id),
        reading INTEGER NOT NULL REFERENCES readings (id),
        time INTEGER NOT NULL,
        key BLOB NOT NULL,
        user_id TEXT NOT NULL,
        uid INTEGER,
        verify_mode INTEGER NOT NULL,
        punch_state INTEGER NOT NULL,
        work_code INTEGER,
        utc INTEGER,
        flags TEXT,
        raw BLOB NOT NULL
    );
    CREATE UNIQUE INDEX events_identity ON events (terminal, time, key);
    CREATE TABLE sinks (
        id INTEGER PRIMARY KEY,
        target TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        windowed INTEGER NOT NULL DEFAULT 0,
        admitted INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE exceptions (
        sink INTEGER NOT NULL REFERENCES sinks (id),
        seq INTEGER NOT NULL REFERENCES events (seq),
        state INTEGER NOT NULL,
        reason TEXT,
        PRIMARY KEY (sink, seq)
    ) WITHOUT ROWID;
    CREATE INDEX exceptions_state ON exceptions (sink, state);
    CREATE TABLE imported (
        sink INTEGER NOT NULL REFERENCES sinks (id),
        id BLOB NOT NULL,
        PRIMARY KEY (sink, id)
    ) WITHOUT ROWID;
    CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY,
        terminal INTEGER NOT NULL REFERENCES terminals (id),
        masked BLOB NOT NULL,
        occurrence INTEGER NOT NULL,
        raw BLOB NOT NULL,
        reason TEXT NOT NULL,
        user_id TEXT NOT NULL,
        time TEXT NOT NULL,
        verify_mode INTEGER NOT NULL,
        punch_state INTEGER NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        times_seen INTEGER NOT NULL DEFAULT 1,
        epoch INTEGER NOT NULL,
        position INTEGER NOT NULL,
        reading INTEGER NOT NULL,
        UNIQUE (terminal, masked, occurrence)
    );
    CREATE TABLE unproven (
        id INTEGER PRIMARY KEY,
        terminal INTEGER NOT NULL REFERENCES terminals (id),
        file TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        reason TEXT NOT NULL,
        seen_at INTEGER NOT NULL
    );
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        exit_code INTEGER NOT NULL,
        new INTEGER NOT NULL,
        stored INTEGER NOT NULL
    ) WITHOUT ROWID;
    ",
    // Which of many equal records a poll has met.
    "CREATE INDEX quarantine_met ON quarantine (terminal, masked, reading, occurrence);",
    // What a sink used up of a day's writes, where these are limited.
    "CREATE TABLE budgets (
        sink INTEGER PRIMARY KEY REFERENCES sinks (id),
        day TEXT NOT NULL,
        writes INTEGER NOT NULL
    );",
    // What a record needs to be judged again, what a terminal was seen to do, and what became of an unproven log.
    "
    ALTER TABLE terminals ADD COLUMN alias TEXT;
    ALTER TABLE terminals ADD COLUMN learned TEXT;
    ALTER TABLE readings ADD COLUMN layout TEXT;
    -- The terminal's clock less UTC, in seconds. Earlier readings measured it against the host's local time.
    ALTER TABLE readings ADD COLUMN clock_offset INTEGER;
    UPDATE readings SET clock_offset = CAST(strftime('%s', read_at, 'unixepoch', 'localtime') AS INTEGER) - read_at
        + coalesce(drift_ms, 0) / 1000 WHERE zone IS NULL;
    ALTER TABLE quarantine ADD COLUMN layout TEXT;
    ALTER TABLE quarantine ADD COLUMN uid INTEGER;
    ALTER TABLE quarantine ADD COLUMN work_code INTEGER;
    ALTER TABLE quarantine ADD COLUMN doubtful INTEGER;
    ALTER TABLE quarantine ADD COLUMN resolved_at INTEGER;
    ALTER TABLE quarantine ADD COLUMN resolution TEXT;
    ALTER TABLE sinks ADD COLUMN ids TEXT;
    ALTER TABLE unproven ADD COLUMN kind TEXT NOT NULL DEFAULT 'attendance';
    ALTER TABLE unproven ADD COLUMN evidence TEXT;
    ALTER TABLE unproven ADD COLUMN accepted_at INTEGER;
    ALTER TABLE unproven ADD COLUMN digest TEXT;
    ALTER TABLE unproven ADD COLUMN last_seen INTEGER;
    ALTER TABLE unproven ADD COLUMN times_seen INTEGER NOT NULL DEFAULT 1;
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    ",
];

pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Marks the file as a ledger, so that another program's database is never taken for one: "iclk".
const APPLICATION_ID: i64 = 0x6963_6c6b;

/// Sets up a connection that writes, and brings its file up to date.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let found = version(connection, path)?;
    let failed = |error| opening(path, error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    // 4 MiB of cache bound the memory; a checkpoint every 16 MiB keeps the write-ahead log short without one per
    // commit.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;
             PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = FILE;",
        )
        .map_err(failed)?;
    for (step, version) in MIGRATIONS.iter().zip(1i64..) {
        if version > found {
            let transaction = connection.transaction().map_err(failed)?;
            transaction.execute_batch(step).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
            transaction.pragma_update(None, "user_version", version).map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
    }
    Ok(())
}

/// Returns the version of a file that is only read, and cannot be brought up to date.
pub(super) fn readable_version(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    match version(connection, path)? {
        found @ 1..=KNOWN => Ok(found),
        _ => Err(LedgerError::Damaged { path: path.to_owned(), problem: "it holds no ledger yet".to_owned() }),
    }
}

/// Returns the file's version; 0 for an empty file.
fn version(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let number = |pragma| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(|error| opening(path, error))
    };
    let (found, application) = (number("user_version")?, number("application_id")?);
    let tables = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0))
        .map_err(|error| opening(path, error))?;
    match (tables, application) {
        (0, 0) => Ok(0),
        (_, APPLICATION_ID) if found <= KNOWN => Ok(found),
        (_, APPLICATION_ID) => Err(LedgerError::TooNew { path: path.to_owned(), found, known: KNOWN }),
        _ => Err(LedgerError::Damaged { path: path.to_owned(), problem: "it is not a ledger".to_owned() }),
    }
}

/// Converts an error at opening.
pub(super) fn opening(path: &Path, error: rusqlite::Error) -> LedgerError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            LedgerError::Damaged { path: path.to_owned(), problem: error.to_string() }
        }
        _ => LedgerError::Database { action: "open", source: error.into() },
    }
}
