//! Document ids that the Python tool delivered before us.

use attendance_model::EventId;
use rusqlite::{Connection, OptionalExtension};

use super::Transaction;
use super::sinks::{self, state};
use super::stored;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Imports document ids that `target` has already: events with these ids are never sent there. The target is that
    /// of a sink with ids of the scheme `iclock-sync-v1` ([`Sink::target`](attendance_model::Sink::target)). Returns
    /// the number of new ids.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when they cannot be saved; then none is imported.
    pub fn import_ids(
        &self,
        target: &str,
        name: &str,
        ids: impl IntoIterator<Item = EventId>,
    ) -> Result<u64, LedgerError> {
        self.write("import ids", |transaction| {
            let sink = sinks::id_of(transaction, target, name)?;
            let mut added = 0;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT OR IGNORE INTO imported (sink, id) VALUES (?1, ?2)")?;
                for id in ids {
                    added += insert.execute((sink, id.as_bytes()))? as u64;
                }
            }
            settle_imported(transaction, sink)?;
            Ok(added)
        })
    }

    /// Counts the ids that were imported for a target.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn imported_ids(&self, target: &str) -> Result<u64, LedgerError> {
        self.read("count imported ids", |connection| {
            connection
                .prepare_cached("SELECT count(*) FROM imported i JOIN sinks s ON s.id = i.sink WHERE s.target = ?1")?
                .query_row([target], |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        })
    }
}

impl Ledger {
    /// Counts the ids imported for a target that are of events in the ledger. The others are of punches that no
    /// terminal has shown, or of wrong documents. `None` if the ledger has no event yet.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn imported_events(&self, target: &str) -> Result<Option<u64>, LedgerError> {
        self.read("count imported ids of events", |connection| {
            let sink: Option<i64> = connection
                .prepare_cached("SELECT id FROM sinks WHERE target = ?1")?
                .query_row([target], |row| row.get(0))
                .optional()?;
            let mut statement = connection.prepare_cached("SELECT DISTINCT user_id, time FROM events")?;
            let (mut rows, mut count) = (statement.query(())?, None);
            while let Some(row) = rows.next()? {
                let id = EventId::iclock_sync_v1(row.get_ref(0)?.as_str()?, stored::wall_clock(row.get(1)?));
                let is_imported = match sink {
                    Some(sink) => contains(connection, sink, id)?,
                    None => false,
                };
                *count.get_or_insert(0) += u64::from(is_imported);
            }
            Ok(count)
        })
    }
}

/// Returns true if any id was imported for a sink.
pub(super) fn any(connection: &Connection, sink: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM imported WHERE sink = ?1)")?
        .query_row([sink], |row| row.get(0))
}

/// Returns true if an id was imported for a sink.
pub(super) fn contains(connection: &Connection, sink: i64, id: EventId) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM imported WHERE sink = ?1 AND id = ?2")?
        .query_row((sink, id.as_bytes()), |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Marks unsent events whose documents the Python tool has delivered to a sink.
pub(super) fn settle_imported(transaction: &Transaction<'_>, sink: i64) -> rusqlite::Result<()> {
    let watermarks = sinks::watermarks(transaction, sink)?;
    let mut unsent = transaction.prepare_cached(
        "SELECT e.seq, e.time, e.user_id FROM events e LEFT JOIN exceptions x ON x.sink = ?1 AND x.seq = e.seq
         WHERE e.seq > ?2 AND e.seq <= ?3 AND x.seq IS NULL
         UNION ALL
         SELECT e.seq, e.time, e.user_id FROM exceptions x JOIN events e ON e.seq = x.seq
         WHERE x.sink = ?1 AND x.state IN (?4, ?5, ?6)",
    )?;
    let states = (state::HELD, state::RELEASED, state::SKIPPED);
    let mut rows = unsent.query((sink, watermarks.delivered, watermarks.windowed, states.0, states.1, states.2))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, time, user_id): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if contains(transaction, sink, EventId::iclock_sync_v1(&user_id, stored::wall_clock(time)))? {
            found.push(seq);
        }
    }
    let mut mark = transaction.prepare_cached(
        "INSERT INTO exceptions (sink, seq, state) VALUES (?1, ?2, ?3)
             ON CONFLICT (sink, seq) DO UPDATE SET state = excluded.state, reason = NULL",
    )?;
    for seq in found {
        mark.execute((sink, seq, state::IMPORTED))?;
    }
    Ok(())
}
