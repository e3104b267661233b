//! Delivery to one sink: which events are unsent, and what became of those that were sent.

use std::collections::BTreeSet;

use attendance_model::{AttendanceEvent, EventId};
use rusqlite::{Connection, OptionalExtension};

use super::events::{self, EventReader};
use super::sinks::{self, SinkState, state, watermarks};
use super::{Transaction, gaps, shrunk, stored};
use crate::{Ledger, LedgerError, trail};

/// Events with their numbers.
pub(crate) type Page = Vec<(i64, AttendanceEvent)>;

/// The place up to which a sink's unsent events have been fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// The skipped ones (below the watermark, still to send), after this one.
    Skipped(i64),
    /// The fresh ones (above the watermark), after this one.
    Fresh(i64),
}

/// The outcomes of events that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Events that were skipped before and are delivered now.
    pub(crate) caught_up: Vec<i64>,
    /// The new watermark: all up to here is delivered, except `skipped` and earlier exceptions.
    pub(crate) delivered: i64,
    /// Events that the new watermark skips: they are still to send.
    pub(crate) skipped: Vec<i64>,
    /// Events that the sink will never take, each with its reason.
    pub(crate) rejected: Vec<(i64, String)>,
    /// The last line of the audit, which has all of this.
    pub(crate) audit: Option<String>,
}

/// The number of events that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// To go out.
    pub(crate) pending: u64,
    /// Outside the window.
    pub(crate) held: u64,
}

/// Notes the last line of the audit. Several sinks write lines, and record them in any order.
fn set_head(transaction: &Transaction<'_>, head: &str) -> rusqlite::Result<()> {
    let before: Option<String> = transaction
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
        .query_row([trail::HEAD], |row| row.get(0))
        .optional()?;
    let number = |text: &str| trail::Head::parse(text).map(|head| head.n);
    if before.as_deref().and_then(number) < number(head) {
        Ledger::set(transaction, trail::HEAD, head)?;
    }
    Ok(())
}

impl Ledger {
    /// Notes the last line of the audit, so that it cannot go missing unseen. It costs no commit if it is noted
    /// already.
    pub(crate) fn note_audit(&self, head: &str) -> Result<(), LedgerError> {
        self.write("note the audit", |transaction| set_head(transaction, head))
    }

    /// Returns the next unsent events of a sink, oldest first, and the place where they end; `None` if there are no
    /// more.
    pub(crate) fn unsent(
        &self,
        reader: &mut EventReader,
        sink: &SinkState,
        from: Unsent,
        most: usize,
    ) -> Result<Option<(Page, Unsent)>, LedgerError> {
        self.read("read unsent events", |connection| {
            let mut from = from;
            loop {
                let (page, next) = match from {
                    Unsent::Skipped(after) => {
                        let page = skipped(connection, reader, sink, after, most)?;
                        let next = page.last().map_or(Unsent::Fresh(sink.delivered), |(seq, _)| Unsent::Skipped(*seq));
                        (page, next)
                    }
                    Unsent::Fresh(after) if after >= sink.admitted => return Ok(None),
                    Unsent::Fresh(after) => {
                        let page = fresh(connection, reader, sink, after, most)?;
                        // A page that is not full goes up to the last admitted event, whatever exceptions lie between.
                        let full = page.len() == most;
                        let through = page.last().filter(|_| full).map_or(sink.admitted, |(seq, _)| *seq);
                        if page.is_empty() {
                            return Ok(Some((page, Unsent::Fresh(through))));
                        }
                        (page, Unsent::Fresh(through))
                    }
                };
                if !page.is_empty() {
                    return Ok(Some((page, next)));
                }
                from = next;
            }
        })
    }

    /// Records the outcomes of events that were sent.
    pub(crate) fn settle(&self, sink: i64, settled: &Settled) -> Result<(), LedgerError> {
        self.record("record deliveries", |transaction| {
            // One that was refused stays refused, even if its batch is recorded later than the refusal.
            let mut delete =
                transaction.prepare_cached("DELETE FROM exceptions WHERE sink = ?1 AND seq = ?2 AND state = ?3")?;
            for seq in &settled.caught_up {
                delete.execute((sink, seq, state::SKIPPED))?;
            }
            let mut insert = transaction.prepare_cached(
                "INSERT INTO exceptions (sink, seq, state, reason) SELECT ?1, seq, ?3, ?4 FROM events WHERE seq = ?2
                 ON CONFLICT (sink, seq) DO UPDATE SET state = excluded.state, reason = excluded.reason",
            )?;
            let mut except = |seq: i64, state: i64, reason: Option<&str>| {
                let inserted = insert.execute((sink, seq, state, reason))?;
                // The sink is removed from the configuration, and its event has shrunk meanwhile.
                if inserted == 0 { sinks::pass_over(transaction, sink, seq) } else { Ok(()) }
            };
            for seq in &settled.skipped {
                except(*seq, state::SKIPPED, None)?;
            }
            for (seq, reason) in &settled.rejected {
                except(*seq, state::REJECTED, Some(reason))?;
            }
            if let Some(head) = &settled.audit {
                set_head(transaction, head)?;
            }
            transaction
                .prepare_cached("UPDATE sinks SET delivered = max(delivered, ?2) WHERE id = ?1")?
                .execute((sink, settled.delivered))?;
            Ok(())
        })
    }

    /// Counts the events that wait for a target; all events if it is new.
    pub(crate) fn waiting(&self, target: &str) -> Result<Waiting, LedgerError> {
        self.read("count unsent events", |connection| {
            let last = events::last_seq(connection)?;
            let known = connection
                .prepare_cached("SELECT id FROM sinks WHERE target = ?1")?
                .query_row([target], |row| row.get(0))
                .optional()?;
            let sink = known.map(|id| watermarks(connection, id)).transpose()?;
            let delivered = sink.map_or(0, |sink| sink.delivered);
            // The last number may be below the watermark, because the last events were removed.
            let (mut pending, mut held) = ((last - delivered).max(0) - gaps::removed(connection, delivered, last)?, 0);
            if shrunk::shrunk(connection)?.is_some_and(|sum| sum.through > delivered) {
                // The next admission passes over them.
                pending -= connection
                    .prepare_cached("SELECT count(*) FROM shrunk WHERE seq > ?1")?
                    .query_row([delivered], |row| row.get::<_, i64>(0))?;
            }
            let Some(SinkState { id, .. }) = sink else {
                return Ok(Waiting { pending: pending.max(0).cast_unsigned(), held: 0 });
            };
            for (state, fresh, count) in sinks::exceptions(connection, id)? {
                match state {
                    state::SKIPPED | state::RELEASED => pending += if fresh { 0 } else { count },
                    _ => pending -= if fresh { count } else { 0 },
                }
                held += if state == state::HELD { count } else { 0 };
            }
            Ok(Waiting { pending: pending.max(0).cast_unsigned(), held: held.cast_unsigned() })
        })
    }

    /// Returns events that a target will never take, with its reasons, oldest first; at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn set_aside(&self, target: &str, most: u32) -> Result<Vec<(AttendanceEvent, String)>, LedgerError> {
        self.read("list events set aside", |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {}, x.reason FROM exceptions x JOIN events USING (seq) JOIN sinks s ON s.id = x.sink
                 WHERE s.target = ?1 AND x.state = ?2 ORDER BY x.seq LIMIT ?3",
                events::COLUMNS
            ))?;
            let mut rows = statement.query((target, state::REJECTED, most))?;
            let (mut reader, mut found) = (EventReader::default(), Vec::new());
            while let Some(row) = rows.next()? {
                let (_, event) = reader.event(connection, row)?;
                found.push((event, row.get::<_, Option<String>>("reason")?.unwrap_or_default()));
            }
            Ok(found)
        })
    }

    /// Returns every document id of the scheme `iclock-sync-v1` that a target is known to have, each once: of delivered
    /// events, and of those imported from the Python tool. It is that tool's cache for somebody who goes back to it.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn legacy_ids_at(&self, target: &str) -> Result<Vec<EventId>, LedgerError> {
        self.read("list delivered ids", |connection| {
            let mut ids = BTreeSet::new();
            let mut delivered = connection.prepare_cached(
                "SELECT e.user_id, e.time FROM sinks s JOIN events e ON e.seq <= s.delivered
                 LEFT JOIN exceptions x ON x.sink = s.id AND x.seq = e.seq
                 WHERE s.target = ?1 AND (x.state IS NULL OR x.state IN (?2, ?3))",
            )?;
            let mut rows = delivered.query((target, state::MERGED, state::IMPORTED))?;
            while let Some(row) = rows.next()? {
                ids.insert(EventId::iclock_sync_v1(row.get_ref(0)?.as_str()?, stored::wall_clock(row.get(1)?)));
            }
            let mut shrunk = connection.prepare_cached(
                "SELECT e.user_id, e.time FROM sinks s JOIN shrunk e ON e.seq > s.begins WHERE s.target = ?1",
            )?;
            let mut rows = shrunk.query([target])?;
            while let Some(row) = rows.next()? {
                ids.insert(EventId::iclock_sync_v1(row.get_ref(0)?.as_str()?, stored::wall_clock(row.get(1)?)));
            }
            let mut imported = connection
                .prepare_cached("SELECT i.id FROM imported i JOIN sinks s ON s.id = i.sink WHERE s.target = ?1")?;
            let mut rows = imported.query([target])?;
            while let Some(row) = rows.next()? {
                ids.insert(EventId::from_bytes(row.get(0)?));
            }
            Ok(ids.into_iter().collect())
        })
    }
}

fn skipped(
    connection: &Connection,
    reader: &mut EventReader,
    sink: &SinkState,
    after: i64,
    most: usize,
) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM exceptions x JOIN events USING (seq)
         WHERE x.sink = ?1 AND x.state = ?2 AND x.seq > ?3 AND x.seq <= ?4 ORDER BY x.seq LIMIT ?5",
        events::COLUMNS
    ))?;
    let rows = statement.query((sink.id, state::SKIPPED, after, sink.delivered, most as i64))?;
    reader.events(connection, rows, 0)
}

fn fresh(
    connection: &Connection,
    reader: &mut EventReader,
    sink: &SinkState,
    after: i64,
    most: usize,
) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM events e WHERE seq > ?2 AND seq <= ?3
         AND NOT EXISTS (SELECT 1 FROM exceptions x WHERE x.sink = ?1 AND x.seq = e.seq) ORDER BY seq LIMIT ?4",
        events::COLUMNS
    ))?;
    let rows = statement.query((sink.id, after, sink.admitted, most as i64))?;
    // Room for a full page, but never for more events than there are.
    let there = usize::try_from(sink.admitted - after).unwrap_or(0);
    reader.events(connection, rows, most.min(there))
}
