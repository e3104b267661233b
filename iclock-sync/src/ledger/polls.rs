//! The polls: each reading of a terminal that brought punches.

use attendance_model::Source;
use chrono_tz::Tz;

use super::terminals;

use super::Transaction;

/// One poll of one terminal: everything that its events have in common.
#[derive(Clone, Debug)]
pub(crate) struct Poll {
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) serial: String,
    /// Its configured name.
    pub(crate) device_name: String,
    /// Its zone.
    pub(crate) zone: Option<Tz>,
    /// Its clock's drift, in milliseconds.
    pub(crate) drift_ms: Option<i64>,
    /// Its clock less UTC, in seconds; `None` in a poll that was read back from the ledger.
    pub(crate) clock_offset: Option<i64>,
    /// The layout of its records, as the ledger remembers it.
    pub(crate) layout: Option<String>,
    /// The way in which the events came.
    pub(crate) source: Source,
    /// The time, in seconds since 1970 (UTC).
    pub(crate) read_at: i64,
}

/// A poll that has been entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollId {
    /// The number of the poll.
    pub(crate) poll: i64,
    /// The number of its terminal.
    pub(crate) terminal: i64,
}

impl Poll {
    /// Enters the poll. Each of its events has its number.
    pub(crate) fn insert(&self, transaction: &Transaction<'_>) -> rusqlite::Result<PollId> {
        let terminal = terminals::id_of(transaction, &self.serial, &self.device_name)?;
        let poll = transaction
            .prepare_cached(
                "INSERT INTO readings (terminal, device_name, zone, drift_ms, clock_offset, source, read_at, layout)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
            )?
            .query_row(
                (
                    terminal,
                    &self.device_name,
                    self.zone.map(Tz::name),
                    self.drift_ms,
                    self.clock_offset,
                    self.source.as_str(),
                    self.read_at,
                    &self.layout,
                ),
                |row| row.get(0),
            )?;
        Ok(PollId { poll, terminal })
    }
}
