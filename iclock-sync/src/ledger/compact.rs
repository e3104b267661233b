//! Gives room in the file back to the disk.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::read::open_uri;
use super::schema::{BUSY_TIMEOUT, opening};
use super::{FILE, sqlite};
use crate::{Ledger, LedgerError};

/// Pages freed in one change, so that nothing waits for long.
const PAGES: u32 = 256;

impl Ledger {
    /// Frees unused pages of the file, a few in each change, and empties the write-ahead log into it. Returns the bytes
    /// by which the file is smaller. A file that an earlier version made is written again as a whole, once, which needs
    /// room for a second one.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the file cannot be written. What was freed before stays free.
    pub fn compact(&self) -> Result<u64, LedgerError> {
        let (before, incremental, size) = self.read("compact", |connection| {
            let (pages, mode) = (number(connection, "page_count")?, number(connection, "auto_vacuum")?);
            Ok((pages, mode == 2, number(connection, "page_size")?))
        })?;
        if !incremental {
            self.read("compact", |connection| connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM"))?;
        }
        while self.free_pages(PAGES)? {}
        let after = self.read("compact", |connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
            number(connection, "page_count")
        })?;
        Ok(((before - after).max(0) * size).cast_unsigned())
    }

    /// Frees a few unused pages of a file that can be compacted in steps. Returns true if more are unused.
    pub(crate) fn free_pages(&self, most: u32) -> Result<bool, LedgerError> {
        self.read("compact", |connection| {
            let free = number(connection, "freelist_count")?;
            let mut step = connection.prepare(&format!("PRAGMA incremental_vacuum({most})"))?;
            let mut rows = step.query(())?;
            while rows.next()?.is_some() {}
            Ok(free > i64::from(most) && number(connection, "freelist_count")? < free)
        })
    }

    /// Counts the unused pages, and all pages.
    pub(crate) fn pages(&self) -> Result<(u64, u64), LedgerError> {
        self.read("compact", |connection| {
            let (free, all) = (number(connection, "freelist_count")?, number(connection, "page_count")?);
            Ok((free.cast_unsigned(), all.cast_unsigned()))
        })
    }

    /// Moves what the write-ahead log has into the file, next to the writer. Empties a log that is longer than
    /// `longest` bytes, unless somebody still reads from it; then a later call does.
    pub(crate) fn checkpoint(&self, longest: u64) -> Result<(), LedgerError> {
        let path = self.dir().join(FILE);
        let opened = open_uri(&path, "mode=rw").map_err(|error| opening(&path, error))?;
        let moved = opened
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?))
            .map_err(sqlite("checkpoint"))?;
        let length = fs::metadata(self.dir().join(format!("{FILE}-wal"))).map_or(0, |log| log.len());
        if !moved || length <= longest {
            return Ok(());
        }
        self.read("checkpoint", |connection| {
            // Nobody waits for a reader.
            connection.busy_timeout(Duration::ZERO)?;
            let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
            connection.busy_timeout(BUSY_TIMEOUT)?;
            emptied
        })
    }
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_a_reader_made_long_is_emptied_once_the_reader_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let reader = open_uri(&dir.path().join(FILE), "mode=ro").unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM settings;").unwrap();
        for n in 0..40 {
            ledger.keep_setting(&n.to_string(), Some(&"x".repeat(20_000))).unwrap();
        }
        let log = || fs::metadata(dir.path().join(format!("{FILE}-wal"))).unwrap().len();
        let long = log();
        assert!(long > 800_000, "{long}");
        ledger.checkpoint(100_000).unwrap();
        assert_eq!(log(), long, "it is still read");
        drop(reader);
        ledger.checkpoint(long).unwrap();
        assert_eq!(log(), long, "it is not too long");
        ledger.checkpoint(100_000).unwrap();
        assert_eq!((log(), ledger.setting("39").unwrap().unwrap().len()), (0, 20_000));
    }
}
