//! What was seen and what reached which sink: one SQLite file, durable before anything is sent.
//!
//! Everything here blocks; the engine calls it on blocking threads. One process writes (an OS lock says which), any number
//! may read meanwhile.

mod admission;
mod budgets;
mod check;
mod delivery;
mod events;
mod imported;
mod known;
mod lock;
mod quarantine;
mod runs;
mod schema;
mod settings;
mod terminals;
mod waiting;
mod window;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub(crate) use admission::Admission;
pub(crate) use delivery::{Settled, SinkState, Unsent};
pub use events::Events;
pub(crate) use events::{Entry, EventReader, NewEvent, Reading};
pub(crate) use known::KnownPunches;
pub(crate) use quarantine::{NewRejection, ReadSpan};
pub use quarantine::{QuarantineFilter, QuarantinedRecord, UnprovenBuffer};
pub use runs::PastRun;
pub(crate) use terminals::save as save_terminal;
pub use terminals::{Learned, TerminalState};
pub(crate) use waiting::{Resolution, WaitingRecord, any_waiting, resolve_read_again};

use crate::LedgerError;

/// The ledger's file in the state directory.
const FILE: &str = "ledger.sqlite";

/// The ledger of one state directory.
#[derive(Debug)]
pub struct Ledger {
    connection: Mutex<Connection>,
    dir: PathBuf,
    /// Held as long as the ledger, where it may write.
    _lock: Option<lock::WriterLock>,
}

impl Ledger {
    /// Opens the ledger to write, making it and its directory where there is none, and bringing an older one up to date.
    ///
    /// # Errors
    /// [`LedgerError::Held`] while another process writes; [`LedgerError::Damaged`] and [`LedgerError::TooNew`] without
    /// changing the file; else what the file system or SQLite said.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        fs::create_dir_all(dir).map_err(|source| LedgerError::Io { path: dir.to_owned(), source })?;
        let lock = lock::WriterLock::take(dir)?;
        let path = dir.join(FILE);
        let mut connection = Connection::open(&path).map_err(|error| schema::opening(&path, error))?;
        schema::migrate(&mut connection, &path)?;
        Ok(Self { connection: Mutex::new(connection), dir: dir.to_owned(), _lock: Some(lock) })
    }

    /// Opens an existing ledger to read only; `None` where there is none. Creates and changes no file while nobody writes.
    ///
    /// # Errors
    /// As [`Ledger::open`], but never [`LedgerError::Held`].
    pub fn open_read_only(dir: &Path) -> Result<Option<Self>, LedgerError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        // A write-ahead log means a writer, or one that was killed: its content counts. Without one the file is all there is,
        // and `immutable` keeps SQLite from making its shared-memory file beside it.
        let live = fs::metadata(dir.join(format!("{FILE}-wal"))).is_ok_and(|wal| wal.len() > 0);
        let connection = open_uri(&path, if live { "mode=ro" } else { "mode=ro&immutable=1" })
            .map_err(|error| schema::opening(&path, error))?;
        schema::require_readable(&connection, &path)?;
        Ok(Some(Self { connection: Mutex::new(connection), dir: dir.to_owned(), _lock: None }))
    }

    /// A throw-away copy of the ledger in `dir`, or an empty one: what a dry run works on. It is in no directory and ends
    /// with the value.
    ///
    /// # Errors
    /// As [`Ledger::open_read_only`].
    pub(crate) fn scratch(dir: &Path) -> Result<Self, LedgerError> {
        // SQLite's name for a private database that it keeps in memory up to the cache's size, then in an unlinked file.
        let mut connection = Connection::open("").map_err(sqlite("make a scratch copy"))?;
        if let Some(original) = Self::open_read_only(dir)? {
            let original = original.lock();
            rusqlite::backup::Backup::new(&original, &mut connection)
                .and_then(|copy| copy.run_to_completion(4096, std::time::Duration::from_millis(5), None))
                .map_err(sqlite("copy"))?;
        }
        schema::migrate(&mut connection, &dir.join(FILE))?;
        Ok(Self { connection: Mutex::new(connection), dir: dir.to_owned(), _lock: None })
    }

    /// A second connection, to read what the writer has committed without waiting for it.
    pub(crate) fn reader(&self) -> Result<Self, LedgerError> {
        let path = self.dir.join(FILE);
        let connection = open_uri(&path, "mode=ro").map_err(|error| schema::opening(&path, error))?;
        // It goes through events once, in their order: no page is worth keeping. KiB, so negative.
        connection.pragma_update(None, "cache_size", -256).map_err(|error| schema::opening(&path, error))?;
        Ok(Self { connection: Mutex::new(connection), dir: self.dir.clone(), _lock: None })
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// One durable change: all of it or nothing.
    pub(crate) fn write<T>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let Ok(value) = self.try_write(action, |transaction| Ok(Ok::<_, Infallible>(change(transaction)?)))?;
        Ok(value)
    }

    /// One durable change that may fail for a reason of its own, and is nothing then.
    pub(crate) fn try_write<T, E>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<Result<T, E>, LedgerError> {
        let mut connection = self.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite(action))?;
        let outcome = change(&transaction).map_err(sqlite(action))?;
        if outcome.is_ok() {
            transaction.commit().map_err(sqlite(action))?;
        }
        Ok(outcome)
    }

    /// A question.
    pub(crate) fn read<T>(
        &self,
        action: &'static str,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        question(&self.lock()).map_err(sqlite(action))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half change behind: the transaction rolled back when it was dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_uri(path: &Path, parameters: &str) -> rusqlite::Result<Connection> {
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
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("{uri}?{parameters}"), flags)?;
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    Ok(connection)
}

fn sqlite(action: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Sqlite { action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_fails_for_a_reason_of_its_own_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let attempt = |serial: &str, outcome: Result<(), &'static str>| {
            let change = |transaction: &Transaction<'_>| {
                transaction.execute("INSERT INTO terminals (serial, name) VALUES (?1, ?1)", [serial])?;
                Ok(outcome)
            };
            ledger.try_write("try", change).unwrap()
        };
        assert_eq!(attempt("A1", Err("unreadable")), Err("unreadable"));
        assert_eq!(attempt("A2", Ok(())), Ok(()));
        let serials: Vec<String> = ledger.terminals().unwrap().into_iter().map(|terminal| terminal.serial).collect();
        assert_eq!(serials, ["A2"]);
    }
}
