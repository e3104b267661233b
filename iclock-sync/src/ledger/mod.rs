//! The ledger: what was read, and what reached which sink. One SQLite file, durable before anything is sent.
//!
//! Everything here blocks; the engine calls it on blocking threads. One process writes, and holds a lock of the
//! operating system. Any number may read meanwhile.

mod admission;
mod audited;
mod ballast;
mod budgets;
mod change;
mod check;
mod compact;
mod copy;
mod delivery;
mod ends;
mod events;
mod fates;
mod forget_sink;
mod forgotten;
mod gaps;
mod id_scheme;
mod imported;
mod kept;
mod known;
mod limit;
mod lock;
mod news;
mod numbered;
mod overview;
mod people;
mod people_sent;
mod person;
mod polls;
mod push;
mod quarantine;
mod query;
mod read;
mod readings;
mod replay;
mod retention;
mod runs;
mod salvage;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
mod settings;
mod shrunk;
mod sinks;
mod stock;
mod stored;
mod terminals;
mod unproven;
mod waiting;
mod window;

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tokio::sync::watch;

pub(crate) use admission::Admission;
pub(crate) use change::Transaction;
pub use copy::{Exported, export, import};
pub(crate) use delivery::{Settled, Unsent};
pub use ends::{BadEnd, BadEnds};
pub use events::Events;
pub(crate) use events::{Entry, EventReader, NewEvent, latest_times};
pub(crate) use fates::Fate;
pub use fates::Fates;
pub(crate) use forgotten::ForgottenPeople;
pub(crate) use id_scheme::ChangedIds;
pub(crate) use kept::KeptRecords;
pub(crate) use known::{KnownPunches, NO_NUMBER};
pub use news::Commits;
pub(crate) use news::News;
pub use numbered::{NumberedEvent, NumberedPage, PageOrder};
pub use overview::{Overview, SinkOverview, TerminalOverview};
pub(crate) use people::NamedPerson;
pub use people::Names;
pub(crate) use people_sent::DueName;
pub use person::AtSink;
pub(crate) use person::Removal;
pub(crate) use polls::{Poll, PollId};
#[cfg(feature = "push")]
pub use push::{MOST_OPEN, MOST_PENDING, PushAdmission, PushCall, PushCommand, PushGap, PushState};
#[cfg(feature = "push")]
pub(crate) use push::{NewGap, PushKey, PushLine, PushMemory};
pub(crate) use push::{Stamp, save_stamp};
pub(crate) use quarantine::{NewRejection, ReadSpan, Refusal};
pub use quarantine::{QuarantineFilter, QuarantineSize, QuarantinedRecord, Resolve};
pub use query::{Cursor, Day, Filter, NotACursor, Page, Person};
pub use readings::Reading;
pub(crate) use retention::Shrinking;
pub use runs::PastRun;
pub use salvage::{Salvaged, salvage};
pub use schema::FORMAT;
pub use shrunk::ShrunkEvents;
pub(crate) use sinks::SinkState;
pub(crate) use stock::StockEvent;
pub(crate) use terminals::save as save_terminal;
pub use terminals::{Accepted, ConfirmedRecords, Learned, TerminalState};
pub(crate) use unproven::{PART, mark_accepted};
pub use unproven::{UnprovenBuffer, UnprovenEvidence, UnprovenKind};
pub(crate) use waiting::{
    Resolution, WaitingRecord, any_waiting, forget_counts_before, resolve_read_again, vacant_slots_counted,
    waits_for_an_owner, was_dealt_with,
};

use crate::crash::Crashes;
use crate::{LedgerError, private};

/// The ledger's file in the state directory.
const FILE: &str = "ledger.sqlite";

/// The ledger's file in a state directory, or one of SQLite's next to it, by the end of its name.
pub(crate) fn file(state_dir: &Path, end: &str) -> PathBuf {
    state_dir.join(format!("{FILE}{end}"))
}

/// The ledger of one state directory.
#[derive(Debug)]
pub struct Ledger {
    writer: change::Writer,
    dir: PathBuf,
    crashes: Crashes,
    /// Only of a ledger that may write.
    ballast: Option<ballast::Ballast>,
    /// Only of one that answers questions of others.
    limit: Option<limit::Limit>,
    /// Held as long as the ledger, where it may write.
    _lock: Option<lock::WriterLock>,
}

impl Ledger {
    /// Opens the ledger to write. Makes it and its directory if there is none, and brings an older one up to date.
    ///
    /// # Errors
    /// [`LedgerError::Held`] while another process writes; [`LedgerError::Damaged`] and [`LedgerError::TooNew`] without
    /// changing the file; else the error of the file system or of SQLite.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        private::create_dir_all(dir).map_err(|source| LedgerError::Io { path: dir.to_owned(), source })?;
        let lock = lock::WriterLock::take(dir)?;
        let path = dir.join(FILE);
        let connection = match connect(&path) {
            // What waits can still go out.
            Err(error) if error.is_full() && ballast::remove(dir) => connect(&path),
            outcome => outcome,
        }?;
        unproven::sweep(dir);
        Ok(Self::new(connection, dir, Some(lock)))
    }

    /// Opens an existing ledger to read only; `None` if there is none. It sees the commits of a service that starts
    /// later, and leaves no file changed or added. A ledger of an older version is brought up to date in a throw-away
    /// copy.
    ///
    /// # Errors
    /// As [`Ledger::open`], but never [`LedgerError::Held`].
    pub fn open_read_only(dir: &Path) -> Result<Option<Self>, LedgerError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let connection = read::open(dir, &path)?;
        Ok(Some(Self::new(connection, dir, None)))
    }

    /// Returns the number of the process that writes the ledger of a state directory, if one does and it is known.
    #[must_use]
    pub fn writing_process(dir: &Path) -> Option<u32> {
        lock::holder(dir)
    }

    /// Makes a throw-away copy of the ledger in `dir`, or an empty ledger, for a dry run. It is in no directory and
    /// ends with the value.
    ///
    /// # Errors
    /// As [`Ledger::open_read_only`].
    pub(crate) fn scratch(dir: &Path) -> Result<Self, LedgerError> {
        let mut connection = match Self::open_read_only(dir)? {
            Some(original) => original.writer.read(read::copy)?,
            None => read::empty()?,
        };
        schema::migrate(&mut connection, &dir.join(FILE))?;
        Ok(Self::new(connection, dir, None))
    }

    /// Makes an empty throw-away ledger. It is in no directory and ends with the value.
    ///
    /// # Errors
    /// [`LedgerError::Database`] if there is no room for it.
    pub(crate) fn empty() -> Result<Self, LedgerError> {
        let mut connection = read::empty()?;
        schema::migrate(&mut connection, Path::new(""))?;
        Ok(Self::new(connection, Path::new(""), None))
    }

    /// Opens a second connection. It reads what the writer has committed, without waiting for it.
    pub(crate) fn reader(&self) -> Result<Self, LedgerError> {
        let path = self.dir.join(FILE);
        let connection = read::open_uri(&path, "mode=ro").map_err(|error| schema::opening(&path, error))?;
        // It goes through events once, in order, so that no page is worth keeping. Negative: the unit is KiB.
        connection.pragma_update(None, "cache_size", -256).map_err(|error| schema::opening(&path, error))?;
        Ok(Self::new(connection, &self.dir, None).with_crashes(self.crashes.clone()))
    }

    fn new(connection: Connection, dir: &Path, lock: Option<lock::WriterLock>) -> Self {
        Self {
            writer: change::Writer::new(connection),
            dir: dir.to_owned(),
            crashes: Crashes::default(),
            ballast: lock.is_some().then(|| ballast::Ballast::new(dir)),
            limit: None,
            _lock: lock,
        }
    }

    /// Makes the commits crash points.
    pub(crate) fn with_crashes(mut self, crashes: Crashes) -> Self {
        self.crashes = crashes;
        self
    }

    /// The crash points of what is written next to the ledger.
    pub(crate) fn crashes(&self) -> &Crashes {
        &self.crashes
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes one durable change: all of it or nothing. Changes that come together share a commit.
    pub(crate) fn write<T>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let Ok(value) = self.try_write(action, |transaction| Ok(Ok::<_, Infallible>(change(transaction)?)))?;
        Ok(value)
    }

    /// Makes one durable change that may fail for a reason of its own; then nothing is changed.
    pub(crate) fn try_write<T, E>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<Result<T, E>, LedgerError> {
        let whole = |transaction: &Transaction<'_>| {
            let outcome = change(transaction)?;
            if outcome.is_ok() {
                self.crashes.before_commit(action);
            }
            Ok(outcome)
        };
        let outcome = self.writer.change(whole).map_err(sqlite(action))?;
        if outcome.is_ok() {
            self.crashes.after_commit(action);
        }
        Ok(outcome)
    }

    /// Makes one durable change that no other shares, and that does not check references: to look for those to a row
    /// that is deleted would read whole tables. The change itself removes them.
    pub(crate) fn alone<T>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let change = |connection: &Connection| {
            connection.execute_batch("PRAGMA foreign_keys = OFF")?;
            let outcome = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
                let value = change(connection)?;
                self.crashes.before_commit(action);
                connection.execute_batch("COMMIT")?;
                Ok(value)
            });
            if outcome.is_err() && !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            connection.execute_batch("PRAGMA foreign_keys = ON")?;
            outcome
        };
        let value = self.read(action, change)?;
        self.crashes.after_commit(action);
        Ok(value)
    }

    /// Reads what is durable.
    pub(crate) fn read<T>(
        &self,
        action: &'static str,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let _running = self.limit.as_ref().map(limit::Limit::begin);
        self.writer.read(question).map_err(sqlite(action))
    }

    /// The number of the last durable event, and its changes: commits with new events wake those who wait for it.
    pub(crate) fn durable(&self) -> watch::Receiver<i64> {
        self.writer.durable()
    }
}

/// Opens the file for the one writer, makes it if it is missing, and brings it to this version's schema.
fn connect(path: &Path) -> Result<Connection, LedgerError> {
    // SQLite gives its other files the rights of this one.
    private::options()
        .truncate(false)
        .open(path)
        .and_then(|_| private::protect(path))
        .map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
    let mut connection = Connection::open(path).map_err(|error| schema::opening(path, error))?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

fn sqlite(action: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Database { action, source: source.into() }
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
