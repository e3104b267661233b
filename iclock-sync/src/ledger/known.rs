//! A punch that was read before, known by its bytes: whatever a setting makes of them now, it keeps the key under which
//! it entered.

use std::collections::HashMap;

use attendance_model::RawPunch;
use chrono::NaiveDateTime;
use rusqlite::Transaction;

use super::stored::seconds;
use crate::mask::Mask;

/// The events of one terminal with which its records are compared. The events of one second are loaded together: a log
/// is read in the order of time, and a clock that stopped costs no more than one that runs.
#[derive(Debug, Default)]
pub(crate) struct KnownPunches {
    /// True if the terminal had any event at the first question. In a first poll, keys alone decide what is new.
    any: Option<bool>,
    second: Option<NaiveDateTime>,
    /// The user id of an event, by its masked record.
    by_bytes: HashMap<Vec<u8>, String>,
    /// The same by slot, punch state and verify mode, for layouts that name people by their slot.
    by_slot: HashMap<(u16, u8, u8), String>,
}

impl KnownPunches {
    /// Returns the user id under which a record entered before; `None` if it is new.
    ///
    /// Under one setting equal bytes have equal keys, so that this finds no more than the key would.
    pub(crate) fn user_id(
        &mut self,
        transaction: &Transaction<'_>,
        terminal: i64,
        mask: Mask,
        punch: &RawPunch,
    ) -> rusqlite::Result<Option<&str>> {
        let any = match self.any {
            Some(any) => any,
            None => *self.any.insert(
                transaction
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE terminal = ?1)")?
                    .query_row([terminal], |row| row.get(0))?,
            ),
        };
        let Some(time) = punch.local_time.real().filter(|_| any) else { return Ok(None) };
        if self.second != Some(time) {
            self.load(transaction, terminal, mask, time)?;
        }
        let slot = punch.uid.map(|uid| (uid, punch.punch_state.0, punch.verify_mode.0));
        let by_slot = slot.and_then(|slot| self.by_slot.get(&slot));
        Ok(by_slot.or_else(|| self.by_bytes.get(&mask.apply(&punch.raw))).map(String::as_str))
    }

    fn load(
        &mut self,
        transaction: &Transaction<'_>,
        terminal: i64,
        mask: Mask,
        time: NaiveDateTime,
    ) -> rusqlite::Result<()> {
        self.second = None;
        self.by_bytes.clear();
        self.by_slot.clear();
        let mut statement = transaction.prepare_cached(
            "SELECT user_id, uid, punch_state, verify_mode, raw FROM events WHERE terminal = ?1 AND time = ?2
             ORDER BY seq",
        )?;
        let mut rows = statement.query((terminal, seconds(time)))?;
        while let Some(row) = rows.next()? {
            let user_id: String = row.get(0)?;
            if let Some(uid) = row.get::<_, Option<u16>>(1)? {
                self.by_slot.entry((uid, row.get(2)?, row.get(3)?)).or_insert_with(|| user_id.clone());
            }
            let raw = row.get_ref(4)?.as_blob()?;
            if mask.fits(raw) {
                self.by_bytes.entry(mask.apply(raw)).or_insert(user_id);
            }
        }
        self.second = Some(time);
        Ok(())
    }
}
