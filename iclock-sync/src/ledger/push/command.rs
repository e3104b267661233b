//! Commands for terminals that push: queued, sent, answered or expired.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension, Row};

use crate::ledger::Transaction;
use crate::ledger::stored::moment;
use crate::{Ledger, LedgerError};

/// The most commands of one terminal that have no answer yet.
pub const MOST_OPEN: u32 = 200;

/// The time after which a command without an answer is sent again. Some firmware answers minutes later.
pub(crate) const LEASE: TimeDelta = TimeDelta::minutes(5);

/// The most commands of one answer.
const MOST_AT_ONCE: u32 = 50;

/// A command, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushCommand {
    /// Its number, which the terminal repeats in its result.
    pub id: u32,
    /// The terminal's serial number.
    pub serial: String,
    /// The command as it is sent.
    pub command: String,
    /// The time at which it was queued.
    pub queued_at: DateTime<Utc>,
    /// The time after which it is not sent any more.
    pub expires_at: DateTime<Utc>,
    /// The last time at which it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// The times that it was sent.
    pub sends: u32,
    /// It is sent once: a terminal must not carry it out twice.
    pub once: bool,
    /// The time of the result.
    pub answered_at: Option<DateTime<Utc>>,
    /// The code of the result. Its meaning depends on the terminal's dialect.
    pub code: Option<i64>,
    /// What else the terminal answered, a field on each line.
    pub details: Option<String>,
}

impl PushCommand {
    /// The word for how far it has come: `waits`, `sent`, `answered`, `expired`, or `unknown` for one that was sent
    /// once, and may have been carried out.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> &'static str {
        let is_over = self.expires_at <= now;
        match (self.answered_at, self.sent_at) {
            (Some(_), _) => "answered",
            (None, Some(_)) if self.once && is_over => "unknown",
            (None, _) if is_over => "expired",
            (None, Some(_)) => "sent",
            (None, None) => "waits",
        }
    }
}

const COLUMNS: &str = "id, serial, command, queued_at, expires_at, sent_at, sends, answered_at, code, details, once";

impl PushCommand {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let optional = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(moment));
        Ok(Self {
            id: row.get(0)?,
            serial: row.get(1)?,
            command: row.get(2)?,
            queued_at: moment(row.get(3)?),
            expires_at: moment(row.get(4)?),
            sent_at: optional(5)?,
            sends: row.get(6)?,
            answered_at: optional(7)?,
            code: row.get(8)?,
            details: row.get(9)?,
            once: row.get(10)?,
        })
    }
}

impl Ledger {
    /// Returns the commands of a terminal or of all, the last ones first, at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn push_commands(&self, serial: Option<&str>, most: u32) -> Result<Vec<PushCommand>, LedgerError> {
        self.read("list commands", |connection| {
            connection
                .prepare(&format!(
                    "SELECT {COLUMNS} FROM push_commands WHERE ?1 IS NULL OR serial = ?1 ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map((serial, most), PushCommand::from_row)?
                .collect()
        })
    }

    /// Queues a command. One that is sent `once` is never sent again: nobody knows if a terminal has carried it out
    /// whose answer is lost. Others are sent again until they are answered. Returns its number; `None` if too many of
    /// the terminal have no answer yet ([`MOST_OPEN`]).
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be written; then it is not queued.
    pub fn queue_push_command(
        &self,
        serial: &str,
        command: &str,
        once: bool,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<u32>, LedgerError> {
        self.write("queue a command", |transaction| queue(transaction, serial, command, once, expires_at, now))
    }

    /// Returns the commands that are to be sent to a terminal now, oldest first: their numbers and texts.
    pub(crate) fn due_push_commands(
        &self,
        serial: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(u32, String)>, LedgerError> {
        self.read("look up commands", |connection| {
            connection
                .prepare_cached(
                    "SELECT id, command FROM push_commands
                     WHERE serial = ?1 AND answered_at IS NULL AND expires_at > ?2
                         AND (sent_at IS NULL OR (NOT once AND sent_at <= ?3))
                     ORDER BY id LIMIT ?4",
                )?
                .query_map((serial, now.timestamp(), (now - LEASE).timestamp(), MOST_AT_ONCE), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect()
        })
    }
}

impl Ledger {
    /// Returns the terminals that have commands without an answer.
    pub(crate) fn terminals_with_push_commands(&self, now: DateTime<Utc>) -> Result<Vec<String>, LedgerError> {
        self.read("look up commands", |connection| {
            connection
                .prepare_cached(
                    "SELECT DISTINCT serial FROM push_commands WHERE answered_at IS NULL AND expires_at > ?1",
                )?
                .query_map([now.timestamp()], |row| row.get(0))?
                .collect()
        })
    }

    /// Notes that commands are sent now. Returns their numbers and texts.
    pub(crate) fn push_commands_sent(
        &self,
        ids: &[u32],
        now: DateTime<Utc>,
    ) -> Result<Vec<(u32, String)>, LedgerError> {
        self.write("note commands", |transaction| {
            let mut note = transaction.prepare_cached(
                "UPDATE push_commands SET sent_at = ?2, sends = sends + 1 WHERE id = ?1 RETURNING command",
            )?;
            let text = |id: &u32| {
                let text = note.query_row((id, now.timestamp()), |row| row.get(0)).optional()?;
                Ok(text.map(|text| (*id, text)))
            };
            ids.iter().map(text).filter_map(Result::transpose).collect()
        })
    }

    /// Notes the results of a terminal's commands: the number, the code and the details of each. Those of other
    /// terminals and unknown numbers are left out; the first result of a command counts. Returns the numbers and codes
    /// of those that counted.
    pub(crate) fn push_commands_answered(
        &self,
        serial: &str,
        results: &[(u32, i64, String)],
        now: DateTime<Utc>,
    ) -> Result<Vec<(u32, i64)>, LedgerError> {
        self.write("note results", |transaction| {
            let mut note = transaction.prepare_cached(
                "UPDATE push_commands SET answered_at = ?3, code = ?4, details = nullif(?5, '')
                 WHERE id = ?1 AND serial = ?2 AND sent_at IS NOT NULL AND answered_at IS NULL",
            )?;
            let mut counted = Vec::new();
            for (id, code, details) in results {
                if note.execute((id, serial, now.timestamp(), code, details))? > 0 {
                    counted.push((*id, *code));
                }
            }
            Ok(counted)
        })
    }
}

/// Queues a command. `None` if too many of the terminal have no answer yet.
pub(super) fn queue(
    transaction: &Transaction<'_>,
    serial: &str,
    command: &str,
    once: bool,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<u32>> {
    let open: u32 = transaction
        .prepare_cached(
            "SELECT count(*) FROM push_commands WHERE serial = ?1 AND answered_at IS NULL AND expires_at > ?2",
        )?
        .query_row((serial, now.timestamp()), |row| row.get(0))?;
    if open >= MOST_OPEN {
        return Ok(None);
    }
    transaction
        .prepare_cached(
            "INSERT INTO push_commands (serial, command, once, queued_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
             RETURNING id",
        )?
        .query_row((serial, command, once, now.timestamp(), expires_at.timestamp()), |row| row.get(0))
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Removal;

    fn at(second: i64) -> DateTime<Utc> {
        moment(1_800_000_000 + second)
    }

    #[test]
    fn a_command_is_sent_again_after_its_lease_until_it_is_answered_or_expires() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let (first, second) = ("INFO", "LOG");
        let one = ledger.queue_push_command("A1", first, false, at(3_600), at(0)).unwrap().unwrap();
        let two = ledger.queue_push_command("A1", second, false, at(3_600), at(0)).unwrap().unwrap();
        let due = |second: i64| -> Vec<u32> {
            ledger.due_push_commands("A1", at(second)).unwrap().into_iter().map(|(id, _)| id).collect()
        };
        assert_eq!((due(0), ledger.due_push_commands("B2", at(0)).unwrap()), (vec![one, two], vec![]));
        ledger.push_commands_sent(&[one, two], at(0)).unwrap();
        assert_eq!((due(299), due(300)), (vec![], vec![one, two]));
        // A result of another terminal, one of a number that was never given, and the right one, twice.
        ledger.push_commands_answered("B2", &[(one, 0, String::new())], at(301)).unwrap();
        let results = [(99, 0, String::new()), (one, -1002, "a=1".to_owned()), (one, 0, String::new())];
        assert_eq!(ledger.push_commands_answered("A1", &results, at(302)).unwrap(), [(one, -1002)]);
        assert_eq!((due(400), due(3_600)), (vec![two], vec![]));
        let [last, answered] = ledger.push_commands(Some("A1"), 10).unwrap().try_into().unwrap();
        assert_eq!((last.id, last.answered_at), (two, None));
        assert_eq!((answered.code, answered.details.as_deref(), answered.sends), (Some(-1002), Some("a=1"), 1));
        assert_eq!(ledger.terminals_with_push_commands(at(400)).unwrap(), ["A1"]);
        assert_eq!(ledger.terminals_with_push_commands(at(3_600)).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_command_that_changes_something_is_sent_once_even_if_it_is_never_answered() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = ledger.queue_push_command("A1", "REBOOT", true, at(86_400), at(0)).unwrap().unwrap();
        assert_eq!(ledger.due_push_commands("A1", at(3_600)).unwrap().len(), 1, "not sent yet");
        ledger.push_commands_sent(&[id], at(3_600)).unwrap();
        for second in [3_601, 3_900, 86_399] {
            assert_eq!(ledger.due_push_commands("A1", at(second)).unwrap(), [], "{second}");
        }
        ledger.push_commands_answered("A1", &[(id, 0, String::new())], at(80_000)).unwrap();
        let [answered] = ledger.push_commands(Some("A1"), 10).unwrap().try_into().unwrap();
        assert_eq!((answered.code, answered.sends, answered.once), (Some(0), 1, true), "a late answer counts");
    }

    #[test]
    fn a_result_of_a_command_that_was_never_sent_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = ledger.queue_push_command("A1", "INFO", false, at(60), at(0)).unwrap().unwrap();
        ledger.push_commands_answered("A1", &[(id, 0, String::new())], at(1)).unwrap();
        assert_eq!(ledger.due_push_commands("A1", at(2)).unwrap().len(), 1);
    }

    #[test]
    fn a_person_who_is_forgotten_is_in_no_command_but_one_that_has_to_be_sent() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let [name, other, delete] =
            ["DATA UPDATE USERINFO PIN=7\tName=A", "DATA UPDATE USERINFO PIN=77", "DATA DELETE USERINFO PIN=7"]
                .map(|command| ledger.queue_push_command("A1", command, true, at(60), at(0)).unwrap().unwrap());
        ledger.push_commands_sent(&[name, other], at(1)).unwrap();
        let now = at(2).timestamp();
        ledger.remove_person(&Removal { user_id: "7", until: now, now, unproven: &[], audit: None }).unwrap();
        let left: Vec<u32> = ledger.push_commands(None, 10).unwrap().into_iter().map(|of| of.id).collect();
        assert_eq!(left, [delete, other]);
    }

    #[test]
    fn a_terminal_has_so_many_open_commands_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        for _ in 0..MOST_OPEN {
            ledger.queue_push_command("A1", "INFO", false, at(60), at(0)).unwrap().unwrap();
        }
        assert_eq!(ledger.queue_push_command("A1", "INFO", false, at(60), at(0)).unwrap(), None);
        assert!(ledger.queue_push_command("B2", "INFO", false, at(60), at(0)).unwrap().is_some());
        assert!(
            ledger.queue_push_command("A1", "INFO", false, at(120), at(60)).unwrap().is_some(),
            "the others have expired"
        );
        assert_eq!(ledger.due_push_commands("A1", at(0)).unwrap().len(), MOST_AT_ONCE as usize);
    }
}
