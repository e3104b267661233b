//! The sum of the events that have shrunk, and what their records are known by.

use chrono::NaiveDateTime;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest as _, Sha256};

use super::stored::wall_clock;
use crate::{Ledger, LedgerError};

/// The name of the setting that sums the shrunk events up.
const NAME: &str = "shrunk";

/// Events that have shrunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShrunkEvents {
    /// Their number.
    pub events: u64,
    /// The latest of their times, by their terminals' clocks.
    pub latest: NaiveDateTime,
    /// The highest of the numbers that they had.
    pub(crate) through: i64,
}

impl Ledger {
    /// Returns the events that have shrunk; `None` if there are none.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn shrunk(&self) -> Result<Option<ShrunkEvents>, LedgerError> {
        self.read("look up shrunk events", shrunk)
    }
}

/// Returns the events that have shrunk.
pub(super) fn shrunk(connection: &Connection) -> rusqlite::Result<Option<ShrunkEvents>> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
        .query_row([NAME], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| {
        let mut numbers = text.split(' ').map(|word| word.parse::<i64>().ok());
        let mut number = || numbers.next().flatten();
        let (events, through, latest) = (number()?, number()?, number()?);
        Some(ShrunkEvents { events: events.cast_unsigned(), through, latest: wall_clock(latest) })
    }))
}

/// Keeps the sum.
pub(super) fn set_shrunk(connection: &Connection, sum: &ShrunkEvents) -> rusqlite::Result<()> {
    let text = format!("{} {} {}", sum.events, sum.through, sum.latest.and_utc().timestamp());
    connection
        .prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?
        .execute([NAME, text.as_str()])?;
    Ok(())
}

/// The bytes by which a shrunk event's record is known.
pub(super) fn digest(masked: &[u8]) -> [u8; 8] {
    let mut digest = [0; 8];
    digest.iter_mut().zip(Sha256::digest(masked)).for_each(|(to, from)| *to = from);
    digest
}
