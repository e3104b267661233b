//! The sinks as the ledger knows them: three watermarks, and the events to which these do not apply.
//!
//! With a million events delivered, a sink is one row. Its target is its identity, so that a renamed sink continues
//! where it was and a new target starts with everything.

use rusqlite::{Connection, OptionalExtension};

use super::Transaction;
use super::window::Seconds;

/// A sink's watermarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SinkState {
    /// The number by which other tables name it.
    pub(crate) id: i64,
    /// The last event for which the window has decided whether it is held.
    pub(super) windowed: i64,
    /// The last event that may go out.
    pub(crate) admitted: i64,
    /// The last event that went out. Those above it are fresh.
    pub(crate) delivered: i64,
    /// Every held event is outside of this window; `None` if that is not known.
    pub(super) outside: Option<Seconds>,
}

/// The reasons why a sink's watermarks do not apply to an event.
pub(super) mod state {
    /// Outside the window when it entered.
    pub(in crate::ledger) const HELD: i64 = 1;
    /// Held before, and inside the window of a later run; not admitted yet.
    pub(in crate::ledger) const RELEASED: i64 = 2;
    /// Skipped: admitted, below the watermark `delivered`, and still to send.
    pub(in crate::ledger) const SKIPPED: i64 = 3;
    /// The sink will never take it.
    pub(in crate::ledger) const REJECTED: i64 = 4;
    /// Its document is that of an earlier event.
    pub(in crate::ledger) const MERGED: i64 = 5;
    /// The Python tool delivered it.
    pub(in crate::ledger) const IMPORTED: i64 = 6;
}

/// Returns the number of a sink. A new sink is entered; otherwise nothing is written.
pub(super) fn id_of(transaction: &Transaction<'_>, target: &str, name: &str) -> rusqlite::Result<i64> {
    let known: Option<(i64, bool)> = transaction
        .prepare_cached("SELECT id, name = ?2 FROM sinks WHERE target = ?1")?
        .query_row([target, name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match known {
        Some((id, true)) => Ok(id),
        Some((id, false)) => {
            transaction.execute("UPDATE sinks SET name = ?2 WHERE id = ?1", (id, name))?;
            Ok(id)
        }
        None => {
            transaction.execute("INSERT INTO sinks (target, name) VALUES (?1, ?2)", [target, name])?;
            Ok(transaction.last_insert_rowid())
        }
    }
}

/// Returns the watermarks of a sink.
pub(super) fn watermarks(connection: &Connection, id: i64) -> rusqlite::Result<SinkState> {
    connection.prepare_cached("SELECT windowed, admitted, delivered, window FROM sinks WHERE id = ?1")?.query_row(
        [id],
        |row| {
            let outside = row.get_ref(3)?.as_str_or_null()?.and_then(Seconds::from_text);
            Ok(SinkState { id, windowed: row.get(0)?, admitted: row.get(1)?, delivered: row.get(2)?, outside })
        },
    )
}

/// Remembers that an event has shrunk which a sink was not given, or that nobody knows.
pub(super) fn pass_over(transaction: &Transaction<'_>, sink: i64, seq: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE sinks SET begins = max(begins, ?2) WHERE id = ?1")?.execute((sink, seq))?;
    Ok(())
}

/// Counts the exceptions of a sink by state: those up to its watermark `delivered`, and those after it.
pub(super) fn exceptions(connection: &Connection, sink: i64) -> rusqlite::Result<Vec<(i64, bool, i64)>> {
    connection
        .prepare_cached("SELECT state, fresh, events FROM exception_counts WHERE sink = ?1")?
        .query_map([sink], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}
