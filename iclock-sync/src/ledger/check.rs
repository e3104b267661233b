//! Whether the file is sound.

use crate::{Ledger, LedgerError};

impl Ledger {
    /// What is wrong with the file, at most a hundred lines; empty when it is sound. Reads all of it.
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
