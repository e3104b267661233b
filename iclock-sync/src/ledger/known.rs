//! A punch that was read before, known by its bytes: whatever a setting makes of them now, it keeps the key under which
//! it entered.
//!
//! A punch that came another way has other bytes, and the protocols number verify modes differently. There the same
//! person, second and punch state are the same punch. Terminals that push for access control have two logs of a punch,
//! of which one may have no number for the verify mode: there, too.

use std::collections::HashMap;

use attendance_model::{RawPunch, Source, VerifyMode};
use chrono::NaiveDateTime;
use rusqlite::{Connection, Row};

use super::polls::PollId;
use super::shrunk::digest;
use super::stored::{seconds, source_of};
use crate::mask::Mask;

use super::Transaction;

/// The verify mode "other", for a way that has no number.
pub(crate) const NO_NUMBER: VerifyMode = VerifyMode(200);

/// The events of one terminal with which its records are compared. The events of one second are loaded together: a log
/// is read in the order of time, and a clock that stopped costs no more than one that runs.
#[derive(Debug)]
pub(crate) struct KnownPunches {
    /// The way in which the punches come that are compared.
    source: Source,
    /// True if the terminal had any event at the first question. In a first poll, keys alone decide what is new.
    any: Option<bool>,
    second: Option<NaiveDateTime>,
    /// The user id of an event, by its masked record.
    by_bytes: HashMap<Vec<u8>, String>,
    /// The same for events that have shrunk.
    by_digest: HashMap<[u8; 8], String>,
    /// The same by slot, punch state and verify mode, for layouts that name people by their slot.
    by_slot: HashMap<(u16, u8, u8), String>,
    /// The same by user id and punch state, for events that came another way.
    by_other_way: HashMap<String, Vec<u8>>,
    /// Punch state and verify mode by user id, for events that were pushed as these are.
    pushed: HashMap<String, Vec<(u8, VerifyMode)>>,
    /// The source of each poll that was looked up.
    sources: HashMap<i64, Source>,
}

impl KnownPunches {
    /// Nothing is known yet about the terminal whose punches come this way.
    pub(crate) fn of(source: Source) -> Self {
        Self {
            source,
            any: None,
            second: None,
            by_bytes: HashMap::new(),
            by_digest: HashMap::new(),
            by_slot: HashMap::new(),
            by_other_way: HashMap::new(),
            pushed: HashMap::new(),
            sources: HashMap::new(),
        }
    }

    /// Begins the next change. Since the one before, punches may have come another way.
    pub(crate) fn begin_change(&mut self, transaction: &Transaction<'_>, poll: PollId) -> rusqlite::Result<()> {
        self.second = None;
        if self.any == Some(false) {
            let other_polls = "SELECT EXISTS (SELECT 1 FROM readings WHERE terminal = ?1 AND id <> ?2)";
            let any =
                transaction.prepare_cached(other_polls)?.query_row((poll.terminal, poll.poll), |row| row.get(0))?;
            self.any = Some(any);
        }
        Ok(())
    }

    /// Returns the user id under which a record entered before; `None` if it is new.
    ///
    /// Under one setting equal bytes have equal keys, so that this finds no more than the key would.
    pub(crate) fn user_id(
        &mut self,
        connection: &Connection,
        terminal: i64,
        mask: Mask,
        punch: &RawPunch,
    ) -> rusqlite::Result<Option<&str>> {
        let any = match self.any {
            Some(any) => any,
            None => *self.any.insert(
                connection
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE terminal = ?1)")?
                    .query_row([terminal], |row| row.get(0))?,
            ),
        };
        let Some(time) = punch.local_time.real().filter(|_| any) else { return Ok(None) };
        if self.second != Some(time) {
            self.load(connection, terminal, mask, time)?;
        }
        let slot = punch.uid.map(|uid| (uid, punch.punch_state.0, punch.verify_mode.0));
        let by_slot = slot.and_then(|slot| self.by_slot.get(&slot));
        let by_bytes = || {
            let masked = mask.apply(&punch.raw);
            let shrunk = || if self.by_digest.is_empty() { None } else { self.by_digest.get(&digest(&masked)) };
            self.by_bytes.get(&masked).or_else(shrunk)
        };
        let known = by_slot.or_else(by_bytes);
        let by_other_way = || {
            let (user_id, states) = self.by_other_way.get_key_value(&punch.user_id)?;
            states.contains(&punch.punch_state.0).then_some(user_id)
        };
        let by_other_log = || {
            let (user_id, pushed) = self.pushed.get_key_value(&punch.user_id)?;
            let is_it = |(state, mode): &(u8, VerifyMode)| {
                *state == punch.punch_state.0 && (*mode == NO_NUMBER || punch.verify_mode == NO_NUMBER)
            };
            pushed.iter().any(is_it).then_some(user_id)
        };
        Ok(known.or_else(by_other_way).or_else(by_other_log).map(String::as_str))
    }

    fn load(
        &mut self,
        connection: &Connection,
        terminal: i64,
        mask: Mask,
        time: NaiveDateTime,
    ) -> rusqlite::Result<()> {
        self.second = None;
        self.by_bytes.clear();
        self.by_digest.clear();
        self.by_slot.clear();
        self.by_other_way.clear();
        self.pushed.clear();
        self.load_shrunk(connection, terminal, time)?;
        let mut statement = connection.prepare_cached(
            "SELECT user_id, uid, punch_state, verify_mode, raw, reading FROM events WHERE terminal = ?1 AND time = ?2
             ORDER BY seq",
        )?;
        let mut rows = statement.query((terminal, seconds(time)))?;
        while let Some(row) = rows.next()? {
            let user_id: String = row.get(0)?;
            if self.source_of(connection, row.get(5)?)? != self.source {
                self.by_other_way.entry(user_id).or_default().push(row.get(2)?);
                continue;
            }
            self.note(row, &user_id)?;
            let raw = row.get_ref(4)?.as_blob()?;
            if mask.fits(raw) {
                self.by_bytes.entry(mask.apply(raw)).or_insert(user_id);
            }
        }
        self.second = Some(time);
        Ok(())
    }

    /// The same of events that have shrunk. They are the older ones.
    fn load_shrunk(&mut self, connection: &Connection, terminal: i64, time: NaiveDateTime) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(
            "SELECT user_id, uid, punch_state, verify_mode, digest, source FROM shrunk
             WHERE time = ?2 AND terminal = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query((terminal, seconds(time)))?;
        while let Some(row) = rows.next()? {
            let user_id: String = row.get(0)?;
            if row.get_ref(5)?.as_str_or_null()?.map_or(Source::Pull, source_of) != self.source {
                self.by_other_way.entry(user_id).or_default().push(row.get(2)?);
                continue;
            }
            self.note(row, &user_id)?;
            self.by_digest.entry(row.get(4)?).or_insert(user_id);
        }
        Ok(())
    }

    /// Notes an event that came the same way, by its slot, and by its person if it was pushed.
    fn note(&mut self, row: &Row<'_>, user_id: &str) -> rusqlite::Result<()> {
        let (state, mode) = (row.get(2)?, row.get(3)?);
        if let Some(uid) = row.get::<_, Option<u16>>(1)? {
            self.by_slot.entry((uid, state, mode)).or_insert_with(|| user_id.to_owned());
        }
        if self.source == Source::Push {
            self.pushed.entry(user_id.to_owned()).or_default().push((state, VerifyMode(mode)));
        }
        Ok(())
    }

    /// The way in which the punches of a poll came.
    fn source_of(&mut self, connection: &Connection, poll: i64) -> rusqlite::Result<Source> {
        if let Some(source) = self.sources.get(&poll) {
            return Ok(*source);
        }
        let source = connection
            .prepare_cached("SELECT source FROM readings WHERE id = ?1")?
            .query_row([poll], |row| Ok(source_of(row.get_ref(0)?.as_str()?)))?;
        self.sources.insert(poll, source);
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use attendance_model::PunchState;
    use chrono::DateTime;

    use super::*;
    use crate::Ledger;

    fn time(second: i64) -> NaiveDateTime {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap().naive_utc()
    }

    #[test]
    fn equal_bytes_of_another_terminal_are_another_punch_also_once_they_have_shrunk() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let punch = |serial: &str, second: i64| {
            let mut punch = RawPunch::new(serial, "gate", "7", time(second), Source::Pull);
            punch.raw = vec![7];
            punch
        };
        let known = ledger
            .write("test", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'A', 'a'), (2, 'B', 'b');
                     INSERT INTO readings (id, terminal, device_name, source, read_at)
                         VALUES (1, 1, 'a', 'pull', 0), (2, 2, 'b', 'pull', 0);
                     INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                         VALUES (1, 1, 1700000001, x'01', '7', 1, 0, x'07'),
                             (2, 2, 1700000009, x'02', '7', 1, 0, x'07')",
                )?;
                transaction
                    .prepare(
                        "INSERT INTO shrunk (time, terminal, key, seq, user_id, verify_mode, punch_state, digest)
                         VALUES (1700000002, 1, x'03', 3, '7', 1, 0, ?1)",
                    )?
                    .execute([digest(&[7])])?;
                let mut known = Vec::new();
                for (terminal, serial) in [(1, "A"), (2, "B")] {
                    let mut punches = KnownPunches::of(Source::Pull);
                    for second in [1, 2] {
                        let punch = punch(serial, second);
                        let of = punches.user_id(transaction, terminal, Mask::of_layout(None), &punch)?;
                        known.push((serial, second, of.is_some()));
                    }
                }
                Ok(known)
            })
            .unwrap();
        assert_eq!(known, [("A", 1, true), ("A", 2, true), ("B", 1, false), ("B", 2, false)]);
    }

    #[test]
    fn of_the_two_logs_of_an_access_terminal_one_may_have_no_number_for_the_verify_mode() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let known = ledger
            .write("test", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'A', 'a');
                     INSERT INTO readings (id, terminal, device_name, source, read_at) VALUES (1, 1, 'a', 'push', 0);
                     INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                         VALUES (1, 1, 1700000001, x'01', '7', 200, 0, x'50'),
                             (1, 1, 1700000002, x'02', '7', 15, 0, x'51')",
                )?;
                let mut punches = KnownPunches::of(Source::Push);
                let mut known = Vec::new();
                for (second, state, mode) in [(1, 0, 15), (1, 1, 15), (2, 0, 200), (2, 0, 15), (2, 0, 1), (2, 1, 200)] {
                    let mut punch = RawPunch::new("A", "a", "7", time(second), Source::Push);
                    (punch.punch_state, punch.verify_mode, punch.raw) = (PunchState(state), VerifyMode(mode), vec![7]);
                    known.push(punches.user_id(transaction, 1, Mask::of_layout(None), &punch)?.is_some());
                }
                Ok(known)
            })
            .unwrap();
        // Where both have a number, the key decides.
        assert_eq!(known, [true, false, true, false, false, false]);
    }

    #[test]
    fn a_punch_that_came_another_way_is_known_by_its_person_second_and_state_also_once_it_has_shrunk() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let known = ledger
            .write("test", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'A', 'a');
                     INSERT INTO readings (id, terminal, device_name, source, read_at) VALUES (1, 1, 'a', 'push', 0);
                     INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                         VALUES (1, 1, 1700000001, x'01', '7', 15, 0, x'50');
                     INSERT INTO shrunk (time, terminal, key, seq, user_id, verify_mode, punch_state, source, digest)
                         VALUES (1700000002, 1, x'02', 2, '7', 15, 0, 'push', x'0000000000000000')",
                )?;
                let mut punches = KnownPunches::of(Source::Pull);
                let mut known = Vec::new();
                for (second, user_id, state) in [(1, "7", 0), (1, "7", 1), (1, "8", 0), (2, "7", 0), (2, "7", 1)] {
                    let mut punch = RawPunch::new("A", "a", user_id, time(second), Source::Pull);
                    (punch.punch_state, punch.raw) = (PunchState(state), vec![7]);
                    known.push(punches.user_id(transaction, 1, Mask::of_layout(None), &punch)?.is_some());
                }
                Ok(known)
            })
            .unwrap();
        assert_eq!(known, [true, false, false, true, false]);
    }
}
