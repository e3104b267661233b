//! The names that each sink was given, for sinks that keep people by name.

use attendance_model::NamedPerson;
use chrono::DateTime;

use crate::{Ledger, LedgerError};

/// A name that a sink does not have yet.
#[derive(Clone, Debug)]
pub(crate) struct DueName {
    terminal: i64,
    pub(crate) person: NamedPerson,
}

impl Ledger {
    /// Returns at most `most` names that a sink does not have yet, oldest first. An empty name is due only to replace
    /// another.
    pub(crate) fn names_due(&self, sink: i64, most: usize) -> Result<Vec<DueName>, LedgerError> {
        self.read("look for names that are due", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT p.terminal, t.serial, t.name, p.user_id, p.name, p.seen_at FROM people p
                 JOIN terminals t ON t.id = p.terminal
                 LEFT JOIN people_sent s ON s.sink = ?1 AND s.terminal = p.terminal AND s.user_id = p.user_id
                 WHERE CASE WHEN s.seen_at IS NULL THEN p.name <> '' ELSE s.seen_at < p.seen_at END
                 ORDER BY p.seen_at, p.terminal, p.user_id LIMIT ?2",
            )?;
            let due = |row: &rusqlite::Row<'_>| {
                let device = (row.get::<_, String>(1)?, row.get::<_, String>(2)?);
                let seen_at = DateTime::from_timestamp(row.get(5)?, 0).unwrap_or_default();
                let person = NamedPerson::new(device, row.get::<_, String>(3)?, row.get::<_, String>(4)?, seen_at);
                Ok(DueName { terminal: row.get(0)?, person })
            };
            statement.query_map((sink, i64::try_from(most).unwrap_or(i64::MAX)), due)?.collect()
        })
    }

    /// Notes that a sink has these names now.
    pub(crate) fn keep_names_sent(&self, sink: i64, sent: &[DueName]) -> Result<(), LedgerError> {
        self.write("note names that were sent", |transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO people_sent (sink, terminal, user_id, seen_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (sink, terminal, user_id) DO UPDATE SET seen_at = excluded.seen_at",
            )?;
            for DueName { terminal, person } in sent {
                statement.execute((sink, terminal, &person.user_id, person.seen_at.timestamp()))?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::NamedPerson as AtTerminal;

    fn at_terminal(user_id: &str, name: &str) -> AtTerminal {
        AtTerminal { user_id: user_id.to_owned(), name: name.to_owned(), department: 1 }
    }

    /// The user ids and names that are due for a sink.
    fn due(ledger: &Ledger, sink: i64) -> Vec<(String, String)> {
        let due = ledger.names_due(sink, 100).unwrap();
        due.into_iter().map(|due| (due.person.user_id, due.person.name)).collect()
    }

    fn pair(user_id: &str, name: &str) -> (String, String) {
        (user_id.to_owned(), name.to_owned())
    }

    #[test]
    fn a_name_is_due_until_the_sink_has_it_and_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let sink = |name: &str| {
            ledger.import_ids(&format!("memory:{name}"), name, []).unwrap();
            ledger
                .write("test", |transaction| super::super::sinks::id_of(transaction, &format!("memory:{name}"), name))
                .unwrap()
        };
        let (one, other) = (sink("one"), sink("other"));
        ledger.keep_names(("A1", "front"), &[at_terminal("7", "Ahmed"), at_terminal("8", "")], Some(2), 100).unwrap();
        assert_eq!(due(&ledger, one), [pair("7", "Ahmed")], "somebody without a name is not worth a row");
        ledger.keep_names_sent(one, &ledger.names_due(one, 100).unwrap()).unwrap();
        assert_eq!((due(&ledger, one), due(&ledger, other)), (Vec::new(), vec![pair("7", "Ahmed")]));
        // In the same second.
        ledger.keep_names(("A1", "front"), &[at_terminal("7", "Ahmed Ali")], Some(2), 100).unwrap();
        assert_eq!(due(&ledger, one), [pair("7", "Ahmed Ali")]);
        ledger.keep_names_sent(one, &ledger.names_due(one, 100).unwrap()).unwrap();
        ledger.keep_names(("A1", "front"), &[at_terminal("7", "")], Some(2), 200).unwrap();
        assert_eq!(due(&ledger, one), [pair("7", "")], "the old name has to go");
        assert_eq!(due(&ledger, other), [] as [(String, String); 0]);
    }
}
