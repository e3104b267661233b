//! Gaps: spans of time whose punches a terminal may not send by itself. It is asked for them.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row};

use super::command::queue;
use crate::ledger::Transaction;
use crate::ledger::stored::moment;
use crate::report::{GapCause, GapState};
use crate::{Ledger, LedgerError};

/// The last gap of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushGap {
    /// The terminal's serial number.
    pub serial: String,
    /// The reason why punches may be missing.
    pub cause: GapCause,
    /// The beginning of the time for which the terminal is asked.
    pub begins_at: DateTime<Utc>,
    /// The time at which the gap was found: its end.
    pub ends_at: DateTime<Utc>,
    /// The command that asks for it.
    pub command: u32,
    /// The time of the answer.
    pub answered_at: Option<DateTime<Utc>>,
    /// The code of the answer. Its meaning depends on the terminal's dialect.
    pub code: Option<i64>,
    /// The time after which it is not asked for any more.
    pub expires_at: DateTime<Utc>,
}

/// A gap that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewGap {
    pub(crate) serial: String,
    pub(crate) cause: GapCause,
    /// The beginning, as far as the receiver knows.
    pub(crate) begins_at: DateTime<Utc>,
    pub(crate) ends_at: DateTime<Utc>,
    /// Nothing before is asked for.
    pub(crate) not_before: DateTime<Utc>,
    /// The time after which it is not asked for any more.
    pub(crate) expires_at: DateTime<Utc>,
}

impl PushGap {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            serial: row.get(0)?,
            cause: cause_of(row.get_ref(1)?.as_str()?),
            begins_at: moment(row.get(2)?),
            ends_at: moment(row.get(3)?),
            command: row.get(4)?,
            answered_at: row.get::<_, Option<i64>>(5)?.map(moment),
            code: row.get(6)?,
            expires_at: moment(row.get(7)?),
        })
    }

    /// Returns true if the terminal was asked and will not answer any more.
    #[must_use]
    pub fn is_lost(&self, now: DateTime<Utc>) -> bool {
        self.answered_at.is_none() && self.expires_at <= now
    }

    /// Returns what became of the question.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> GapState {
        match self.answered_at {
            Some(_) => GapState::Answered,
            None if self.is_lost(now) => GapState::Lost,
            None => GapState::Asked,
        }
    }
}

fn cause_of(word: &str) -> GapCause {
    if word == "forgot" { GapCause::Forgot } else { GapCause::Silent }
}

impl Ledger {
    /// Returns the last gap of a terminal, or of each.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn push_gaps(&self, serial: Option<&str>) -> Result<Vec<PushGap>, LedgerError> {
        self.read("look up gaps", |connection| {
            connection
                .prepare_cached(
                    "SELECT g.serial, g.cause, g.begins_at, g.ends_at, g.command, c.answered_at, c.code, c.expires_at
                     FROM push_gaps g JOIN push_commands c ON c.id = g.command
                     WHERE ?1 IS NULL OR g.serial = ?1 ORDER BY g.serial",
                )?
                .query_map([serial], PushGap::from_row)?
                .collect()
        })
    }

    /// Queues the command that asks for a gap, and remembers both. `asks` makes the command of the time at which the
    /// gap begins: an earlier gap that was never answered is asked for again with it, and its own command is not sent
    /// any more. Returns false if nothing was queued, because too many commands have no answer yet.
    pub(crate) fn ask_for_push_gap(
        &self,
        gap: &NewGap,
        asks: impl Fn(DateTime<Utc>) -> Option<String>,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        self.write("ask for a gap", |transaction| {
            let known = match gap.cause {
                GapCause::Silent => None,
                GapCause::Forgot => last_upload(transaction, &gap.serial, gap.ends_at)?,
            };
            let unanswered = withdraw(transaction, &gap.serial, now)?;
            let begins_at = known.into_iter().chain(unanswered).fold(gap.begins_at, Ord::min).max(gap.not_before);
            let Some(command) = asks(begins_at) else { return Ok(false) };
            let Some(id) = queue(transaction, &gap.serial, &command, false, gap.expires_at, now)? else {
                return Ok(false);
            };
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO push_gaps (serial, cause, begins_at, ends_at, command)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((&gap.serial, gap.cause.as_str(), begins_at.timestamp(), gap.ends_at.timestamp(), id))?;
            Ok(true)
        })
    }
}

/// The last time before `before` at which a terminal sent punches.
fn last_upload(
    transaction: &Transaction<'_>,
    serial: &str,
    before: DateTime<Utc>,
) -> rusqlite::Result<Option<DateTime<Utc>>> {
    transaction
        .prepare_cached(
            "SELECT read_at FROM readings WHERE source = 'push' AND read_at < ?2
                 AND terminal = (SELECT id FROM terminals WHERE serial = ?1 OR alias = ?1)
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row((serial, before.timestamp()), |row| Ok(moment(row.get(0)?)))
        .optional()
}

/// Takes back the command for a gap that was not answered. Returns the beginning of that gap.
fn withdraw(
    transaction: &Transaction<'_>,
    serial: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let unanswered: Option<(i64, u32)> = transaction
        .prepare_cached(
            "SELECT g.begins_at, g.command FROM push_gaps g JOIN push_commands c ON c.id = g.command
             WHERE g.serial = ?1 AND c.answered_at IS NULL",
        )?
        .query_row([serial], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((begins_at, command)) = unanswered else { return Ok(None) };
    transaction
        .prepare_cached("UPDATE push_commands SET expires_at = min(expires_at, ?2) WHERE id = ?1")?
        .execute((command, now.timestamp()))?;
    Ok(Some(moment(begins_at)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        moment(1_800_000_000 + second)
    }

    fn gap(begin: i64, end: i64) -> NewGap {
        NewGap {
            serial: "A1".to_owned(),
            cause: GapCause::Silent,
            begins_at: at(begin),
            ends_at: at(end),
            not_before: at(end) - TimeDelta::days(31),
            expires_at: at(end + 3_600),
        }
    }

    fn ask(ledger: &Ledger, begin: i64, end: i64) -> bool {
        let asks = |begin: DateTime<Utc>| Some(format!("DATA QUERY {}", (begin - at(0)).num_seconds()));
        ledger.ask_for_push_gap(&gap(begin, end), asks, at(end)).unwrap()
    }

    fn due(ledger: &Ledger, second: i64) -> Vec<String> {
        ledger.due_push_commands("A1", at(second)).unwrap().into_iter().map(|(_, command)| command).collect()
    }

    #[test]
    fn a_gap_that_was_not_answered_is_part_of_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert!(ask(&ledger, 100, 1_000));
        assert_eq!(due(&ledger, 1_000), ["DATA QUERY 100"]);
        assert!(ask(&ledger, 1_100, 2_000));
        assert_eq!(due(&ledger, 2_000), ["DATA QUERY 100"], "one command, for both");
        let [open] = ledger.push_gaps(Some("A1")).unwrap().try_into().unwrap();
        assert_eq!((open.begins_at, open.ends_at, open.answered_at), (at(100), at(2_000), None));
        assert_eq!((open.is_lost(at(5_599)), open.is_lost(at(5_600))), (false, true));
        ledger.push_commands_sent(&[open.command], at(2_000)).unwrap();
        ledger.push_commands_answered("A1", &[(open.command, 7, String::new())], at(2_010)).unwrap();
        let [answered] = ledger.push_gaps(None).unwrap().try_into().unwrap();
        assert_eq!((answered.answered_at, answered.code), (Some(at(2_010)), Some(7)));
        assert!(ask(&ledger, 3_000, 4_000));
        assert_eq!(due(&ledger, 4_000), ["DATA QUERY 3000"], "what was answered is not asked again");
    }

    #[test]
    fn a_gap_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let day = 86_400;
        assert!(ask(&ledger, 0, 40 * day));
        assert_eq!(due(&ledger, 40 * day), [format!("DATA QUERY {}", 9 * day)]);
    }
}
