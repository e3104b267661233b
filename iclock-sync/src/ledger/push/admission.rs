//! The serial numbers that called, and what a person decided about them.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row};

use crate::ledger::Transaction;
use crate::ledger::stored::moment;
use crate::{Ledger, LedgerError};

/// The most serial numbers that wait for a decision. Of more, the one that has been silent longest is forgotten.
pub const MOST_PENDING: u32 = 1_000;

/// The decision about a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushState {
    /// It called, and waits for a decision.
    Pending,
    /// What it sends is taken.
    Approved,
    /// What it sends is refused.
    Denied,
}

/// A serial number that called, or about which somebody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushAdmission {
    /// The serial number.
    pub serial: String,
    /// The decision.
    pub state: PushState,
    /// The name that it was given with the decision.
    pub name: Option<String>,
    /// The address from which it called last.
    pub address: Option<String>,
    /// The first time it called, or the time of a decision that was made before.
    pub first_seen: DateTime<Utc>,
    /// The last time it called without being admitted, to the minute.
    pub last_seen: DateTime<Utc>,
    /// The time of the decision.
    pub decided_at: Option<DateTime<Utc>>,
}

impl PushState {
    /// The word in the ledger and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }

    /// A word of a later version admits nobody.
    fn of_word(word: &str) -> Self {
        match word {
            "approved" => Self::Approved,
            "pending" => Self::Pending,
            _ => Self::Denied,
        }
    }
}

const COLUMNS: &str = "serial, state, name, address, first_seen, last_seen, decided_at";

impl PushAdmission {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            serial: row.get(0)?,
            state: PushState::of_word(row.get_ref(1)?.as_str()?),
            name: row.get(2)?,
            address: row.get(3)?,
            first_seen: moment(row.get(4)?),
            last_seen: moment(row.get(5)?),
            decided_at: row.get::<_, Option<i64>>(6)?.map(moment),
        })
    }
}

impl Ledger {
    /// Returns the serial numbers that called or were decided about, those that called last first.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn push_admissions(&self) -> Result<Vec<PushAdmission>, LedgerError> {
        self.read("list terminals that push", |connection| {
            connection
                .prepare(&format!("SELECT {COLUMNS} FROM push_admissions ORDER BY last_seen DESC, serial"))?
                .query_map((), PushAdmission::from_row)?
                .collect()
        })
    }

    /// Decides about a serial number, which need not have called yet. Without a `name`, it keeps the one it has. One
    /// that is approved may call over plain HTTP, though it has spoken TLS before. Returns the state before.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be written; then nothing is changed.
    pub fn decide_push(
        &self,
        serial: &str,
        state: PushState,
        name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Option<PushState>, LedgerError> {
        self.write("decide about a terminal that pushes", |transaction| {
            let before = state_of(transaction, serial)?;
            transaction
                .prepare_cached(
                    "INSERT INTO push_admissions (serial, state, name, first_seen, last_seen, decided_at)
                     VALUES (?1, ?2, ?3, ?4, ?4, ?4)
                     ON CONFLICT (serial) DO UPDATE
                         SET state = ?2, name = coalesce(?3, name), decided_at = ?4",
                )?
                .execute((serial, state.as_str(), name, now.timestamp()))?;
            if state == PushState::Approved {
                let kept_as = "SELECT coalesce((SELECT serial FROM terminals WHERE alias = ?1), ?1)";
                let forget = format!("UPDATE push_terminals SET tls = 0 WHERE tls = 2 AND serial = ({kept_as})");
                transaction.prepare_cached(&forget)?.execute([serial])?;
            }
            Ok(before)
        })
    }

    /// Notes that a serial number called that is not admitted.
    pub(crate) fn note_caller(
        &self,
        serial: &str,
        address: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        self.write("note a terminal that calls", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO push_admissions (serial, state, address, first_seen, last_seen)
                     VALUES (?1, 'pending', ?2, ?3, ?3)
                     ON CONFLICT (serial) DO UPDATE SET address = ?2, last_seen = ?3",
                )?
                .execute((serial, address, now.timestamp()))?;
            transaction
                .prepare_cached(
                    "DELETE FROM push_admissions WHERE serial IN (SELECT serial FROM push_admissions
                         WHERE state = 'pending' ORDER BY last_seen DESC, serial LIMIT -1 OFFSET ?1)",
                )?
                .execute([MOST_PENDING])?;
            Ok(())
        })
    }
}

fn state_of(transaction: &Transaction<'_>, serial: &str) -> rusqlite::Result<Option<PushState>> {
    transaction
        .prepare_cached("SELECT state FROM push_admissions WHERE serial = ?1")?
        .query_row([serial], |row| Ok(PushState::of_word(row.get_ref(0)?.as_str()?)))
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        moment(1_800_000_000 + second)
    }

    #[test]
    fn a_caller_waits_once_until_somebody_decides() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.note_caller("A1", Some("192.0.2.10"), at(0)).unwrap();
        ledger.note_caller("A1", Some("192.0.2.11"), at(60)).unwrap();
        let [waiting] = ledger.push_admissions().unwrap().try_into().unwrap();
        assert_eq!((waiting.state, waiting.address.as_deref()), (PushState::Pending, Some("192.0.2.11")));
        assert_eq!((waiting.first_seen, waiting.last_seen), (at(0), at(60)));

        let before = ledger.decide_push("A1", PushState::Approved, Some("gate"), at(70)).unwrap();
        assert_eq!(before, Some(PushState::Pending));
        // It called once more before it heard of that.
        ledger.note_caller("A1", None, at(80)).unwrap();
        assert_eq!(ledger.decide_push("A1", PushState::Denied, None, at(90)).unwrap(), Some(PushState::Approved));
        assert_eq!(ledger.decide_push("B2", PushState::Approved, None, at(90)).unwrap(), None);
        let states: Vec<_> = ledger.push_admissions().unwrap().into_iter().map(|of| (of.serial, of.name)).collect();
        assert_eq!(states, [("B2".to_owned(), None), ("A1".to_owned(), Some("gate".to_owned()))]);
    }

    #[test]
    fn of_too_many_callers_the_one_that_was_silent_longest_is_forgotten_and_no_decision_is() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.decide_push("DENIED", PushState::Denied, None, at(0)).unwrap();
        for number in 0..=MOST_PENDING {
            ledger.note_caller(&format!("N{number}"), None, at(1 + i64::from(number))).unwrap();
        }
        let known: Vec<String> = ledger.push_admissions().unwrap().into_iter().map(|of| of.serial).collect();
        assert_eq!(known.len(), MOST_PENDING as usize + 1);
        assert!(known.contains(&"DENIED".to_owned()) && !known.contains(&"N0".to_owned()));
        assert_eq!(known[0], format!("N{MOST_PENDING}"));
    }
}
