//! The last call of each admitted terminal: when, and from where.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ledger::stored::moment;
use crate::{Ledger, LedgerError};

/// The last call of a terminal that was admitted. It is a minute late at most.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushCall {
    /// The time.
    pub called_at: DateTime<Utc>,
    /// The address from which it called, as far as that is known.
    pub address: Option<String>,
    /// The address before the last change of it.
    pub moved_from: Option<String>,
    /// The time of that change, to the minute.
    pub moved_at: Option<DateTime<Utc>>,
}

impl Ledger {
    /// Returns the last call of each terminal that was admitted, by the serial number that it gives.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn push_calls(&self) -> Result<BTreeMap<String, PushCall>, LedgerError> {
        self.read("look up calls", |connection| {
            connection
                .prepare("SELECT serial, called_at, address, moved_from, moved_at FROM push_calls")?
                .query_map((), |row| {
                    let moved_at = row.get::<_, Option<i64>>(4)?.map(moment);
                    let (called_at, address) = (moment(row.get(1)?), row.get(2)?);
                    Ok((row.get(0)?, PushCall { called_at, address, moved_from: row.get(3)?, moved_at }))
                })?
                .collect()
        })
    }

    /// Keeps the last calls of terminals: serial number, time and address.
    pub(crate) fn save_push_calls(&self, calls: &[(String, DateTime<Utc>, Option<String>)]) -> Result<(), LedgerError> {
        self.write("keep calls", |transaction| {
            // An address that was not known, or is not, is no other one.
            let mut save = transaction.prepare_cached(
                "INSERT INTO push_calls (serial, called_at, address) VALUES (?1, ?2, ?3)
                 ON CONFLICT (serial) DO UPDATE SET called_at = ?2,
                     moved_from = CASE WHEN address <> ?3 THEN address ELSE moved_from END,
                     moved_at = CASE WHEN address <> ?3 THEN ?2 ELSE moved_at END,
                     address = coalesce(?3, address)",
            )?;
            calls.iter().try_for_each(|(serial, at, address)| save.execute((serial, at.timestamp(), address)).map(drop))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        moment(1_800_000_000 + second)
    }

    #[test]
    fn calls_are_kept_with_their_address_and_the_last_change_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let call =
            |serial: &str, second, address: Option<&str>| (serial.to_owned(), at(second), address.map(Into::into));
        ledger.save_push_calls(&[call("A1", 0, None), call("B2", 1, Some("192.0.2.1"))]).unwrap();
        for (second, address) in [(2, Some("192.0.2.7")), (3, Some("192.0.2.7")), (4, None)] {
            ledger.save_push_calls(&[call("A1", second, address)]).unwrap();
        }
        let kept = |serial: &str| ledger.push_calls().unwrap().remove(serial).unwrap();
        let of = |second, address: &str, moved: Option<(&str, i64)>| PushCall {
            called_at: at(second),
            address: Some(address.to_owned()),
            moved_from: moved.map(|(from, _)| from.to_owned()),
            moved_at: moved.map(|(_, second)| at(second)),
        };
        assert_eq!(kept("A1"), of(4, "192.0.2.7", None));
        for (second, address) in [(5, "192.0.2.8"), (6, "192.0.2.8")] {
            ledger.save_push_calls(&[call("A1", second, Some(address))]).unwrap();
        }
        assert_eq!(kept("A1"), of(6, "192.0.2.8", Some(("192.0.2.7", 5))));
        assert_eq!(kept("B2"), of(1, "192.0.2.1", None));
    }

    #[test]
    fn a_ledger_of_version_15_keeps_its_calls_and_learns_addresses_and_facts() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.save_push_calls(&[("A1".to_owned(), at(0), None)]).unwrap();
        drop(ledger);
        let connection = rusqlite::Connection::open(dir.path().join(crate::ledger::FILE)).unwrap();
        connection
            .execute_batch(
                "ALTER TABLE push_calls DROP COLUMN address; ALTER TABLE push_calls DROP COLUMN moved_from;
                 ALTER TABLE push_calls DROP COLUMN moved_at; DROP TABLE push_facts; PRAGMA user_version = 15",
            )
            .unwrap();
        drop(connection);
        let ledger = Ledger::open(dir.path()).unwrap();
        let before = ledger.push_calls().unwrap().remove("A1").unwrap();
        assert_eq!((before.called_at, before.address), (at(0), None));
        ledger.save_push_calls(&[("A1".to_owned(), at(1), Some("192.0.2.7".to_owned()))]).unwrap();
        ledger.save_push_facts("A1", &[("FWVersion", "1".to_owned())]).unwrap();
        ledger.save_push_facts("A1", &[("FWVersion", "2".to_owned()), ("MAC", "x".to_owned())]).unwrap();
        assert_eq!(ledger.push_calls().unwrap()["A1"].address.as_deref(), Some("192.0.2.7"));
        let facts: Vec<_> = ledger.push_facts("A1").unwrap().into_values().collect();
        assert_eq!((facts, ledger.push_facts("B2").unwrap().len()), (vec!["2".to_owned(), "x".to_owned()], 0));
    }
}
