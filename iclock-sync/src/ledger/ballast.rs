//! Room on the disk for what has to be recorded even if the disk is full: which events a sink has taken.
//!
//! A file takes the room while it is not needed. Once it was given up, nothing new is read until there is room for it
//! again: otherwise terminals would fill what the sinks need.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Transaction;
use crate::error::is_full;
use crate::{Ledger, LedgerError, private};

/// Enough for the outcomes of a great many events.
const BLOCKS: usize = 64;
const BLOCK: usize = 64 << 10;

/// Attempts to record something while another program holds the ledger.
const TRIES: u32 = 3;

/// The file's name in the state directory.
const NAME: &str = "ballast";

/// Gives the room up that another process took. Returns true if there was any.
pub(super) fn remove(dir: &Path) -> bool {
    fs::remove_file(dir.join(NAME)).is_ok()
}

#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    /// The file is there.
    there: Mutex<bool>,
}

impl Ballast {
    /// Makes the file if there is room.
    pub(super) fn new(dir: &Path) -> Self {
        let ballast = Self { path: dir.join(NAME), there: Mutex::new(false) };
        // The first batch finds out, and tells.
        let _ = ballast.make();
        ballast
    }

    fn make(&self) -> io::Result<()> {
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        if *there {
            return Ok(());
        }
        let made = self.fill();
        if made.is_err() {
            // A part of it helps nobody.
            let _ = fs::remove_file(&self.path);
        }
        *there = made.is_ok();
        made
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = private::options().truncate(false).open(&self.path)?;
        if file.metadata()?.len() < (BLOCKS * BLOCK) as u64 {
            let block = vec![0xA5; BLOCK];
            (0..BLOCKS).try_for_each(|_| file.write_all(&block))?;
        }
        Ok(())
    }

    /// Removes the file. Returns true if that made room.
    fn give_up(&self) -> bool {
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *there) && fs::remove_file(&self.path).is_ok()
    }
}

impl Ledger {
    /// Makes one durable change that must not fail because the disk is full.
    pub(crate) fn record<T>(
        &self,
        action: &'static str,
        change: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut tries = 1;
        loop {
            match self.write(action, &change) {
                Err(error) if error.is_full() && self.ballast.as_ref().is_some_and(Ballast::give_up) => {
                    tracing::warn!("the disk is full: nothing new is read until there is room again");
                }
                Err(error) if error.is_busy() && tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// Checks that new punches may enter.
    ///
    /// # Errors
    /// [`LedgerError::Io`] while the disk is full.
    pub(crate) fn check_room(&self) -> Result<(), LedgerError> {
        let Some(ballast) = &self.ballast else { return Ok(()) };
        match ballast.make() {
            Err(source) if is_full(&source) => Err(LedgerError::Io { path: ballast.path.clone(), source }),
            // It is only a precaution.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rusqlite::ffi;

    use super::*;

    fn fails(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_gives_the_ballast_up_for_what_must_be_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let ballast = dir.path().join("ballast");
        assert_eq!(fs::metadata(&ballast).unwrap().len(), 4 << 20);
        let record = |full: usize| {
            let tries = Cell::new(0);
            let outcome = ledger.record("test", |transaction| {
                tries.set(tries.get() + 1);
                transaction.execute("INSERT INTO settings (name, value) VALUES (?1, '')", [tries.get().to_string()])?;
                if tries.get() <= full { Err(fails(ffi::SQLITE_FULL)) } else { Ok(()) }
            });
            (outcome, tries.get())
        };
        // The second attempt has the room of the file.
        let (outcome, tries) = record(1);
        assert!(outcome.is_ok() && tries == 2 && !ballast.exists());
        // There is no more to give up.
        let (outcome, tries) = record(9);
        assert!(outcome.unwrap_err().is_transient() && tries == 1);
        ledger.check_room().unwrap();
        assert!(ballast.exists(), "there is room again");
        assert_eq!(ledger.setting("2").unwrap().as_deref(), Some(""));
    }

    #[test]
    fn another_program_that_holds_the_ledger_is_waited_for_more_than_once() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        for (busy, expected) in [(2, true), (3, false)] {
            let tries = Cell::new(0);
            let outcome = ledger.record("test", |_| {
                tries.set(tries.get() + 1);
                if tries.get() <= busy { Err(fails(ffi::SQLITE_BUSY)) } else { Ok(()) }
            });
            assert_eq!((outcome.is_ok(), tries.get()), (expected, 3));
        }
        assert!(dir.path().join("ballast").exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_new_enters_while_there_is_no_room_for_the_ballast() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert!(ledger.ballast.as_ref().unwrap().give_up());
        std::os::unix::fs::symlink("/dev/full", dir.path().join("ballast")).unwrap();
        let error = ledger.check_room().unwrap_err();
        assert!(error.is_transient() && error.is_full(), "{error:?}");
        ledger.check_room().unwrap();
    }

    #[test]
    fn an_error_that_stays_is_told_from_one_that_may_pass() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC]
        {
            let error = super::super::sqlite("test")(fails(code));
            assert!(error.is_transient(), "{error:?}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_CONSTRAINT, ffi::SQLITE_ERROR] {
            let error = super::super::sqlite("test")(fails(code));
            assert!(!error.is_transient(), "{error:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let _ledger = Ledger::open(dir.path()).unwrap();
        assert!(!Ledger::open(dir.path()).unwrap_err().is_transient());
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(!Ledger::open(&dir.path().join("file/state")).unwrap_err().is_transient());
    }
}
