//! Stamps: how far a terminal has sent a table, in its own words.

use crate::ledger::Transaction;

/// The stamp of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The table, in the spelling in which it is asked for.
    pub(crate) table: String,
    /// The terminal's word, as it came.
    pub(crate) value: Vec<u8>,
}

/// Keeps the stamp of a terminal.
pub(crate) fn save_stamp(transaction: &Transaction<'_>, serial: &str, stamp: &Stamp) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO push_stamps (serial, log, stamp) VALUES (?1, ?2, ?3)")?
        .execute((serial, &stamp.table, &stamp.value))?;
    Ok(())
}
