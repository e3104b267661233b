//! People's names and departments, as the terminals' user tables have them. No password, card or fingerprint is kept.

use std::collections::HashMap;

use rusqlite::OptionalExtension as _;

use super::{Transaction, forgotten, terminals};
use crate::{Ledger, LedgerError};

/// A person as a terminal's user table names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPerson {
    pub(crate) user_id: String,
    pub(crate) name: String,
    /// The terminal's group, which the menu of some terminals calls department.
    pub(crate) department: u8,
}

/// The names and departments of people, by user id.
///
/// A person who is known to several terminals may have several names. The one that was read last counts, except for a
/// punch: there it is the name at the terminal of the punch.
#[derive(Clone, Debug, Default)]
pub struct Names {
    people: HashMap<String, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    name: String,
    department: u8,
    /// The names at single terminals that differ, by serial number.
    elsewhere: Vec<(String, String)>,
}

impl Names {
    /// The name of a person; `None` if no terminal has one.
    #[must_use]
    pub fn of(&self, user_id: &str) -> Option<&str> {
        self.people.get(user_id).map(|known| known.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The name of a person at the terminal with this serial number, or else at any other.
    #[must_use]
    pub fn at(&self, serial: &str, user_id: &str) -> Option<&str> {
        let known = self.people.get(user_id)?;
        let own = known.elsewhere.iter().find(|(terminal, _)| terminal == serial);
        own.map_or_else(|| self.of(user_id), |(_, name)| Some(name))
    }

    /// The number of a person's department: the group in the terminal's user table, 1 for most.
    #[must_use]
    pub fn department(&self, user_id: &str) -> Option<u8> {
        self.people.get(user_id).map(|known| known.department)
    }

    /// Returns all people of the user tables, in no order: user id, name, and the number of the department. The name is
    /// empty if no terminal has one.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u8)> {
        self.people.iter().map(|(user_id, known)| (user_id.as_str(), known.name.as_str(), known.department))
    }

    /// Returns true if no person is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }
}

impl Ledger {
    /// Returns the names of all people, as the terminals had them when their user tables were last read.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn names(&self) -> Result<Names, LedgerError> {
        self.read("read names", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT p.user_id, p.name, p.department, t.serial FROM people p JOIN terminals t ON t.id = p.terminal
                 ORDER BY p.seen_at DESC, p.terminal DESC",
            )?;
            let (mut rows, mut names) = (statement.query(())?, Names::default());
            while let Some(row) = rows.next()? {
                let (user, name): (String, String) = (row.get(0)?, row.get(1)?);
                match names.people.get_mut(&user) {
                    // The rows begin with the newest. One without a name gives way.
                    Some(known) if known.name.is_empty() => known.name = name,
                    Some(known) if known.name != name && !name.is_empty() => {
                        known.elsewhere.push((row.get(3)?, name));
                    }
                    Some(_) => {}
                    None => {
                        let known = Known { name, department: row.get(2)?, elsewhere: Vec::new() };
                        names.people.insert(user, known);
                    }
                }
            }
            Ok(names)
        })
    }

    /// Returns true if a terminal's user table should be read: its number of users has changed, or it was not read
    /// since `since`, in seconds since 1970.
    pub(crate) fn are_names_due(&self, serial: &str, users: Option<u32>, since: i64) -> Result<bool, LedgerError> {
        let last = self.read("look up names", |connection| {
            connection
                .prepare_cached(
                    "SELECT r.read_at, r.users FROM people_readings r JOIN terminals t ON t.id = r.terminal
                     WHERE t.serial = ?1",
                )?
                .query_row([serial], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<u32>>(1)?)))
                .optional()
        })?;
        Ok(last.is_none_or(|(read_at, known)| read_at < since || (users.is_some() && users != known)))
    }

    /// Keeps the names of a terminal's people, and that its user table was read. Those that it has no more stay.
    pub(crate) fn keep_names(
        &self,
        (serial, terminal): (&str, &str),
        people: &[NamedPerson],
        users: Option<u32>,
        now: i64,
    ) -> Result<(), LedgerError> {
        self.write("keep names", |transaction| {
            let terminal = terminals::id_of(transaction, serial, terminal)?;
            transaction.execute(
                "INSERT OR REPLACE INTO people_readings (terminal, read_at, users) VALUES (?1, ?2, ?3)",
                (terminal, now, users),
            )?;
            people.iter().try_for_each(|person| person.keep(transaction, terminal, now))
        })
    }
}

impl NamedPerson {
    /// Only what changed is written: the time is that of the change, so that the newest name wins. A change in the same
    /// second gets a later one: by it a sink is told from one that has the newest name.
    fn keep(&self, transaction: &Transaction<'_>, terminal: i64, now: i64) -> rusqlite::Result<()> {
        // The table does not say since when the person has the user id.
        if forgotten::is_forgotten(transaction, &self.user_id)? {
            return Ok(());
        }
        transaction
            .prepare_cached(
                "INSERT INTO people (terminal, user_id, name, department, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (terminal, user_id) DO UPDATE
                     SET name = excluded.name, department = excluded.department,
                         seen_at = max(excluded.seen_at, seen_at + 1)
                     WHERE name <> excluded.name OR department <> excluded.department",
            )?
            .execute((terminal, &self.user_id, &self.name, self.department, now))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user_id: &str, name: &str) -> NamedPerson {
        NamedPerson { user_id: user_id.to_owned(), name: name.to_owned(), department: 1 }
    }

    #[test]
    fn the_newest_name_wins_and_a_terminal_keeps_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.keep_names(("A1", "front"), &[person("7", "Ahmed"), person("8", "")], Some(2), 100).unwrap();
        ledger.keep_names(("B2", "back"), &[person("7", "Ahmed Ali"), person("8", "Mariyam")], Some(2), 200).unwrap();
        // Read again, unchanged: it is no newer.
        ledger.keep_names(("A1", "front"), &[person("7", "Ahmed")], Some(1), 300).unwrap();
        let names = ledger.names().unwrap();
        assert_eq!(
            (names.of("7"), names.at("A1", "7"), names.at("B2", "7")),
            (Some("Ahmed Ali"), Some("Ahmed"), Some("Ahmed Ali"))
        );
        assert_eq!((names.of("8"), names.at("A1", "8"), names.of("9")), (Some("Mariyam"), Some("Mariyam"), None));
        let mut all: Vec<_> = names.iter().collect();
        all.sort_unstable();
        assert_eq!(all, [("7", "Ahmed Ali", 1), ("8", "Mariyam", 1)]);
        ledger.keep_names(("A1", "front"), &[person("7", "Ahmed Hassan")], Some(1), 400).unwrap();
        assert_eq!(ledger.names().unwrap().of("7"), Some("Ahmed Hassan"));
    }

    #[test]
    fn names_are_due_once_when_the_number_of_users_changes_and_after_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let due = |users, since| ledger.are_names_due("A1", users, since).unwrap();
        assert!(due(Some(1), 0));
        ledger.keep_names(("A1", "front"), &[], Some(1), 100).unwrap();
        assert_eq!((due(Some(1), 50), due(None, 50), due(Some(2), 50), due(Some(1), 101)), (false, false, true, true));
    }
}
