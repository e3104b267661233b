//! The tables, and the steps that bring an older file up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::LedgerError;

/// The time for which a connection waits for another to finish a commit.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One step for each version. A released step never changes.
const MIGRATIONS: [&str; 14] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
    include_str!("schema/10.sql"),
    include_str!("schema/11.sql"),
    include_str!("schema/12.sql"),
    include_str!("schema/13.sql"),
    include_str!("schema/14.sql"),
];

pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// The version of the ledger's tables that this library writes. It opens older ones, and brings them up to date.
pub const FORMAT: i64 = KNOWN;

/// Marks the file as a ledger, so that another program's database is never taken for one: "iclk".
const APPLICATION_ID: i64 = 0x6963_6c6b;

/// Sets up a connection that writes, and brings its file up to date.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let found = version(connection, path)?;
    let failed = |error| opening(path, error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    if found == 0 {
        // It cannot be changed once there is a table.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
    }
    // 4 MiB of cache bound the memory; a checkpoint every 16 MiB keeps the write-ahead log short without one per
    // commit, and a long change leaves no long log behind. Triggers count what a REPLACE removes.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;
             PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 33554432; PRAGMA temp_store = FILE;
             PRAGMA recursive_triggers = ON;",
        )
        .map_err(failed)?;
    let missing: Vec<_> = MIGRATIONS.iter().zip(1i64..).filter(|(_, version)| *version > found).collect();
    // A new file takes all steps in one change, which saves a sync for each. In an old one a step may rewrite a large
    // table, and is kept once it is done.
    let at_once = if found == 0 { MIGRATIONS.len() } else { 1 };
    for steps in missing.chunks(at_once) {
        let transaction = connection.transaction().map_err(failed)?;
        for (step, version) in steps {
            transaction.execute_batch(step).map_err(failed)?;
            transaction.pragma_update(None, "user_version", version).map_err(failed)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.commit().map_err(failed)?;
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

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use crate::Ledger;

    #[test]
    fn a_ledger_is_durable_and_bounded_as_its_file_was_set_up() {
        let dir = tempfile::tempdir().unwrap();
        let pragma = |ledger: &Ledger, name: &str| -> String {
            let value = |row: &rusqlite::Row<'_>| {
                Ok(match row.get(0)? {
                    Value::Text(text) => text,
                    other => format!("{other:?}"),
                })
            };
            ledger.read("test", |connection| connection.pragma_query_value(None, name, value)).unwrap()
        };
        // The second time the file exists.
        for _ in 0..2 {
            let ledger = Ledger::open(dir.path()).unwrap();
            for (name, value) in [
                ("synchronous", "Integer(2)"),
                ("journal_mode", "wal"),
                ("foreign_keys", "Integer(1)"),
                ("auto_vacuum", "Integer(2)"),
                ("journal_size_limit", "Integer(33554432)"),
                ("wal_autocheckpoint", "Integer(4096)"),
                ("recursive_triggers", "Integer(1)"),
            ] {
                assert_eq!(pragma(&ledger, name), value, "{name}");
            }
        }
    }
}
