//! The tables, and the steps that bring an older file up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::LedgerError;

/// The time for which a connection waits for another to finish a commit.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One step for each version. A released step never changes.
const MIGRATIONS: [&str; 16] = [
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
    include_str!("schema/15.sql"),
    include_str!("schema/16.sql"),
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
        _ => LedgerError::Open { path: path.to_owned(), source: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rusqlite::Connection;
    use rusqlite::types::Value;

    use super::KNOWN;
    use crate::Ledger;
    use crate::ledger::FILE;
    use crate::ledger::sample::enter;

    fn pragma(ledger: &Ledger, name: &str) -> String {
        let value = |row: &rusqlite::Row<'_>| {
            Ok(match row.get(0)? {
                Value::Text(text) => text,
                other => format!("{other:?}"),
            })
        };
        ledger.read("test", |connection| connection.pragma_query_value(None, name, value)).unwrap()
    }

    #[test]
    fn a_ledger_is_durable_and_bounded_as_its_file_was_set_up() {
        let dir = tempfile::tempdir().unwrap();
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

    /// The files of a ledger at one instant, by the ends of their names.
    type Files<'a> = [(&'a str, &'a [u8])];

    /// A process can start where another was killed that left these files.
    fn goes_on_from(files: &Files<'_>, what: &str) {
        let dir = tempfile::tempdir().unwrap();
        for (end, bytes) in files {
            fs::write(dir.path().join(format!("{FILE}{end}")), bytes).unwrap();
        }
        for events in [0, 3] {
            let ledger = Ledger::open(dir.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(ledger.event_count().unwrap(), events, "{what}");
            assert_eq!(pragma(&ledger, "user_version"), format!("Integer({KNOWN})"), "{what}");
            assert_eq!(pragma(&ledger, "auto_vacuum"), "Integer(2)", "{what}");
            assert_eq!(ledger.check().unwrap(), Vec::<String>::new(), "{what}");
            enter(&ledger, 3);
        }
    }

    /// The journal of a change of a file with this content, as it is once it is synced: only then the file is changed.
    fn journal_of(dir: &Path, before: &[u8]) -> Vec<u8> {
        fs::write(dir.join("amid"), before).unwrap();
        let connection = Connection::open(dir.join("amid")).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE; PRAGMA user_version = 1").unwrap();
        let mut journal = fs::read(dir.join("amid-journal")).unwrap();
        let pages = u8::from(!before.is_empty());
        journal[..12].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, pages]);
        journal
    }

    #[test]
    fn a_process_that_is_killed_while_it_makes_a_ledger_leaves_files_from_which_the_next_goes_on() {
        const HEAD: usize = 32;
        const FRAME: usize = 24 + 4_096;
        let dir = tempfile::tempdir().unwrap();
        let made = Ledger::open(dir.path()).unwrap();
        // As long as it is open, its log is not moved into the file.
        let [file, log] = ["", "-wal"].map(|end| fs::read(dir.path().join(format!("{FILE}{end}"))).unwrap());
        drop(made);
        Connection::open(dir.path().join("page")).unwrap().execute_batch("PRAGMA auto_vacuum = INCREMENTAL").unwrap();
        let page = fs::read(dir.path().join("page")).unwrap();
        // The file gets its first page, and that page then says that there is a log.
        goes_on_from(&[("", &[])], "an empty file");
        for (before, after) in [(&[] as &[u8], &page), (&page, &file)] {
            let journal = journal_of(dir.path(), before);
            for cut in [0, 1, 512, 2_048, after.len()] {
                let bytes = [&after[..cut], before.get(cut..).unwrap_or_default()].concat();
                goes_on_from(&[("", &bytes), ("-journal", &journal)], &format!("{cut} bytes of the first page"));
            }
            goes_on_from(&[("", after)], "the first page");
        }
        let frames = (log.len() - HEAD) / FRAME;
        assert!(frames > 10, "{frames} frames");
        let is_commit = |frame: &usize| log[HEAD + frame * FRAME..][4..8] != [0; 4];
        assert_eq!((0..frames).filter(is_commit).collect::<Vec<_>>(), [frames - 1], "it is one change");
        let mut cuts = vec![0, 1, HEAD - 1];
        cuts.extend((0..=frames).map(|frame| HEAD + frame * FRAME));
        cuts.extend((0..frames).step_by(9).flat_map(|frame| [30, FRAME / 2].map(|more| HEAD + frame * FRAME + more)));
        for cut in cuts {
            goes_on_from(&[("", &file), ("-wal", &log[..cut])], &format!("{cut} bytes of the log"));
        }
    }
}
