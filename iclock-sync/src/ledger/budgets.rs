//! The daily budget of writes that each sink has used up, kept when the process ends.

use attendance_model::Spent;
use rusqlite::OptionalExtension;

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Returns the writes of a sink on the last day on which it wrote.
    pub(crate) fn spent(&self, sink: i64) -> Result<Option<Spent>, LedgerError> {
        self.read("read a daily budget", |connection| {
            let mut statement = connection.prepare_cached("SELECT day, writes FROM budgets WHERE sink = ?1")?;
            let found: Option<(String, i64)> =
                statement.query_row([sink], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            Ok(found
                .and_then(|(day, writes)| Some(Spent { day: day.parse().ok()?, writes: u64::try_from(writes).ok()? })))
        })
    }

    /// Saves the writes of a sink.
    pub(crate) fn keep_spent(&self, sink: i64, spent: Spent) -> Result<(), LedgerError> {
        self.record("keep a daily budget", |transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO budgets (sink, day, writes) VALUES (?1, ?2, ?3)")?
                .execute((sink, spent.day.to_string(), i64::try_from(spent.writes).unwrap_or(i64::MAX)))
                .map(|_| ())
        })
    }
}
