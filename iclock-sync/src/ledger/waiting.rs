//! Records that wait in the quarantine, to be judged again.

use attendance_model::{PunchState, RawPunch, Reason, Source, VerifyMode};
use chrono_tz::Tz;
use rusqlite::Row;

use super::Transaction;
use super::polls::PollId;
use super::stored::{local_time, reason, source_of};

/// A record that waits, with everything that is needed to judge it again.
#[derive(Clone, Debug)]
pub(crate) struct WaitingRecord {
    pub(crate) id: i64,
    pub(crate) terminal: i64,
    pub(crate) serial: String,
    /// The last poll that read it.
    pub(crate) poll: i64,
    pub(crate) device_name: String,
    pub(crate) zone: Option<Tz>,
    pub(crate) drift_ms: Option<i64>,
    pub(crate) source: Source,
    pub(crate) reason: Reason,
    /// The layout; `None` for a record from before the ledger kept it.
    pub(crate) layout: Option<String>,
    pub(crate) uid: Option<u16>,
    pub(crate) user_id: String,
    pub(crate) raw: Vec<u8>,
    time: String,
    verify_mode: u8,
    punch_state: u8,
    work_code: Option<u32>,
}

/// The reason why a record left the quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The rules let it pass: it became an event.
    Released,
    /// It was read again, and passed.
    ReadAgain,
    /// There is an event of it.
    Known,
    /// A person dealt with it.
    ByHand,
}

impl Resolution {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::ReadAgain => "read_again",
            Self::Known => "known",
            Self::ByHand => "by_hand",
        }
    }
}

impl WaitingRecord {
    /// Returns the next records about which rules may decide, in the order in which they were first read.
    ///
    /// Records that their log does not prove are left out. An old row does not have that mark: it is left out if its
    /// reason is one for which such logs were refused.
    pub(crate) fn page(transaction: &Transaction<'_>, after: i64, most: u32) -> rusqlite::Result<Vec<Self>> {
        transaction
            .prepare_cached(
                "SELECT q.id, q.terminal, t.serial, q.reading, r.device_name, r.zone, r.drift_ms, r.source, q.reason,
                     q.layout, q.uid, q.user_id, q.raw, q.time, q.verify_mode, q.punch_state, q.work_code
                 FROM quarantine q JOIN terminals t ON t.id = q.terminal JOIN readings r ON r.id = q.reading
                 WHERE q.id > ?1 AND q.resolved_at IS NULL
                     AND NOT coalesce(q.doubtful, q.reason IN ('empty_user_id', 'clock_reset_time'))
                 ORDER BY q.id LIMIT ?2",
            )?
            .query_map((after, most), Self::from_row)?
            .collect()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            terminal: row.get(1)?,
            serial: row.get(2)?,
            poll: row.get(3)?,
            device_name: row.get(4)?,
            zone: row.get::<_, Option<String>>(5)?.and_then(|name| name.parse().ok()),
            drift_ms: row.get(6)?,
            source: source_of(row.get_ref(7)?.as_str()?),
            reason: reason(row, 8)?,
            layout: row.get(9)?,
            uid: row.get(10)?,
            user_id: row.get(11)?,
            raw: row.get(12)?,
            time: row.get(13)?,
            verify_mode: row.get(14)?,
            punch_state: row.get(15)?,
            work_code: row.get(16)?,
        })
    }

    /// The record as it was read when it was refused.
    pub(crate) fn as_read(&self, id_is_number: bool) -> RawPunch {
        let time = local_time(self.time.clone());
        let mut punch = RawPunch::new(&self.serial, &self.device_name, &self.user_id, time, self.source);
        punch.uid = self.uid;
        punch.id_is_number = id_is_number;
        punch.verify_mode = VerifyMode(self.verify_mode);
        punch.punch_state = PunchState(self.punch_state);
        punch.work_code = self.work_code;
        punch.clock_drift_ms = self.drift_ms;
        punch.raw = self.raw.clone();
        punch
    }

    /// Keeps it for another reason.
    pub(crate) fn set_reason(&self, transaction: &Transaction<'_>, reason: Reason) -> rusqlite::Result<()> {
        transaction
            .prepare_cached("UPDATE quarantine SET reason = ?2 WHERE id = ?1")?
            .execute((self.id, reason.as_str()))?;
        Ok(())
    }

    /// Takes it out of the quarantine. Its row stays, as the origin of an event.
    pub(crate) fn resolve(
        &self,
        transaction: &Transaction<'_>,
        resolution: Resolution,
        now: i64,
    ) -> rusqlite::Result<()> {
        transaction
            .prepare_cached("UPDATE quarantine SET resolved_at = ?2, resolution = ?3 WHERE id = ?1")?
            .execute((self.id, now, resolution.word()))?;
        Ok(())
    }
}

/// Returns true if a terminal has records that wait.
pub(crate) fn any_waiting(transaction: &Transaction<'_>, terminal: i64) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM quarantine WHERE terminal = ?1 AND resolved_at IS NULL)")?
        .query_row([terminal], |row| row.get(0))
}

/// Returns true if a record waits because nobody was in its slot of the user table when it was first read.
pub(crate) fn waits_for_an_owner(
    transaction: &Transaction<'_>,
    terminal: i64,
    masked: &[u8],
) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM quarantine
             WHERE terminal = ?1 AND masked = ?2 AND resolved_at IS NULL AND user_id = '' AND uid > 0)",
        )?
        .query_row((terminal, masked), |row| row.get(0))
}

/// Returns true if records of a terminal were counted only because nobody was in their slots: the quarantine cannot say
/// which ones.
pub(crate) fn vacant_slots_counted(transaction: &Transaction<'_>, terminal: i64) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM quarantine_sizes WHERE terminal = ?1 AND reason = ?2 AND counted_only > 0)",
        )?
        .query_row((terminal, Reason::UnknownSlot.as_str()), |row| row.get(0))
}

/// Forgets how many records earlier polls only counted: this one has read the whole log.
pub(crate) fn forget_counts_before(transaction: &Transaction<'_>, poll: PollId) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE quarantine_sizes SET counted_only = 0
             WHERE terminal = ?1 AND counted_only > 0 AND reading IS NOT ?2",
        )?
        .execute((poll.terminal, poll.poll))?;
    Ok(())
}

/// Returns true if a person has dealt with a record: it becomes no event.
pub(crate) fn was_dealt_with(transaction: &Transaction<'_>, terminal: i64, masked: &[u8]) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM quarantine WHERE terminal = ?1 AND masked = ?2 AND resolution = ?3)",
        )?
        .query_row((terminal, masked, Resolution::ByHand.word()), |row| row.get(0))
}

/// Takes a record out of the quarantine that was read again, and has an event now.
pub(crate) fn resolve_read_again(
    transaction: &Transaction<'_>,
    terminal: i64,
    masked: &[u8],
    now: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE quarantine SET resolved_at = ?3, resolution = ?4
             WHERE terminal = ?1 AND masked = ?2 AND resolved_at IS NULL",
        )?
        .execute((terminal, masked, now, Resolution::ReadAgain.word()))?;
    Ok(())
}
