//! The quarantine: rejected records, once each.

use attendance_model::{LocalTime, PunchState, Reason, Rejection, VerifyMode};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row};

use super::Transaction;
use super::polls::PollId;
use super::stored::{local_time, moment, reason};
use super::waiting::Resolution;
use super::window::{OF_REFUSED, condition};
use crate::{Ledger, LedgerError, Window};

/// A record that validation refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantinedRecord {
    /// Its number in the quarantine.
    pub id: i64,
    /// The terminal's serial number, or `name:NAME`.
    pub serial: String,
    /// The terminal's configured name.
    pub device_name: String,
    /// The reason why it was refused.
    pub reason: Reason,
    /// The user id as read; may be empty.
    pub user_id: String,
    /// The terminal's wall clock as read.
    pub local_time: LocalTime,
    /// The way in which the person proved who they are.
    pub verify_mode: VerifyMode,
    /// The state that the person declared.
    pub punch_state: PunchState,
    /// The record as the terminal sent it first.
    pub raw: Vec<u8>,
    /// Its number among equal records of the log, from 1.
    pub occurrence: u64,
    /// The first time it was read.
    pub first_seen: DateTime<Utc>,
    /// The last time it was read.
    pub last_seen: DateTime<Utc>,
    /// The number of polls that read it.
    pub times_seen: u64,
    /// The slot in the terminal's user table, if it named the person by that.
    pub uid: Option<u16>,
    /// A job number keyed in; `None` if the layout has none.
    pub work_code: Option<u32>,
    /// The layout of the log, as `AttendanceLayout` writes it; `None` for a record from before the ledger kept it.
    pub layout: Option<String>,
    /// The time when it left the quarantine; `None` while it waits.
    pub resolved_at: Option<DateTime<Utc>>,
    /// The way in which it left: `released` by the rules, `read_again`, `known`, or `by_hand`.
    pub resolution: Option<String>,
    /// The note of the person who dealt with it.
    pub note: Option<String>,
}

/// A selection of records in the quarantine; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineFilter {
    /// Only of this terminal, by serial number or configured name.
    pub terminal: Option<String>,
    /// Only for this reason.
    pub reason: Option<Reason>,
    /// Only those after this number: the last one of the page before.
    pub after: i64,
}

/// The records of one terminal that were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineSize {
    /// The terminal's serial number, or `name:NAME`.
    pub serial: String,
    /// The terminal's configured name.
    pub device_name: String,
    /// The reason.
    pub reason: Reason,
    /// Records that wait in the quarantine.
    pub waiting: u64,
    /// Records that were counted only, since the log was last read whole: so many wait that no more are kept.
    pub counted_only: u64,
}

/// Records with which a person has dealt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolve<'a> {
    /// These, by number.
    Records(&'a [i64]),
    /// All that wait and that a filter selects.
    All(&'a QuarantineFilter),
}

/// What became of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is new in the quarantine.
    Kept,
    /// It was there.
    Known,
    /// It was counted only: [`MOST_WAITING`] wait.
    Counted,
}

/// The most records of one terminal that wait for one reason. A terminal whose whole log is refused fills no disk.
pub(crate) const MOST_WAITING: i64 = 100_000;

/// The part of a log that one poll reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSpan {
    /// The poll.
    pub(crate) poll: PollId,
    /// The log's epoch.
    pub(crate) epoch: u64,
    /// Records of this epoch that are not read again: 0 for a full read.
    pub(crate) start: u64,
    /// The time of the poll, in seconds since 1970 (UTC).
    pub(crate) read_at: i64,
}

/// A rejection about to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRejection<'a> {
    pub(crate) rejection: &'a Rejection,
    /// The masked record.
    pub(crate) masked: &'a [u8],
    /// Its place in the log, from 0.
    pub(crate) position: u64,
    /// The layout of its log.
    pub(crate) layout: Option<&'a str>,
    /// Its log does not prove it: no change of the rules lets it pass.
    pub(crate) doubtful: bool,
}

const COLUMNS: &str = "q.id, t.serial, t.name, q.reason, q.user_id, q.time, q.verify_mode, q.punch_state, q.raw, \
                       q.occurrence, q.first_seen, q.last_seen, q.times_seen, q.uid, q.work_code, q.resolved_at, \
                       q.layout, q.resolution, q.note";

/// The last of its equals that a poll has met; 0 if there is none.
const LAST_MET: &str =
    "SELECT coalesce(max(occurrence), 0) FROM quarantine WHERE terminal = ?1 AND masked = ?2 AND reading = ?3";

/// The next of its equals. A poll meets them in order, so that the search begins after the last one. So each record
/// costs the same, however often a terminal repeats it.
const NEXT_KNOWN: &str = "SELECT id FROM quarantine WHERE terminal = ?1 AND masked = ?2 AND occurrence > ?3
                          AND (?4 = 0 OR (epoch >= ?5 AND position >= ?4)) ORDER BY occurrence LIMIT 1";

impl NewRejection<'_> {
    /// Enters the rejection. One that was known is counted.
    ///
    /// Equal records are told apart by their order. One read again is the first of its equals that this poll has not
    /// met yet; a tail only meets what is after its start (a poll that was killed may have entered some of that; if it
    /// read the whole log, in an epoch after that of the cursor, which it did not move).
    pub(crate) fn insert(&self, transaction: &Transaction<'_>, span: &ReadSpan) -> rusqlite::Result<Refusal> {
        let punch = &self.rejection.punch;
        let PollId { poll, terminal } = span.poll;
        let met: i64 =
            transaction.prepare_cached(LAST_MET)?.query_row((terminal, self.masked, poll), |row| row.get(0))?;
        let known: Option<i64> = transaction
            .prepare_cached(NEXT_KNOWN)?
            .query_row((terminal, self.masked, met, span.start.cast_signed(), span.epoch.cast_signed()), |row| {
                row.get(0)
            })
            .optional()?;
        let place = (span.read_at, span.epoch.cast_signed(), self.position.cast_signed(), poll);
        if let Some(id) = known {
            transaction
                .prepare_cached(
                    "UPDATE quarantine SET times_seen = times_seen + 1, last_seen = ?2, epoch = ?3, position = ?4,
                         reading = ?5, reason = ?6, layout = ?7, doubtful = coalesce(doubtful, 1) AND ?8 WHERE id = ?1",
                )?
                .execute((
                    id,
                    place.0,
                    place.1,
                    place.2,
                    place.3,
                    self.rejection.reason.as_str(),
                    self.layout,
                    self.doubtful,
                ))?;
            return Ok(Refusal::Known);
        }
        if self.is_above_cap(transaction, span)? {
            return Ok(Refusal::Counted);
        }
        transaction
            .prepare_cached(
                "INSERT INTO quarantine (terminal, masked, occurrence, raw, reason, user_id, time, verify_mode,
                     punch_state, first_seen, last_seen, epoch, position, reading, layout, uid, work_code, doubtful)
                 VALUES (?1, ?2,
                     (SELECT coalesce(max(occurrence), 0) + 1 FROM quarantine WHERE terminal = ?1 AND masked = ?2),
                     ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute((
                terminal,
                self.masked,
                &punch.raw,
                self.rejection.reason.as_str(),
                &punch.user_id,
                punch.local_time.to_string(),
                punch.verify_mode.0,
                punch.punch_state.0,
                place.0,
                place.1,
                place.2,
                place.3,
                self.layout,
                punch.uid,
                punch.work_code,
                self.doubtful,
            ))?;
        Ok(Refusal::Kept)
    }

    /// Counts the record, and returns true, if no more are kept.
    fn is_above_cap(&self, transaction: &Transaction<'_>, span: &ReadSpan) -> rusqlite::Result<bool> {
        let PollId { poll, terminal } = span.poll;
        // A log that is read whole shows all its records again. Epoch 0 is that of punches that are in no log.
        let counts_again = span.start == 0 && span.epoch > 0;
        let counted = transaction
            .prepare_cached(
                "UPDATE quarantine_sizes SET reading = ?4,
                     counted_only = CASE WHEN ?5 AND reading IS NOT ?4 THEN 1 ELSE counted_only + 1 END
                 WHERE terminal = ?1 AND reason = ?2 AND waiting >= ?3",
            )?
            .execute((terminal, self.rejection.reason.as_str(), MOST_WAITING, poll, counts_again))?;
        Ok(counted > 0)
    }
}

impl Ledger {
    /// Returns records that wait in the quarantine, oldest first, at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn quarantine(&self, filter: &QuarantineFilter, most: u32) -> Result<Vec<QuarantinedRecord>, LedgerError> {
        self.read("list the quarantine", |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM quarantine q JOIN terminals t ON t.id = q.terminal
                     WHERE q.id > ?1 AND q.resolved_at IS NULL AND (?2 IS NULL OR t.serial = ?2 OR t.name = ?2)
                         AND (?3 IS NULL OR q.reason = ?3)
                     ORDER BY q.id LIMIT ?4"
                ))?
                .query_map((filter.after, &filter.terminal, filter.reason.map(Reason::as_str), most), record)?
                .collect()
        })
    }

    /// Returns records of the quarantine inside a window after a number, oldest first, at most `most`. A record whose
    /// time no calendar has is in none but all time.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn refused(&self, window: &Window, after: i64, most: u32) -> Result<Vec<QuarantinedRecord>, LedgerError> {
        let inside = condition(window, OF_REFUSED).unwrap_or_else(|| "TRUE".to_owned());
        self.read("list the quarantine", |connection| select(connection, &inside, after, most))
    }

    /// Returns one record of the quarantine, or one that has left it.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn quarantined(&self, id: i64) -> Result<Option<QuarantinedRecord>, LedgerError> {
        self.read("look into the quarantine", |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM quarantine q JOIN terminals t ON t.id = q.terminal WHERE q.id = ?1"
                ))?
                .query_row([id], record)
                .optional()
        })
    }

    /// Marks records as dealt with, with a note. They leave the quarantine and become no events, whatever rules say
    /// later. Returns how many waited until now.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be written; then nothing is changed.
    pub fn resolve(&self, which: Resolve<'_>, note: &str, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        let (at, by) = (now.timestamp(), Resolution::ByHand.word());
        let resolved = self.write("mark records as dealt with", |transaction| match which {
            Resolve::Records(ids) => {
                let mut mark = transaction.prepare_cached(
                    "UPDATE quarantine SET resolved_at = ?2, resolution = ?3, note = ?4
                     WHERE id = ?1 AND resolved_at IS NULL",
                )?;
                ids.iter().try_fold(0, |resolved, id| Ok(resolved + mark.execute((id, at, by, note))?))
            }
            Resolve::All(filter) => transaction
                .prepare_cached(
                    "UPDATE quarantine SET resolved_at = ?1, resolution = ?2, note = ?3
                     WHERE id > ?4 AND resolved_at IS NULL AND (?6 IS NULL OR reason = ?6)
                         AND (?5 IS NULL OR terminal IN (SELECT id FROM terminals WHERE serial = ?5 OR name = ?5))",
                )?
                .execute((at, by, note, filter.after, &filter.terminal, filter.reason.map(Reason::as_str))),
        })?;
        Ok(resolved as u64)
    }

    /// Returns the size of the quarantine, by terminal and reason.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn quarantine_sizes(&self) -> Result<Vec<QuarantineSize>, LedgerError> {
        self.read("count the quarantine", |connection| {
            connection
                .prepare_cached(
                    "SELECT t.serial, t.name, q.reason, q.waiting, q.counted_only
                     FROM quarantine_sizes q JOIN terminals t ON t.id = q.terminal
                     WHERE q.waiting > 0 OR q.counted_only > 0 ORDER BY t.serial, q.reason",
                )?
                .query_map((), |row| {
                    Ok(QuarantineSize {
                        serial: row.get(0)?,
                        device_name: row.get(1)?,
                        reason: reason(row, 2)?,
                        waiting: row.get::<_, i64>(3)?.cast_unsigned(),
                        counted_only: row.get::<_, i64>(4)?.cast_unsigned(),
                    })
                })?
                .collect()
        })
    }

    /// Counts the records that wait in the quarantine, by terminal (serial number) and reason.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn quarantine_counts(&self) -> Result<Vec<(String, Reason, u64)>, LedgerError> {
        self.read("count the quarantine", |connection| {
            connection
                .prepare_cached(
                    "SELECT t.serial, q.reason, count(*) FROM quarantine q JOIN terminals t ON t.id = q.terminal
                     WHERE q.resolved_at IS NULL
                     GROUP BY t.serial, q.reason ORDER BY t.serial, q.reason",
                )?
                .query_map((), |row| Ok((row.get(0)?, reason(row, 1)?, row.get::<_, i64>(2)?.cast_unsigned())))?
                .collect()
        })
    }
}

/// Returns the records after a number for which a condition on `q` holds, oldest first.
fn select(connection: &Connection, condition: &str, after: i64, most: u32) -> rusqlite::Result<Vec<QuarantinedRecord>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM quarantine q JOIN terminals t ON t.id = q.terminal
             WHERE q.id > ?1 AND ({condition}) ORDER BY q.id LIMIT ?2"
        ))?
        .query_map((after, most), record)?
        .collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<QuarantinedRecord> {
    let (reason, local_time) = (reason(row, 3)?, local_time(row.get(5)?));
    Ok(QuarantinedRecord {
        id: row.get(0)?,
        serial: row.get(1)?,
        device_name: row.get(2)?,
        reason,
        user_id: row.get(4)?,
        local_time,
        verify_mode: VerifyMode(row.get(6)?),
        punch_state: PunchState(row.get(7)?),
        raw: row.get(8)?,
        occurrence: row.get::<_, i64>(9)?.cast_unsigned(),
        first_seen: moment(row.get(10)?),
        last_seen: moment(row.get(11)?),
        times_seen: row.get::<_, i64>(12)?.cast_unsigned(),
        uid: row.get(13)?,
        work_code: row.get(14)?,
        resolved_at: row.get::<_, Option<i64>>(15)?.map(moment),
        layout: row.get(16)?,
        resolution: row.get(17)?,
        note: row.get(18)?,
    })
}

#[cfg(test)]
mod tests {
    use attendance_model::{RawPunch, Source};
    use chrono::NaiveDateTime;
    use rusqlite::StatementStatus;

    use super::*;
    use crate::ledger::Poll;

    /// Enters so many equal records as one poll, or as a tail of one; returns how many were new, and how long the
    /// longest of the lookups took, in steps of SQLite's machine.
    fn poll(ledger: &Ledger, equals: u64, start: u64) -> (u64, i32) {
        poll_in(1, ledger, equals, start)
    }

    /// The same in an epoch.
    fn poll_in(epoch: u64, ledger: &Ledger, equals: u64, start: u64) -> (u64, i32) {
        let mut punch = RawPunch::new("S", "gate", "", NaiveDateTime::default(), Source::Pull);
        (punch.verify_mode, punch.punch_state) = (VerifyMode(1), PunchState(0));
        punch.raw = vec![7; 40];
        let rejection = Rejection { punch, reason: Reason::EmptyUserId };
        let poll = Poll {
            serial: "S".to_owned(),
            device_name: "gate".to_owned(),
            zone: None,
            drift_ms: None,
            clock_offset: None,
            source: Source::Pull,
            layout: None,
            read_at: 0,
        };
        let entered = ledger.write("enter", |transaction| {
            let span = ReadSpan { poll: poll.insert(transaction)?, epoch, start, read_at: 0 };
            let (mut new, mut steps) = (0, 0);
            for position in start..start + equals {
                let (layout, doubtful) = (None, false);
                let record = NewRejection { rejection: &rejection, masked: &[7; 40], position, layout, doubtful };
                new += u64::from(record.insert(transaction, &span)? == Refusal::Kept);
                let taken =
                    |sql| transaction.prepare_cached(sql).map(|lookup| lookup.reset_status(StatementStatus::VmStep));
                steps = steps.max(taken(LAST_MET)? + taken(NEXT_KNOWN)?);
            }
            Ok((new, steps))
        });
        entered.unwrap()
    }

    #[test]
    fn the_thousandth_of_equal_records_is_found_as_fast_as_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let (new, first) = poll(&ledger, 1, 0);
        assert_eq!(new, 1);
        // The first reading of a thousand, and the second.
        for expected in [999, 0] {
            let (new, steps) = poll(&ledger, 1_000, 0);
            assert_eq!(new, expected);
            assert!(steps < first + 50, "{steps} steps, {first} for the first");
        }
        // A tail passes over what comes before it, but once.
        let (new, longest) = poll(&ledger, 1, 1_000);
        assert_eq!(new, 1);
        let (new, steps) = poll(&ledger, 1_000, 1_001);
        assert_eq!(new, 1_000);
        assert!(steps < longest + 50, "{steps} steps, {longest} for the first");
    }

    #[test]
    fn records_that_a_full_read_entered_before_it_was_cut_off_are_known_to_the_tail_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(poll_in(1, &ledger, 3, 0).0, 3);
        // It enters five of seven records, and moves no cursor.
        assert_eq!(poll_in(2, &ledger, 5, 0).0, 2);
        // So the next poll begins after the three.
        assert_eq!(poll_in(1, &ledger, 4, 3).0, 2);
    }

    #[test]
    fn above_the_cap_records_are_counted_and_the_known_ones_stay_known() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(poll(&ledger, 10, 0).0, 10);
        let size = |ledger: &Ledger| {
            let sizes = ledger.quarantine_sizes().unwrap();
            sizes.first().map(|size| (size.waiting, size.counted_only))
        };
        assert_eq!(size(&ledger), Some((10, 0)));
        let missing = MOST_WAITING - 15;
        let fill =
            |change: &Transaction<'_>| change.execute("UPDATE quarantine_sizes SET waiting = waiting + ?1", [missing]);
        ledger.write("fill", fill).unwrap();
        assert_eq!(poll(&ledger, 18, 0).0, 5, "ten are known, five fit, three do not");
        assert_eq!(size(&ledger), Some((MOST_WAITING.cast_unsigned(), 3)));
        assert_eq!(poll(&ledger, 18, 0).0, 0);
        assert_eq!(size(&ledger), Some((MOST_WAITING.cast_unsigned(), 3)), "a full read counts them once");
        assert_eq!(poll(&ledger, 2, 18).0, 0);
        assert_eq!(size(&ledger), Some((MOST_WAITING.cast_unsigned(), 5)), "a tail adds to them");
        let now = DateTime::UNIX_EPOCH;
        let dealt_with = ledger.resolve(Resolve::All(&QuarantineFilter::default()), "looked at", now).unwrap();
        assert_eq!((dealt_with, size(&ledger)), (15, Some((missing.cast_unsigned(), 5))));
        assert_eq!(poll(&ledger, 19, 0).0, 4, "there is room again");
    }
}
