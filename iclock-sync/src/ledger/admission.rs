//! Admission to a sink: events inside the window may go out, and no more new ones at once than allowed.

use attendance_model::{EventId, IdScheme};

use super::Transaction;
use super::id_scheme::{self, ChangedIds};
use super::sinks::{SinkState, id_of, state, watermarks};
use super::window::{OF_EVENT, condition};
use super::{events, imported, stored};
use crate::{Ledger, LedgerError, Window};

/// A sink, and the events that may go out to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission<'a> {
    pub(crate) target: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ids: IdScheme,
    pub(crate) window: Window,
    /// The most new events; `None` for any number.
    pub(crate) max_new: Option<u64>,
}

/// The result of an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) sink: SinkState,
    /// Events found to have the document of an earlier one.
    pub(crate) merged: u64,
    /// Events found to be delivered by the Python tool.
    pub(crate) imported: u64,
    /// The change, if the sink's document ids are not those of before.
    pub(crate) changed_ids: Option<ChangedIds>,
    /// The number of new events, if there are too many.
    pub(crate) over_limit: Option<u64>,
}

impl Ledger {
    /// Decides for the events that entered since the last admission which are inside the window, and which may go out.
    pub(crate) fn admit(&self, admission: &Admission<'_>) -> Result<Admitted, LedgerError> {
        self.write("admit events", |transaction| {
            let id = id_of(transaction, admission.target, admission.name)?;
            let mut sink = watermarks(transaction, id)?;
            let changed_ids = id_scheme::adopt(transaction, &sink, admission.ids)?;
            let last = events::last_seq(transaction)?;
            let (merged, imported) = match admission.ids {
                IdScheme::Full => {
                    hold_outside(transaction, &sink, last, &admission.window)?;
                    (0, 0)
                }
                IdScheme::IclockSyncV1 => sort_by_document(transaction, &sink, last, &admission.window)?,
            };
            sink.windowed = last;
            release_inside(transaction, &sink, &admission.window)?;
            let new = new_events(transaction, &sink)?;
            let over_limit = admission.max_new.is_some_and(|most| new > most).then_some(new);
            if over_limit.is_none() {
                sink.admitted = last;
                let release = (sink.id, state::RELEASED, sink.delivered);
                // Above the watermark an admitted event is fresh and needs no exception; below it, it is skipped.
                transaction
                    .prepare_cached("DELETE FROM exceptions WHERE sink = ?1 AND state = ?2 AND seq > ?3")?
                    .execute(release)?;
                transaction
                    .prepare_cached("UPDATE exceptions SET state = ?3 WHERE sink = ?1 AND state = ?2")?
                    .execute((sink.id, state::RELEASED, state::SKIPPED))?;
            }
            transaction
                .prepare_cached(
                    "UPDATE sinks SET windowed = ?2, admitted = ?3
                     WHERE id = ?1 AND (windowed <> ?2 OR admitted <> ?3)",
                )?
                .execute((sink.id, sink.windowed, sink.admitted))?;
            Ok(Admitted { sink, merged, imported, changed_ids, over_limit })
        })
    }
}

/// Holds new events outside the window.
fn hold_outside(transaction: &Transaction<'_>, sink: &SinkState, last: i64, window: &Window) -> rusqlite::Result<()> {
    let Some(inside) = condition(window, OF_EVENT) else { return Ok(()) };
    transaction
        .prepare_cached(&format!(
            "INSERT INTO exceptions (sink, seq, state)
             SELECT ?1, seq, ?2 FROM events e WHERE seq > ?3 AND seq <= ?4 AND NOT ({inside})"
        ))?
        .execute((sink.id, state::HELD, sink.windowed, last))?;
    Ok(())
}

/// The same for a sink whose documents may be those of earlier events, or the Python tool's. Returns the number of
/// merged events, and of those that the tool had delivered.
fn sort_by_document(
    transaction: &Transaction<'_>,
    sink: &SinkState,
    last: i64,
    window: &Window,
) -> rusqlite::Result<(u64, u64)> {
    let any_imported = imported::any(transaction, sink.id)?;
    let inside = condition(window, OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
    // The document id is made of the user id and the time. The index finds the few events of the same second at each
    // terminal.
    let mut entered = transaction.prepare_cached(&format!(
        "SELECT seq, time, user_id, EXISTS (
             SELECT 1 FROM events p WHERE p.terminal IN (SELECT id FROM terminals)
             AND p.time = e.time AND p.user_id = e.user_id AND p.seq < e.seq
         ), {inside} FROM events e WHERE seq > ?1 AND seq <= ?2"
    ))?;
    let mut except = transaction.prepare_cached("INSERT INTO exceptions (sink, seq, state) VALUES (?1, ?2, ?3)")?;
    let mut rows = entered.query((sink.windowed, last))?;
    let (mut merged, mut imported) = (0, 0);
    while let Some(row) = rows.next()? {
        let (seq, time, repeats): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let known = any_imported && {
            let id = EventId::iclock_sync_v1(row.get_ref(2)?.as_str()?, stored::wall_clock(time));
            imported::contains(transaction, sink.id, id)?
        };
        let state = if known {
            imported += 1;
            state::IMPORTED
        } else if repeats {
            merged += 1;
            state::MERGED
        } else if !row.get::<_, bool>(4)? {
            state::HELD
        } else {
            continue;
        };
        except.execute((sink.id, seq, state))?;
    }
    Ok((merged, imported))
}

/// Releases held events that are inside the window now.
fn release_inside(transaction: &Transaction<'_>, sink: &SinkState, window: &Window) -> rusqlite::Result<()> {
    let inside = condition(window, OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
    transaction
        .prepare_cached(&format!(
            "UPDATE exceptions SET state = ?2 WHERE sink = ?1 AND state = ?3
             AND EXISTS (SELECT 1 FROM events e WHERE e.seq = exceptions.seq AND {inside})"
        ))?
        .execute((sink.id, state::RELEASED, state::HELD))?;
    Ok(())
}

/// Counts the events that would be admitted.
fn new_events(transaction: &Transaction<'_>, sink: &SinkState) -> rusqlite::Result<u64> {
    let count = |sql: &str, a: i64, b: i64| {
        transaction.prepare_cached(sql)?.query_row((sink.id, a, b), |row| row.get::<_, i64>(0))
    };
    let excepted = count(
        "SELECT count(*) FROM exceptions WHERE sink = ?1 AND seq > ?2 AND seq <= ?3",
        sink.admitted,
        sink.windowed,
    )?;
    let released = count(
        "SELECT count(*) FROM exceptions WHERE sink = ?1 AND state = ?2 AND seq <= ?3",
        state::RELEASED,
        i64::MAX,
    )?;
    Ok((sink.windowed - sink.admitted - excepted + released).max(0).cast_unsigned())
}
