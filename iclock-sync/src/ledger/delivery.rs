//! What of the ledger reached which sink.
//!
//! Three watermarks and their exceptions: with a million events delivered, a sink is one row. The sink's target is its
//! identity, so a renamed sink goes on where it was and a new target starts with everything.

use std::collections::BTreeSet;

use attendance_model::{AttendanceEvent, EventId, IdScheme};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::events::{self, EventReader};
use super::imported;
use crate::{Ledger, LedgerError, Window};

/// Why an event is not what its sink's watermarks say.
mod state {
    /// Outside the window when it entered.
    pub(super) const HELD: i64 = 1;
    /// Held, and inside the window of a later run; not admitted yet.
    pub(super) const RELEASED: i64 = 2;
    /// Admitted, and left behind by the watermark.
    pub(super) const PENDING: i64 = 3;
    /// The sink will never take it.
    pub(super) const REJECTED: i64 = 4;
    /// Its document is that of an earlier event.
    pub(super) const MERGED: i64 = 5;
    /// The Python tool delivered it.
    pub(super) const IMPORTED: i64 = 6;
}

/// Events with their numbers.
pub(crate) type Page = Vec<(i64, AttendanceEvent)>;

/// A sink's watermarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SinkState {
    /// The number by which other tables name it.
    pub(crate) id: i64,
    windowed: i64,
    /// Up to here events may go out.
    pub(crate) admitted: i64,
    /// Up to here they did.
    pub(crate) delivered: i64,
}

/// What may go out to a sink, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission<'a> {
    pub(crate) target: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ids: IdScheme,
    pub(crate) window: Window,
    /// The most new events; `None` for any number.
    pub(crate) max_new: Option<u64>,
}

/// What admission came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) sink: SinkState,
    /// Events found to fall on the document of an earlier one.
    pub(crate) merged: u64,
    /// Events found to be delivered by the Python tool.
    pub(crate) imported: u64,
    /// How many new events there are, where that is too many.
    pub(crate) over_limit: Option<u64>,
}

/// How far a sink's unsent events have been fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Those left behind by the watermark, after this one.
    Left(i64),
    /// Those behind it, after this one.
    New(i64),
}

/// What became of events that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Events left behind before that are delivered now.
    pub(crate) left: Vec<i64>,
    /// Everything up to here is delivered, but for `behind` and what was an exception before.
    pub(crate) delivered: i64,
    /// Events that the watermark passes, and that are still to be sent.
    pub(crate) behind: Vec<i64>,
    /// Events that the sink will never take, and why.
    pub(crate) rejected: Vec<(i64, String)>,
}

/// Events that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// To go out.
    pub(crate) pending: u64,
    /// For a window that holds them.
    pub(crate) held: u64,
}

impl Ledger {
    /// Decides of the events that entered since which lie inside the window, and which may go out.
    pub(crate) fn admit(&self, admission: &Admission<'_>) -> Result<Admitted, LedgerError> {
        self.write("admit events", |transaction| {
            let id = id_of(transaction, admission.target, admission.name)?;
            let mut sink = watermarks(transaction, id)?;
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
                // Behind the watermark an admitted event needs no exception; before it, it is one left behind.
                transaction
                    .prepare_cached("DELETE FROM exceptions WHERE sink = ?1 AND state = ?2 AND seq > ?3")?
                    .execute(release)?;
                transaction
                    .prepare_cached("UPDATE exceptions SET state = ?3 WHERE sink = ?1 AND state = ?2")?
                    .execute((sink.id, state::RELEASED, state::PENDING))?;
            }
            transaction
                .prepare_cached(
                    "UPDATE sinks SET windowed = ?2, admitted = ?3 WHERE id = ?1 AND (windowed <> ?2 OR admitted <> ?3)",
                )?
                .execute((sink.id, sink.windowed, sink.admitted))?;
            Ok(Admitted { sink, merged, imported, over_limit })
        })
    }

    /// The next unsent events of a sink, oldest first, and where to go on; `None` when there are no more.
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
                    Unsent::Left(after) => {
                        let page = left_behind(connection, reader, sink, after, most)?;
                        let next = page.last().map_or(Unsent::New(sink.delivered), |(seq, _)| Unsent::Left(*seq));
                        (page, next)
                    }
                    Unsent::New(after) if after >= sink.admitted => return Ok(None),
                    Unsent::New(after) => {
                        let page = behind_watermark(connection, reader, sink, after, most)?;
                        // A page that is not full ends at the watermark, whatever exceptions it passed over.
                        let full = page.len() == most;
                        let through = page.last().filter(|_| full).map_or(sink.admitted, |(seq, _)| *seq);
                        if page.is_empty() {
                            return Ok(Some((page, Unsent::New(through))));
                        }
                        (page, Unsent::New(through))
                    }
                };
                if !page.is_empty() {
                    return Ok(Some((page, next)));
                }
                from = next;
            }
        })
    }

    /// Records what became of events that were sent.
    pub(crate) fn settle(&self, sink: i64, settled: &Settled) -> Result<(), LedgerError> {
        self.write("record deliveries", |transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM exceptions WHERE sink = ?1 AND seq = ?2")?;
            for seq in &settled.left {
                delete.execute((sink, seq))?;
            }
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO exceptions (sink, seq, state, reason) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for seq in &settled.behind {
                insert.execute((sink, seq, state::PENDING, None::<&str>))?;
            }
            for (seq, reason) in &settled.rejected {
                insert.execute((sink, seq, state::REJECTED, Some(reason)))?;
            }
            transaction
                .prepare_cached("UPDATE sinks SET delivered = max(delivered, ?2) WHERE id = ?1")?
                .execute((sink, settled.delivered))?;
            Ok(())
        })
    }

    /// How many events wait for a target; all that there are, where it is new.
    pub(crate) fn waiting(&self, target: &str) -> Result<Waiting, LedgerError> {
        self.read("count unsent events", |connection| {
            let last = events::last_seq(connection)?;
            let known = connection
                .prepare_cached("SELECT id FROM sinks WHERE target = ?1")?
                .query_row([target], |row| row.get(0))
                .optional()?;
            let Some(id) = known else { return Ok(Waiting { pending: last.cast_unsigned(), held: 0 }) };
            let sink = watermarks(connection, id)?;
            let mut statement = connection.prepare_cached(
                "SELECT state, seq > ?2 AS behind, count(*) FROM exceptions WHERE sink = ?1 GROUP BY state, behind",
            )?;
            let mut rows = statement.query((id, sink.delivered))?;
            let (mut pending, mut held) = (last - sink.delivered, 0);
            while let Some(row) = rows.next()? {
                let (state, behind, count): (i64, bool, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                match state {
                    state::PENDING | state::RELEASED => pending += if behind { 0 } else { count },
                    _ => pending -= if behind { count } else { 0 },
                }
                held += if state == state::HELD { count } else { 0 };
            }
            Ok(Waiting { pending: pending.max(0).cast_unsigned(), held: held.cast_unsigned() })
        })
    }

    /// Events that a target will never take, with its reasons, oldest first; at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`] when the ledger cannot be read.
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

    /// Every document id of the scheme `iclock-sync-v1` that a target is known to hold: of what was delivered to it, and what was
    /// taken over from the Python tool. Each once; going back, it is the Python tool's cache.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`] when the ledger cannot be read.
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
                ids.insert(EventId::iclock_sync_v1(row.get_ref(0)?.as_str()?, events::wall_clock(row.get(1)?)));
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

/// The number of a sink; it is entered when it is new. Nothing is written when nothing is new.
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

/// Marks unsent events of a sink whose documents the Python tool has delivered.
pub(super) fn settle_imported(transaction: &Transaction<'_>, sink: i64) -> rusqlite::Result<()> {
    let watermarks = watermarks(transaction, sink)?;
    let mut unsent = transaction.prepare_cached(
        "SELECT e.seq, e.time, e.user_id FROM events e LEFT JOIN exceptions x ON x.sink = ?1 AND x.seq = e.seq
         WHERE e.seq > ?2 AND e.seq <= ?3 AND x.seq IS NULL
         UNION ALL
         SELECT e.seq, e.time, e.user_id FROM exceptions x JOIN events e ON e.seq = x.seq
         WHERE x.sink = ?1 AND x.state IN (?4, ?5, ?6)",
    )?;
    let states = (state::HELD, state::RELEASED, state::PENDING);
    let mut rows = unsent.query((sink, watermarks.delivered, watermarks.windowed, states.0, states.1, states.2))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, time, user_id): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if imported::contains(transaction, sink, EventId::iclock_sync_v1(&user_id, events::wall_clock(time)))? {
            found.push(seq);
        }
    }
    let mut mark =
        transaction.prepare_cached("INSERT OR REPLACE INTO exceptions (sink, seq, state) VALUES (?1, ?2, ?3)")?;
    for seq in found {
        mark.execute((sink, seq, state::IMPORTED))?;
    }
    Ok(())
}

fn watermarks(connection: &Connection, id: i64) -> rusqlite::Result<SinkState> {
    connection.prepare_cached("SELECT windowed, admitted, delivered FROM sinks WHERE id = ?1")?.query_row([id], |row| {
        Ok(SinkState { id, windowed: row.get(0)?, admitted: row.get(1)?, delivered: row.get(2)? })
    })
}

/// Holds what entered since and lies outside the window.
fn hold_outside(transaction: &Transaction<'_>, sink: &SinkState, last: i64, window: &Window) -> rusqlite::Result<()> {
    if window.is_all_time() {
        return Ok(());
    }
    let (since, until) = events::bounds(window);
    transaction
        .prepare_cached(
            "INSERT INTO exceptions (sink, seq, state)
             SELECT ?1, seq, ?2 FROM events WHERE seq > ?3 AND seq <= ?4 AND NOT time BETWEEN ?5 AND ?6",
        )?
        .execute((sink.id, state::HELD, sink.windowed, last, since, until))?;
    Ok(())
}

/// The same for a sink whose documents may be those of earlier events, or the Python tool's. Returns how many were merged,
/// and how many the tool had delivered.
fn sort_by_document(
    transaction: &Transaction<'_>,
    sink: &SinkState,
    last: i64,
    window: &Window,
) -> rusqlite::Result<(u64, u64)> {
    let any_imported = imported::any(transaction, sink.id)?;
    let (since, until) = events::bounds(window);
    // The document id is made of the user id and the time: the index finds the few events of the same second at each terminal.
    let mut entered = transaction.prepare_cached(
        "SELECT seq, time, user_id, EXISTS (
             SELECT 1 FROM events p WHERE p.terminal IN (SELECT id FROM terminals)
             AND p.time = e.time AND p.user_id = e.user_id AND p.seq < e.seq
         ) FROM events e WHERE seq > ?1 AND seq <= ?2",
    )?;
    let mut except = transaction.prepare_cached("INSERT INTO exceptions (sink, seq, state) VALUES (?1, ?2, ?3)")?;
    let mut rows = entered.query((sink.windowed, last))?;
    let (mut merged, mut imported) = (0, 0);
    while let Some(row) = rows.next()? {
        let (seq, time, repeats): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let known = any_imported && {
            let id = EventId::iclock_sync_v1(row.get_ref(2)?.as_str()?, events::wall_clock(time));
            imported::contains(transaction, sink.id, id)?
        };
        let state = if known {
            imported += 1;
            state::IMPORTED
        } else if repeats {
            merged += 1;
            state::MERGED
        } else if !(since..=until).contains(&time) {
            state::HELD
        } else {
            continue;
        };
        except.execute((sink.id, seq, state))?;
    }
    Ok((merged, imported))
}

/// Releases what was held and lies inside the window now.
fn release_inside(transaction: &Transaction<'_>, sink: &SinkState, window: &Window) -> rusqlite::Result<()> {
    let (since, until) = events::bounds(window);
    transaction
        .prepare_cached(
            "UPDATE exceptions SET state = ?2 WHERE sink = ?1 AND state = ?3
             AND (SELECT time FROM events e WHERE e.seq = exceptions.seq) BETWEEN ?4 AND ?5",
        )?
        .execute((sink.id, state::RELEASED, state::HELD, since, until))?;
    Ok(())
}

/// How many events would be admitted.
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

fn left_behind(
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
    let mut rows = statement.query((sink.id, state::PENDING, after, sink.delivered, most as i64))?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(reader.event(connection, row)?);
    }
    Ok(page)
}

fn behind_watermark(
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
    let mut rows = statement.query((sink.id, after, sink.admitted, most as i64))?;
    let mut page = Vec::with_capacity(most.min(1_024));
    while let Some(row) = rows.next()? {
        page.push(reader.event(connection, row)?);
    }
    Ok(page)
}
