//! Document ids that the Python tool delivered before us.

use attendance_model::EventId;
use rusqlite::{Connection, OptionalExtension};

use super::delivery;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Takes over document ids that `target` (a sink with ids of the scheme `iclock-sync-v1`, named by
    /// [`Sink::target`](attendance_model::Sink::target)) holds already: events with these ids are never sent there.
    /// Returns how many were new.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`] when they cannot be saved; then none is.
    pub fn import_ids(
        &self,
        target: &str,
        name: &str,
        ids: impl IntoIterator<Item = EventId>,
    ) -> Result<u64, LedgerError> {
        self.write("import ids", |transaction| {
            let sink = delivery::id_of(transaction, target, name)?;
            let mut added = 0;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT OR IGNORE INTO imported (sink, id) VALUES (?1, ?2)")?;
                for id in ids {
                    added += insert.execute((sink, id.as_bytes()))? as u64;
                }
            }
            delivery::settle_imported(transaction, sink)?;
            Ok(added)
        })
    }

    /// How many ids were taken over for a target.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`] when the ledger cannot be read.
    pub fn imported_ids(&self, target: &str) -> Result<u64, LedgerError> {
        self.read("count imported ids", |connection| {
            connection
                .prepare_cached("SELECT count(*) FROM imported i JOIN sinks s ON s.id = i.sink WHERE s.target = ?1")?
                .query_row([target], |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        })
    }
}

/// Whether any id was taken over for a sink.
pub(super) fn any(connection: &Connection, sink: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM imported WHERE sink = ?1)")?
        .query_row([sink], |row| row.get(0))
}

/// Whether an id was taken over for a sink.
pub(super) fn contains(connection: &Connection, sink: i64, id: EventId) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM imported WHERE sink = ?1 AND id = ?2")?
        .query_row((sink, id.as_bytes()), |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
