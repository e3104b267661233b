//! The readings of a terminal that brought records, as people look at them.

use chrono::{DateTime, Utc};

use super::stored::moment;
use crate::{Ledger, LedgerError};

/// A reading that brought records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// Its number.
    pub id: i64,
    /// The terminal's serial number, or `name:NAME`.
    pub serial: String,
    /// The terminal's configured name at that time.
    pub device_name: String,
    /// The time.
    pub read_at: DateTime<Utc>,
    /// The way: `pull`, `live`, `push`, or `by_hand`.
    pub source: String,
    /// The terminal's clock less the true time, in milliseconds.
    pub drift_ms: Option<i64>,
}

impl Ledger {
    /// Returns the last readings of a terminal that brought records, the last one first, at most `most`, and only those
    /// before the one with the number `before`. The terminal is named by its serial number, or else by its name.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn readings(&self, terminal: &str, before: Option<i64>, most: u32) -> Result<Vec<Reading>, LedgerError> {
        self.read("list readings", |connection| {
            connection
                .prepare_cached(
                    "SELECT r.id, t.serial, r.device_name, r.read_at, r.source, r.drift_ms
                     FROM readings r JOIN terminals t ON t.id = r.terminal
                     WHERE t.id = (SELECT id FROM terminals WHERE serial = ?1 OR name = ?1
                                   ORDER BY serial = ?1 DESC, id DESC LIMIT 1)
                     AND r.id < ?2 ORDER BY r.id DESC LIMIT ?3",
                )?
                .query_map((terminal, before.unwrap_or(i64::MAX), most), |row| {
                    Ok(Reading {
                        id: row.get(0)?,
                        serial: row.get(1)?,
                        device_name: row.get(2)?,
                        read_at: moment(row.get(3)?),
                        source: row.get(4)?,
                        drift_ms: row.get(5)?,
                    })
                })?
                .collect()
        })
    }
}
