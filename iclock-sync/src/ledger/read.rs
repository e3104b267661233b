//! Connections that only read.

use std::fs;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{FILE, schema, sqlite};
use crate::LedgerError;

/// Attempts to copy a file that is never at rest.
const TRIES: usize = 3;

/// Opens a connection that reads the ledger of `dir`: the file itself, or a copy if the file cannot be read as it is.
pub(super) fn open(dir: &Path, path: &Path) -> Result<Connection, LedgerError> {
    let opened =
        connect(dir, path).and_then(|connection| Ok((schema::readable_version(&connection, path)?, connection)));
    let (version, connection) = match opened {
        Ok(opened) => opened,
        Err(error) if needs_files(&error) => {
            let copy = copy_at_rest(dir, path)?;
            (schema::readable_version(&copy, path)?, copy)
        }
        Err(error) => return Err(error),
    };
    if version == schema::KNOWN {
        return Ok(connection);
    }
    // The questions are those of this version's tables.
    let mut copy = copy(&connection)?;
    schema::migrate(&mut copy, path)?;
    Ok(copy)
}

/// Opens the file. Next to a writer, SQLite's own files exist, and are read. Otherwise SQLite makes them, because a
/// writer may come; a connection that may write removes them when it is closed.
fn connect(dir: &Path, path: &Path) -> Result<Connection, LedgerError> {
    let parameters = if has_log(dir) { "mode=ro" } else { "mode=rw" };
    let connection = open_uri(path, parameters).map_err(|error| schema::opening(path, error))?;
    connection.pragma_update(None, "query_only", true).map_err(|error| schema::opening(path, error))?;
    Ok(connection)
}

/// Returns true if it failed because those files can neither be found nor made.
fn needs_files(error: &LedgerError) -> bool {
    matches!(error.code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Copies a file next to which nothing can be made. Without a write-ahead log nobody writes, and the file is complete.
/// If a writer begins meanwhile, it is copied again.
fn copy_at_rest(dir: &Path, path: &Path) -> Result<Connection, LedgerError> {
    let changed = || fs::metadata(path).and_then(|meta| Ok((meta.len(), meta.modified()?))).ok();
    let mut before = changed();
    for _ in 0..TRIES {
        let original = open_uri(path, "mode=ro&immutable=1").map_err(|error| schema::opening(path, error))?;
        let copied = copy(&original)?;
        let after = changed();
        if !has_log(dir) && before == after {
            return Ok(copied);
        }
        before = after;
    }
    Err(LedgerError::Io { path: path.to_owned(), source: std::io::ErrorKind::ResourceBusy.into() })
}

fn has_log(dir: &Path) -> bool {
    dir.join(format!("{FILE}-wal")).exists()
}

/// Makes an empty database. SQLite keeps it in memory up to the cache's size, then in a file that is in no directory.
pub(super) fn empty() -> Result<Connection, LedgerError> {
    Connection::open("").map_err(sqlite("make a scratch copy"))
}

/// Makes a throw-away copy in one step: with several, each commit of a writer would restart it.
pub(super) fn copy(original: &Connection) -> Result<Connection, LedgerError> {
    let mut copy = empty()?;
    let stepped = Backup::new(original, &mut copy).and_then(|backup| backup.step(-1)).map_err(sqlite("copy"))?;
    match stepped {
        StepResult::Done => Ok(copy),
        _ => Err(LedgerError::Database { action: "copy", source: busy().into() }),
    }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

pub(super) fn open_uri(path: &Path, parameters: &str) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    // Windows: SQLite wants file:/C:/x, with forward slashes.
    let text = path.to_string_lossy().replace('\\', if cfg!(windows) { "/" } else { "\\" });
    if cfg!(windows) && path.is_absolute() {
        uri.push('/');
    }
    for character in text.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    // The parameters say whether it is opened to read or to write.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("{uri}?{parameters}"), flags)?;
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::Ledger;

    #[test]
    fn a_file_next_to_which_nothing_can_be_made_is_read_from_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        Ledger::open(dir.path()).unwrap().import_ids("memory:db", "db", []).unwrap();
        let path = dir.path().join(FILE);
        let copied = copy_at_rest(dir.path(), &path).unwrap();
        // The copy needs no file, and the file is not touched.
        fs::remove_file(&path).unwrap();
        let sinks: i64 = copied.query_row("SELECT count(*) FROM sinks", (), |row| row.get(0)).unwrap();
        assert_eq!((sinks, schema::readable_version(&copied, &path).unwrap()), (1, schema::KNOWN));
    }

    /// SQLite begins a copy in several steps again after each commit. With a writer that commits all the time, it would
    /// never end.
    #[test]
    fn a_dry_run_next_to_a_busy_writer_copies_the_ledger_once() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = |n: u64| attendance_model::EventId::from_bytes(u128::from(n).to_be_bytes());
        ledger.import_ids("memory:db", "db", (0..50_000).map(id)).unwrap();
        let (over, commits) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let next = commits.fetch_add(1, Ordering::SeqCst);
                    ledger.import_ids("memory:db", "db", [id(50_000 + next)]).unwrap();
                }
            });
            let began = commits.load(Ordering::SeqCst);
            let copied = Ledger::scratch(dir.path()).unwrap().imported_ids("memory:db").unwrap();
            let during = commits.load(Ordering::SeqCst);
            over.store(true, Ordering::SeqCst);
            // The state of one moment.
            assert!(
                (50_000 + began.saturating_sub(1)..=50_000 + during).contains(&copied),
                "{began} {copied} {during}"
            );
        });
    }

    #[test]
    fn a_file_that_somebody_writes_is_not_copied_as_if_it_were_at_rest() {
        let dir = tempfile::tempdir().unwrap();
        let _writer = Ledger::open(dir.path()).unwrap();
        assert!(matches!(copy_at_rest(dir.path(), &dir.path().join(FILE)), Err(LedgerError::Io { .. })));
    }
}
