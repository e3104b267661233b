//! The check of the file.

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Reads the whole file and returns its faults, at most a hundred lines; none if it is sound.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when it cannot be read at all.
    pub fn check(&self) -> Result<Vec<String>, LedgerError> {
        self.read("check", |connection| {
            let mut lines = connection
                .prepare("PRAGMA integrity_check(100)")?
                .query_map((), |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            lines.retain(|line| line != "ok");
            Ok(lines)
        })
    }
}
