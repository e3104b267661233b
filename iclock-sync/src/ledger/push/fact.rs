//! What a terminal told of itself.

use std::collections::BTreeMap;

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Returns what a terminal has told of itself: versions, functions, and the numbers that it can hold, by the names
    /// of the protocol.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn push_facts(&self, serial: &str) -> Result<BTreeMap<String, String>, LedgerError> {
        self.read("look up what a terminal told", |connection| {
            connection
                .prepare("SELECT name, value FROM push_facts WHERE serial = ?1")?
                .query_map([serial], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Keeps what a terminal has told. What it does not tell again stays.
    pub(crate) fn save_push_facts(&self, serial: &str, facts: &[(&str, String)]) -> Result<(), LedgerError> {
        self.write("keep what a terminal told", |transaction| {
            let mut save = transaction
                .prepare_cached("INSERT OR REPLACE INTO push_facts (serial, name, value) VALUES (?1, ?2, ?3)")?;
            facts.iter().try_for_each(|(name, value)| save.execute((serial, name, value)).map(drop))
        })
    }
}
