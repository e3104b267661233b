//! Everything that the ledger has about one person, and its removal.

use std::collections::BTreeSet;

use attendance_model::{EventId, IdScheme};
use rusqlite::Connection;

use super::sinks::state;
use super::stored::wall_clock;
use super::{Transaction, forgotten, gaps, shrunk};
use crate::{Ledger, LedgerError, trail};

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
    /// The rows in its table of people, if it keeps names.
    pub names: u64,
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
    gaps::note(transaction, super::events::last_seq(transaction)?)?;
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
        "DELETE FROM people_sent WHERE user_id = ?1",
    ] {
        transaction.execute(statement, [user])?;
    }
    // A command that still has to be sent stays: it may be the one that deletes the person at a terminal.
    transaction.execute(
        "DELETE FROM push_commands WHERE (sent_at IS NOT NULL OR expires_at <= ?2)
             AND instr(upper(replace(command, char(9), ' ')) || ' ', ' PIN=' || upper(?1) || ' ') > 0",
        (user, removal.now),
    )?;
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
                found.push(AtSink { name: row.get(0)?, target, ids: Vec::new(), names: 0 });
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
    let mut statement = connection.prepare_cached(
        "SELECT s.name, s.target, count(*) FROM people_sent p JOIN sinks s ON s.id = p.sink WHERE p.user_id = ?1
         GROUP BY s.id ORDER BY s.id",
    )?;
    let mut rows = statement.query([user_id])?;
    while let Some(row) = rows.next()? {
        let (target, names): (String, i64) = (row.get(1)?, row.get(2)?);
        let names = names.cast_unsigned();
        match found.iter_mut().find(|at| at.target == target) {
            Some(at) => at.names = names,
            None => found.push(AtSink { name: row.get(0)?, target, ids: Vec::new(), names }),
        }
    }
    Ok(found)
}
