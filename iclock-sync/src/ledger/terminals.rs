//! The state of each terminal.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Row, named_params};

use serde::{Deserialize, Serialize};

use super::Transaction;
use crate::{Ledger, LedgerError};

/// The habits that a terminal has shown. They are stored as JSON, so that a new habit needs no new column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Learned {
    /// Undocumented punch states that recur in its log: its function keys are set to them.
    pub states: BTreeSet<u8>,
    /// Undocumented verify modes that recur in its log.
    pub modes: BTreeSet<u8>,
    /// Records that came twice the same although many in a row are bad: they need not come twice again.
    pub confirmed: Option<ConfirmedRecords>,
    /// Optional questions that it did not answer, with the time of the last attempt in seconds since 1970 (UTC).
    pub unanswered: BTreeMap<String, i64>,
    /// The part of its log that a person accepted although it was not proven.
    pub accepted: Option<Accepted>,
    /// The rest that it needs between two sessions, in milliseconds; 0 if it needs none.
    pub session_rest_ms: u64,
    /// It cannot be listened to and read in one session.
    pub live_apart: bool,
}

/// A log that a person accepted although it was not proven. Its damage is known, and no reason to refuse it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accepted {
    /// The epoch of the log.
    pub epoch: u64,
    /// Its records that were accepted, or known before.
    pub records: u64,
    /// The number of the buffer that was accepted.
    pub buffer: i64,
}

/// Records that two readings agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConfirmedRecords {
    /// Their layout.
    pub layout: String,
    /// The first of them, as its place in the terminal's log.
    pub first: u64,
    /// Their number.
    pub records: u64,
    /// A number that tells two readings apart.
    pub digest: u64,
}

/// The state of a terminal, remembered between two polls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerminalState {
    /// The serial number, or `name:NAME`; part of the keys of its events.
    pub serial: String,
    /// The serial number of a terminal that is known as `name:NAME`, because it gave none when it was first read.
    pub alias: Option<String>,
    /// The configured name when it was last read.
    pub name: String,
    /// Counts the full reads of its log: records are numbered within an epoch.
    pub epoch: u64,
    /// Records of this epoch that are known: the cursor.
    pub records: u64,
    /// The last known records, as they were on the wire, for comparison.
    pub overlap: Vec<u8>,
    /// The record layout that was proven.
    pub layout: Option<String>,
    /// The terminal's own count when the cursor was saved, if it was that of the log.
    pub count: Option<u64>,
    /// The time when the log's tail was last read, in seconds since 1970 (UTC).
    pub verified_at: Option<i64>,
    /// Its count differs from its log even if both are read again.
    pub count_unreliable: bool,
    /// The time when it last refused to serve its log from an offset, in seconds since 1970 (UTC).
    pub offsets_refused_at: Option<i64>,
    /// Its checksums are wrong in every session.
    pub bad_checksums: bool,
    /// The habits that it has shown.
    pub learned: Learned,
}

const COLUMNS: &str = "serial, name, epoch, records, overlap, layout, count, verified_at, count_unreliable, \
                       offsets_refused_at, bad_checksums, learned, alias";

impl TerminalState {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            serial: row.get(0)?,
            name: row.get(1)?,
            epoch: row.get::<_, i64>(2)?.cast_unsigned(),
            records: row.get::<_, i64>(3)?.cast_unsigned(),
            overlap: row.get(4)?,
            layout: row.get(5)?,
            count: row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned),
            verified_at: row.get(7)?,
            count_unreliable: row.get(8)?,
            offsets_refused_at: row.get(9)?,
            bad_checksums: row.get(10)?,
            // Habits of a later version that cannot be read are learned again.
            learned: row
                .get::<_, Option<String>>(11)?
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            alias: row.get(12)?,
        })
    }
}

impl Ledger {
    /// Returns every terminal that was ever read, by name.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn terminals(&self) -> Result<Vec<TerminalState>, LedgerError> {
        self.read("list terminals", |connection| {
            connection
                .prepare(&format!("SELECT {COLUMNS} FROM terminals ORDER BY name, id"))?
                .query_map((), TerminalState::from_row)?
                .collect()
        })
    }

    /// Returns the state of the terminal with this serial number (or `name:NAME`).
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn terminal(&self, serial: &str) -> Result<Option<TerminalState>, LedgerError> {
        self.read("look up a terminal", |connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM terminals WHERE serial = ?1"))?
                .query_row([serial], TerminalState::from_row)
                .optional()
        })
    }

    /// Returns the terminal that gives this serial number, or the one of this name if it never gave any.
    pub(crate) fn terminal_that_gives(&self, serial: &str, name: &str) -> Result<Option<TerminalState>, LedgerError> {
        self.read("look up a terminal", |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM terminals
                     WHERE serial = ?1 OR alias = ?1 OR (serial = 'name:' || ?2 AND alias IS NULL)
                     ORDER BY serial = ?1 DESC, alias IS NOT NULL DESC LIMIT 1"
                ))?
                .query_row([serial, name], TerminalState::from_row)
                .optional()
        })
    }

    /// Returns the terminal that was last read under this name.
    pub(crate) fn terminal_of_name(&self, name: &str) -> Result<Option<TerminalState>, LedgerError> {
        self.read("look up a terminal", |connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM terminals WHERE name = ?1 ORDER BY id DESC LIMIT 1"))?
                .query_row([name], TerminalState::from_row)
                .optional()
        })
    }

    /// Returns the serial number by which a terminal of this name was last known; not a `name:NAME`.
    pub(crate) fn serial_of_name(&self, name: &str) -> Result<Option<String>, LedgerError> {
        self.read("look up a terminal", |connection| {
            connection
                .prepare_cached(
                    "SELECT serial FROM terminals WHERE name = ?1 AND serial NOT LIKE 'name:%'
                     ORDER BY id DESC LIMIT 1",
                )?
                .query_row([name], |row| row.get(0))
                .optional()
        })
    }
}

/// Returns the number by which other tables name a terminal. A new terminal is entered.
pub(super) fn id_of(transaction: &Transaction<'_>, serial: &str, name: &str) -> rusqlite::Result<i64> {
    let known: Option<(i64, bool)> = transaction
        .prepare_cached("SELECT id, name = ?2 FROM terminals WHERE serial = ?1")?
        .query_row([serial, name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match known {
        Some((id, true)) => Ok(id),
        Some((id, false)) => {
            transaction.execute("UPDATE terminals SET name = ?2 WHERE id = ?1", (id, name))?;
            Ok(id)
        }
        None => {
            transaction.execute("INSERT INTO terminals (serial, name) VALUES (?1, ?2)", [serial, name])?;
            Ok(transaction.last_insert_rowid())
        }
    }
}

/// Saves the state of a terminal.
pub(crate) fn save(transaction: &Transaction<'_>, state: &TerminalState) -> rusqlite::Result<()> {
    let id = id_of(transaction, &state.serial, &state.name)?;
    transaction
        .prepare_cached(
            "UPDATE terminals SET epoch = :epoch, records = :records, overlap = :overlap, layout = :layout,
                 count = :count, verified_at = :verified_at, count_unreliable = :count_unreliable,
                 offsets_refused_at = :offsets_refused_at, bad_checksums = :bad_checksums, learned = :learned,
                 alias = :alias
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id,
            ":epoch": state.epoch.cast_signed(),
            ":records": state.records.cast_signed(),
            ":overlap": state.overlap,
            ":layout": state.layout,
            ":count": state.count.map(u64::cast_signed),
            ":verified_at": state.verified_at,
            ":count_unreliable": state.count_unreliable,
            ":offsets_refused_at": state.offsets_refused_at,
            ":bad_checksums": state.bad_checksums,
            ":alias": state.alias,
            ":learned": serde_json::to_string(&state.learned).ok(),
        })?;
    Ok(())
}
