//! The proof that a terminal's log may be cleared: the ledger has each of its records, and each sink has its events.

use std::collections::HashMap;

use attendance_model::{RawPunch, Source};
use rusqlite::{Connection, OptionalExtension};

use super::forgotten::ForgottenPeople;
use super::known::KnownPunches;
use super::sinks::state;
use crate::mask::Mask;
use crate::{Ledger, LedgerError};

/// The records of one terminal that the ledger keeps, as events or in quarantine.
#[derive(Debug)]
pub(crate) struct KeptRecords {
    terminal: i64,
    mask: Mask,
    known: KnownPunches,
    /// Their punches were removed, and are to be missed by nobody.
    forgotten: ForgottenPeople,
    /// Equal records that were asked for and are no events. As many have to be in the quarantine.
    refused: HashMap<Vec<u8>, i64>,
}

impl KeptRecords {
    /// Those of a terminal; `None` if the ledger does not know it.
    pub(crate) fn of(connection: &Connection, serial: &str, mask: Mask) -> rusqlite::Result<Option<Self>> {
        let terminal = connection
            .query_row("SELECT id FROM terminals WHERE serial = ?1", [serial], |row| row.get(0))
            .optional()?;
        let known = KnownPunches::of(Source::Pull);
        let forgotten = ForgottenPeople::load(connection)?;
        Ok(terminal.map(|terminal| Self { terminal, mask, known, forgotten, refused: HashMap::new() }))
    }

    /// Returns true if the ledger has the record. Equal records in the quarantine are told apart by their number.
    pub(crate) fn has(&mut self, connection: &Connection, punch: &RawPunch) -> rusqlite::Result<bool> {
        if self.forgotten.have(connection, punch)? {
            return Ok(true);
        }
        if self.known.user_id(connection, self.terminal, self.mask, punch)?.is_some() {
            return Ok(true);
        }
        let masked = self.mask.apply(&punch.raw);
        let kept: i64 = connection
            .prepare_cached("SELECT count(*) FROM quarantine WHERE terminal = ?1 AND masked = ?2")?
            .query_row((self.terminal, &masked), |row| row.get(0))?;
        let asked = self.refused.entry(masked).or_default();
        *asked += 1;
        Ok(*asked <= kept)
    }
}

impl Ledger {
    /// Counts the events of a terminal that a sink does not have, for whatever reason.
    pub(crate) fn lacking(&self, serial: &str, target: &str) -> Result<u64, LedgerError> {
        self.read("count what a sink lacks", |connection| {
            connection
                .prepare_cached(
                    "SELECT count(*) FROM terminals t JOIN events e ON e.terminal = t.id
                         LEFT JOIN sinks s ON s.target = ?2
                         LEFT JOIN exceptions x ON x.sink = s.id AND x.seq = e.seq
                     WHERE t.serial = ?1 AND CASE WHEN s.id IS NULL THEN TRUE
                         WHEN x.state IS NULL THEN e.seq > s.delivered
                         ELSE x.state NOT IN (?3, ?4) END",
                )?
                .query_row((serial, target, state::MERGED, state::IMPORTED), |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        })
    }
}
