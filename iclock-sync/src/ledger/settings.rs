//! The engine's memory of itself, by name.

use rusqlite::OptionalExtension;

use super::Transaction;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Returns the value that was kept under a name.
    pub(crate) fn setting(&self, name: &str) -> Result<Option<String>, LedgerError> {
        self.read("look up a setting", |connection| {
            connection
                .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()
        })
    }

    /// Keeps a value under a name, or forgets it.
    pub(crate) fn keep_setting(&self, name: &str, value: Option<&str>) -> Result<(), LedgerError> {
        self.write("keep a setting", |transaction| match value {
            Some(value) => Self::set(transaction, name, value),
            None => Self::forget(transaction, name),
        })
    }

    /// Forgets what was kept under a name.
    pub(crate) fn forget(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
        transaction.prepare_cached("DELETE FROM settings WHERE name = ?1")?.execute([name])?;
        Ok(())
    }

    /// Keeps a value under a name.
    pub(crate) fn set(transaction: &Transaction<'_>, name: &str, value: &str) -> rusqlite::Result<()> {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?
            .execute([name, value])?;
        Ok(())
    }
}
