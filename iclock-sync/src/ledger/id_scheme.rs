//! A change of a sink's document ids, and its effect on the sink's events.

use attendance_model::IdScheme;

use super::imported::settle_imported;
use super::sinks::{SinkState, state};

use super::Transaction;

/// A change of a sink's document ids, found by the first admission after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangedIds {
    pub(crate) from: IdScheme,
    pub(crate) to: IdScheme,
    /// Events that the earlier ids had merged and that have their own documents now.
    pub(crate) parted: u64,
    /// Unsent events that have the document of an earlier one now.
    pub(crate) merged: u64,
}

/// Compares a sink's ids with those under which it was last served, and remembers them.
///
/// Delivered events keep the ids under which they went out. From `iclock-sync-v1` to `full`, merged events are held
/// again, so that the window decides about them. The other way, unsent events with the document of an earlier event are
/// merged.
pub(super) fn adopt(
    transaction: &Transaction<'_>,
    sink: &SinkState,
    ids: IdScheme,
) -> rusqlite::Result<Option<ChangedIds>> {
    // A ledger from before this was kept: only one scheme merges.
    let (known, merged): (Option<String>, bool) = transaction
        .prepare_cached(
            "SELECT ids, EXISTS (SELECT 1 FROM exceptions WHERE sink = ?1 AND state = ?2) FROM sinks WHERE id = ?1",
        )?
        .query_row((sink.id, state::MERGED), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let from = match known.as_deref().and_then(|word| word.parse().ok()) {
        Some(from) => from,
        None if merged => IdScheme::IclockSyncV1,
        None => ids,
    };
    if known.is_some() && from == ids {
        return Ok(None);
    }
    transaction.prepare_cached("UPDATE sinks SET ids = ?2 WHERE id = ?1")?.execute((sink.id, ids.to_string()))?;
    if from == ids {
        return Ok(None);
    }
    let (parted, merged) = match ids {
        IdScheme::Full => (part(transaction, sink)?, 0),
        IdScheme::IclockSyncV1 => {
            settle_imported(transaction, sink.id)?;
            (0, merge(transaction, sink)?)
        }
    };
    Ok(Some(ChangedIds { from, to: ids, parted, merged }))
}

fn part(transaction: &Transaction<'_>, sink: &SinkState) -> rusqlite::Result<u64> {
    let parted = transaction
        .prepare_cached("UPDATE exceptions SET state = ?3 WHERE sink = ?1 AND state = ?2")?
        .execute((sink.id, state::MERGED, state::HELD))?;
    // They may be inside the window.
    transaction.prepare_cached("UPDATE sinks SET window = NULL WHERE id = ?1")?.execute([sink.id])?;
    Ok(parted as u64)
}

fn merge(transaction: &Transaction<'_>, sink: &SinkState) -> rusqlite::Result<u64> {
    // The index finds the few events of the same person and second.
    let merged = transaction
        .prepare_cached(
            "INSERT INTO exceptions (sink, seq, state)
             SELECT ?1, e.seq, ?2 FROM events e LEFT JOIN exceptions x ON x.sink = ?1 AND x.seq = e.seq
             WHERE e.seq <= ?3 AND (x.state IN (?5, ?6, ?7) OR (x.state IS NULL AND e.seq > ?4))
                 AND EXISTS (SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.time = e.time AND p.seq < e.seq)
             ON CONFLICT (sink, seq) DO UPDATE SET state = excluded.state, reason = NULL",
        )?
        .execute((
            sink.id,
            state::MERGED,
            sink.windowed,
            sink.delivered,
            state::HELD,
            state::RELEASED,
            state::SKIPPED,
        ))?;
    Ok(merged as u64)
}
