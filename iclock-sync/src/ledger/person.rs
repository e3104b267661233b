//! Everything that the ledger has about one person, and its removal.

use std::collections::BTreeSet;

use attendance_model::{EventId, IdScheme};
use rusqlite::Connection;

use super::sinks::state;
use super::stored::wall_clock;
use super::{Transaction, forgotten, shrunk};
use crate::{Ledger, LedgerError, trail};

/// The setting with the number of the last event when a person was last removed. Gaps in the numbers are not above it.
const LAST_EVENT: &str = "last event";

/// The events of a person, those included that have shrunk.
const ALL_EVENTS: &str = "SELECT user_id, time FROM events WHERE user_id = ?1
                          UNION ALL SELECT user_id, time FROM shrunk WHERE user_id = ?1";

/// The rows of one person.
#[derive(Clone, Debug, Default)]
pub(crate) struct PersonRows {
    /// The numbers of the events.
    pub(crate) events: BTreeSet<i64>,
    pub(crate) quarantined: u64,
    pub(crate) names: Vec<String>,
    pub(crate) sinks: Vec<AtSink>,
}

/// The documents of one person at a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AtSink {
    /// The configured name when it was last served.
    pub name: String,
    /// The target, without credentials.
    pub target: String,
    /// The ids of the documents or rows that it was given.
    pub ids: Vec<EventId>,
}

/// What is removed together with a person's rows.
#[derive(Debug)]
pub(crate) struct Removal<'a> {
    pub(crate) user_id: &'a str,
    /// Punches up to this time are the person's, in seconds since 1970 by the terminals' clocks.
    pub(crate) until: i64,
    pub(crate) now: i64,
    /// The numbers of kept logs.
    pub(crate) unproven: &'a [i64],
    /// The last line of the audit, which was written again.
    pub(crate) audit: Option<&'a str>,
}

impl Ledger {
    /// Collects what the ledger has about a person.
    pub(crate) fn person(&self, user_id: &str) -> Result<PersonRows, LedgerError> {
        self.read("look for a person", |connection| {
            let column = |question: &str| -> rusqlite::Result<Vec<String>> {
                connection.prepare_cached(question)?.query_map([user_id], |row| row.get(0))?.collect()
            };
            let events = connection
                .prepare_cached(
                    "SELECT seq FROM events WHERE user_id = ?1
                     UNION SELECT seq FROM shrunk WHERE user_id = ?1 AND seq > 0",
                )?
                .query_map([user_id], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let quarantined: i64 = connection
                .prepare_cached("SELECT count(*) FROM quarantine WHERE user_id = ?1")?
                .query_row([user_id], |row| row.get(0))?;
            let names = column("SELECT DISTINCT name FROM people WHERE user_id = ?1 ORDER BY name")?;
            let sinks = at_sinks(connection, user_id)?;
            Ok(PersonRows { events, quarantined: quarantined.cast_unsigned(), names, sinks })
        })
    }

    /// Removes a person's rows, and remembers the person by a digest.
    pub(crate) fn remove_person(&self, removal: &Removal<'_>) -> Result<(), LedgerError> {
        // What is removed is overwritten in the file.
        self.read("remove a person", |connection| connection.pragma_update(None, "secure_delete", true))?;
        self.write("remove a person", |transaction| remove(transaction, removal))?;
        self.read("remove a person", |connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
            connection.pragma_update(None, "secure_delete", false)
        })
    }
}

fn remove(transaction: &Transaction<'_>, removal: &Removal<'_>) -> rusqlite::Result<()> {
    let user = removal.user_id;
    // Numbers are not given twice: sinks and audit know them.
    let last = super::events::last_seq(transaction)?;
    Ledger::set(transaction, LAST_EVENT, &last.max(last_of_gaps(transaction)?).to_string())?;
    // A terminal's clock may be ahead of this one.
    let last_time: Option<i64> =
        transaction.query_row(&format!("SELECT max(time) FROM ({ALL_EVENTS})"), [user], |row| row.get(0))?;
    let until = last_time.map_or(removal.until, |time| time.max(removal.until));
    let documents: Vec<(i64, EventId)> = {
        let mut statement =
            transaction.prepare(&format!("SELECT s.id, e.user_id, e.time FROM sinks s JOIN ({ALL_EVENTS}) e"))?;
        let document = |row: &rusqlite::Row<'_>| {
            let (sink, user_id, time): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((sink, EventId::iclock_sync_v1(&user_id, wall_clock(time))))
        };
        statement.query_map([user], document)?.collect::<rusqlite::Result<_>>()?
    };
    let mut imported = transaction.prepare_cached("DELETE FROM imported WHERE sink = ?1 AND id = ?2")?;
    for (sink, id) in documents {
        imported.execute((sink, id.as_bytes()))?;
    }
    // The last records of a log are kept to compare them. Without them the log is read whole once more.
    transaction.execute(
        "UPDATE terminals SET records = 0, overlap = x'', count = NULL, verified_at = NULL
         WHERE id IN (SELECT terminal FROM events WHERE user_id = ?1)
             OR id IN (SELECT terminal FROM shrunk WHERE user_id = ?1)
             OR id IN (SELECT terminal FROM quarantine WHERE user_id = ?1)",
        [user],
    )?;
    for statement in [
        "DELETE FROM exceptions WHERE seq IN (SELECT seq FROM events WHERE user_id = ?1)",
        "DELETE FROM events WHERE user_id = ?1",
        "DELETE FROM quarantine WHERE user_id = ?1",
        "DELETE FROM people WHERE user_id = ?1",
    ] {
        transaction.execute(statement, [user])?;
    }
    let shrunk = transaction.execute("DELETE FROM shrunk WHERE user_id = ?1", [user])?;
    if let Some(mut sum) = shrunk::shrunk(transaction)? {
        sum.events = sum.events.saturating_sub(shrunk as u64);
        shrunk::set_shrunk(transaction, &sum)?;
    }
    for id in removal.unproven {
        transaction.execute("DELETE FROM unproven WHERE id = ?1", [id])?;
    }
    if let Some(head) = removal.audit {
        Ledger::set(transaction, trail::HEAD, head)?;
    }
    forgotten::note(transaction, user, until, removal.now)
}

/// The number above which there are no gaps; 0 if nobody was removed.
fn last_of_gaps(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce((SELECT CAST(value AS INTEGER) FROM settings WHERE name = ?1), 0)")?
        .query_row([LAST_EVENT], |row| row.get(0))
}

/// Counts the numbers after one, up to another, that no event has because its person was removed.
pub(super) fn removed(connection: &Connection, after: i64, through: i64) -> rusqlite::Result<i64> {
    let through = through.min(last_of_gaps(connection)?);
    if through <= after {
        return Ok(0);
    }
    let count = |question| connection.prepare_cached(question)?.query_row((after, through), |row| row.get::<_, i64>(0));
    let whole = count("SELECT count(*) FROM events WHERE seq > ?1 AND seq <= ?2")?;
    let shrunk = match shrunk::shrunk(connection)? {
        Some(sum) if sum.through > after => count("SELECT count(*) FROM shrunk WHERE seq > ?1 AND seq <= ?2")?,
        _ => 0,
    };
    Ok(through - after - whole - shrunk)
}

/// The documents that each sink was given, by its ids.
fn at_sinks(connection: &Connection, user_id: &str) -> rusqlite::Result<Vec<AtSink>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, target, ids, key, time FROM (
             SELECT s.id AS sink, s.name, s.target, s.ids, e.key, e.time, e.seq FROM sinks s
             JOIN events e ON e.user_id = ?1 LEFT JOIN exceptions x ON x.sink = s.id AND x.seq = e.seq
             WHERE CASE WHEN x.state IS NULL THEN e.seq <= s.delivered ELSE x.state IN (?2, ?3) END
             UNION ALL SELECT s.id, s.name, s.target, s.ids, e.key, e.time, e.seq FROM sinks s
             JOIN shrunk e ON e.user_id = ?1 AND e.seq > s.begins
         ) ORDER BY sink, seq",
    )?;
    let mut rows = statement.query((user_id, state::MERGED, state::IMPORTED))?;
    let mut found: Vec<AtSink> = Vec::new();
    while let Some(row) = rows.next()? {
        let target: String = row.get(1)?;
        let scheme = row.get::<_, Option<String>>(2)?.and_then(|word| word.parse().ok()).unwrap_or(IdScheme::Full);
        let id = match scheme {
            IdScheme::IclockSyncV1 => EventId::iclock_sync_v1(user_id, wall_clock(row.get(4)?)),
            IdScheme::Full => EventId::from_bytes(row.get(3)?),
        };
        let at = match found.last_mut() {
            Some(at) if at.target == target => at,
            _ => {
                found.push(AtSink { name: row.get(0)?, target, ids: Vec::new() });
                match found.last_mut() {
                    Some(at) => at,
                    None => continue,
                }
            }
        };
        // Merged events share a document.
        if at.ids.last() != Some(&id) {
            at.ids.push(id);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;
    use crate::ledger::{Admission, Settled};

    const TARGET: &str = "memory:db";

    /// Enters ten events, of which user 0 has the 5th and the 10th, user 1 the 1st and the 6th, and so on.
    fn ledger(dir: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(dir).unwrap();
        ledger
            .write("enter", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'S', 'gate');
                     INSERT INTO readings (id, terminal, device_name, source, read_at) VALUES (1, 1, 'gate', 'pull', 0);",
                )?;
                for seq in 1_i64..=10 {
                    transaction.execute(
                        "INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                         VALUES (1, 1, ?1, ?2, ?3, 1, 0, x'')",
                        (seq, seq.to_be_bytes().repeat(2), (seq % 5).to_string()),
                    )?;
                }
                Ok(())
            })
            .unwrap();
        ledger
    }

    fn admit(ledger: &Ledger, max_new: Option<u64>) -> (i64, Option<u64>) {
        let window = Window::default();
        let admission = Admission { target: TARGET, name: "db", ids: IdScheme::Full, window, max_new };
        let admitted = ledger.admit(&admission).unwrap();
        (admitted.sink.id, admitted.over_limit)
    }

    fn forget(ledger: &Ledger, user_id: &str) {
        ledger.remove_person(&Removal { user_id, until: 0, now: 0, unproven: &[], audit: None }).unwrap();
    }

    fn pending(ledger: &Ledger) -> u64 {
        ledger.waiting(TARGET).unwrap().pending
    }

    #[test]
    fn only_events_that_are_there_wait_after_their_person_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        forget(&ledger, "1");
        assert_eq!(pending(&ledger), 8, "for a sink that is not known yet");
        let (sink, _) = admit(&ledger, None);
        ledger.settle(sink, &Settled { delivered: 4, ..Settled::default() }).unwrap();
        assert_eq!(pending(&ledger), 5);
        forget(&ledger, "0");
        assert_eq!(pending(&ledger), 3, "the 7th, the 8th and the 9th");
    }

    #[test]
    fn skipped_events_wait_though_the_last_ones_were_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        let (sink, _) = admit(&ledger, None);
        ledger.settle(sink, &Settled { delivered: 10, skipped: vec![2], ..Settled::default() }).unwrap();
        forget(&ledger, "0");
        assert_eq!(pending(&ledger), 1);
    }

    #[test]
    fn a_safety_limit_does_not_count_events_that_were_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        assert_eq!(admit(&ledger, Some(6)).1, Some(10));
        forget(&ledger, "1");
        forget(&ledger, "0");
        assert_eq!(admit(&ledger, Some(5)).1, Some(6));
        assert_eq!(admit(&ledger, Some(6)).1, None);
        assert_eq!(pending(&ledger), 6);
    }
}
