//! Gives room in the file back to the disk.

use rusqlite::Connection;

use crate::{Ledger, LedgerError};

/// Pages freed in one change, so that nothing waits for long.
const PAGES: i64 = 256;

impl Ledger {
    /// Frees unused pages of the file, a few in each change, and empties the write-ahead log into it. Returns the bytes
    /// by which the file is smaller. A file that an earlier version made is written again as a whole, once, which needs
    /// room for a second one.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the file cannot be written. What was freed before stays free.
    pub fn compact(&self) -> Result<u64, LedgerError> {
        let number = |connection: &Connection, pragma: &str| {
            connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
        };
        let (before, incremental, size) = self.read("compact", |connection| {
            let (pages, mode) = (number(connection, "page_count")?, number(connection, "auto_vacuum")?);
            Ok((pages, mode == 2, number(connection, "page_size")?))
        })?;
        if !incremental {
            self.read("compact", |connection| connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM"))?;
        }
        while self.read("compact", |connection| {
            let free = number(connection, "freelist_count")?;
            let mut step = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            let mut rows = step.query(())?;
            while rows.next()?.is_some() {}
            Ok(free > PAGES)
        })? {}
        let after = self.read("compact", |connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
            number(connection, "page_count")
        })?;
        Ok(((before - after).max(0) * size).cast_unsigned())
    }
}
