//! The removal of a sink that is used no more.

use rusqlite::OptionalExtension as _;

use super::replay::lost_name;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Removes everything that the ledger has about a target: how far it was served, what waits for it, and what it
    /// refused. Returns false if it has nothing. Events and the target itself stay as they are. A sink with this target
    /// is a new one afterwards, and is sent all events.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when it cannot be saved; then nothing changes.
    pub fn forget_sink(&self, target: &str) -> Result<bool, LedgerError> {
        self.write("forget a sink", |transaction| {
            let id: Option<i64> = transaction
                .prepare_cached("SELECT id FROM sinks WHERE target = ?1")?
                .query_row([target], |row| row.get(0))
                .optional()?;
            let Some(id) = id else { return Ok(false) };
            // The counts come after what they count, because a trigger keeps them.
            for table in ["exceptions", "exception_counts", "imported", "budgets", "people_sent"] {
                transaction.execute(&format!("DELETE FROM {table} WHERE sink = ?1"), [id])?;
            }
            // Another sink may get the number.
            Self::forget(transaction, &lost_name(id))?;
            transaction.execute("DELETE FROM sinks WHERE id = ?1", [id])?;
            Ok(true)
        })
    }
}
