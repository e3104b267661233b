//! The events as a sink should have them, by day: for comparison with what it has.

use std::collections::BTreeMap;

use attendance_model::{EventId, IdScheme};
use chrono::{NaiveDate, NaiveTime};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::fates::{FRESH, Fate, Fates, NO_EXCEPTION};
use super::sinks::{id_of, state, watermarks};
use super::stored::{seconds, wall_clock};
use crate::{Ledger, LedgerError};

const DAY: i64 = 86_400;

/// The midnight before an event.
const DAY_OF_EVENT: &str = "(e.time - (e.time % 86400 + 86400) % 86400)";

/// An event that a sink may have.
#[derive(Clone, Debug)]
pub(crate) struct StockEvent {
    /// Its number; of a shrunk event, the one that it had.
    pub(crate) seq: i64,
    pub(crate) fate: Fate,
    pub(crate) key: EventId,
    pub(crate) user_id: String,
    pub(crate) local_time: chrono::NaiveDateTime,
    /// The terminal's name.
    pub(crate) terminal: String,
}

impl StockEvent {
    /// The event in a row of number, fate, key, user id, time and terminal.
    fn of_row(row: &Row<'_>, fate: Fate) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            fate,
            key: EventId::from_bytes(row.get(2)?),
            user_id: row.get(3)?,
            local_time: wall_clock(row.get(4)?),
            terminal: row.get(5)?,
        })
    }
}

impl Ledger {
    /// Counts the events of each day from one on, by their fate at a target.
    pub(crate) fn stock(
        &self,
        target: &str,
        since: Option<NaiveDate>,
    ) -> Result<BTreeMap<NaiveDate, Fates>, LedgerError> {
        self.read("count events by day and fate", |connection| {
            let known = known(connection, target)?;
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {DAY_OF_EVENT} AS day,
                     coalesce(x.state, iif(e.seq <= :delivered, {NO_EXCEPTION}, {FRESH})) AS fate, count(*)
                 FROM events e LEFT JOIN exceptions x ON x.sink = :sink AND x.seq = e.seq
                 WHERE e.time >= :from GROUP BY day, fate"
            ))?;
            let from = since.map_or(i64::MIN, midnight);
            let Known { sink, delivered, .. } = known;
            let mut rows = statement.query(named_params! { ":sink": sink, ":delivered": delivered, ":from": from })?;
            let mut days = BTreeMap::<NaiveDate, Fates>::new();
            while let Some(row) = rows.next()? {
                let day = wall_clock(row.get(0)?).date();
                let events = row.get::<_, i64>(2)?.cast_unsigned();
                days.entry(day).or_default().add(Fate::of(row.get(1)?), events);
            }
            add_shrunk(connection, &known, from, &mut days)?;
            Ok(days)
        })
    }

    /// Returns events of a day that a target may have, in the order of their times, after one of them; at most `most`.
    /// Merged ones are left out, because their documents are those of others.
    pub(crate) fn stock_of_day(
        &self,
        target: &str,
        day: NaiveDate,
        after: Option<&StockEvent>,
        most: usize,
    ) -> Result<Vec<StockEvent>, LedgerError> {
        self.read("list events of a day", |connection| {
            let Known { sink, delivered, .. } = known(connection, target)?;
            let (from, seq) = after.map_or((midnight(day), 0), |event| (seconds(event.local_time), event.seq));
            connection
                .prepare_cached(&format!(
                    "SELECT e.seq, coalesce(x.state, iif(e.seq <= :delivered, {NO_EXCEPTION}, {FRESH})), e.key,
                         e.user_id, e.time, t.name
                     FROM events e INDEXED BY events_time JOIN terminals t ON t.id = e.terminal
                         LEFT JOIN exceptions x ON x.sink = :sink AND x.seq = e.seq
                     WHERE e.time BETWEEN :from AND :to AND (e.time > :from OR e.seq > :seq)
                         AND coalesce(x.state, 0) <> {}
                     ORDER BY e.time, e.seq LIMIT :most",
                    state::MERGED
                ))?
                .query_map(
                    named_params! {
                        ":sink": sink,
                        ":delivered": delivered,
                        ":from": from,
                        ":to": midnight(day) + DAY - 1,
                        ":seq": seq,
                        ":most": i64::try_from(most).unwrap_or(i64::MAX),
                    },
                    |row| StockEvent::of_row(row, Fate::of(row.get(1)?)),
                )?
                .collect()
        })
    }

    /// Returns shrunk events of a day, in the order of their times and keys, after one of them; at most `most`.
    pub(crate) fn shrunk_of_day(
        &self,
        target: &str,
        day: NaiveDate,
        after: Option<&StockEvent>,
        most: usize,
    ) -> Result<Vec<StockEvent>, LedgerError> {
        self.read("list shrunk events of a day", |connection| {
            let Known { begins, .. } = known(connection, target)?;
            // Numbers are lost if a damaged ledger is salvaged; keys are not.
            let (from, key) = match after {
                Some(event) => (seconds(event.local_time), event.key.as_bytes().to_vec()),
                None => (midnight(day), Vec::new()),
            };
            connection
                .prepare_cached(
                    "SELECT e.seq, e.seq > :begins, e.key, e.user_id, e.time, t.name
                     FROM shrunk e JOIN terminals t ON t.id = e.terminal
                     WHERE e.time BETWEEN :from AND :to AND (e.time > :from OR e.key > :key)
                     ORDER BY e.time, e.key LIMIT :most",
                )?
                .query_map(
                    named_params! {
                        ":begins": begins,
                        ":from": from,
                        ":to": midnight(day) + DAY - 1,
                        ":key": key,
                        ":most": i64::try_from(most).unwrap_or(i64::MAX),
                    },
                    |row| StockEvent::of_row(row, if row.get(1)? { Fate::Shrunk } else { Fate::PassedOver }),
                )?
                .collect()
        })
    }

    /// Makes these events pending again for a target, if they are delivered. Returns their number.
    pub(crate) fn resend(&self, target: &str, name: &str, events: &[i64]) -> Result<u64, LedgerError> {
        self.write("make events pending again", |transaction| {
            let sink = watermarks(transaction, id_of(transaction, target, name)?)?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO exceptions (sink, seq, state) SELECT ?1, seq, ?2 FROM events WHERE seq = ?3 AND seq <= ?4
                 ON CONFLICT (sink, seq) DO NOTHING",
            )?;
            let mut changed = 0;
            for seq in events {
                changed += insert.execute((sink.id, state::SKIPPED, seq, sink.delivered))?;
            }
            Ok(changed as u64)
        })
    }
}

/// What decides about the fate of an event at a target.
struct Known {
    /// The number of its sink. A new target has none.
    sink: i64,
    /// The last event that went out to it.
    delivered: i64,
    /// The events that had shrunk up to this one were passed over.
    begins: i64,
    /// Its documents are those of a person and a second.
    merges: bool,
}

/// What is known of a target. A new one has nothing.
fn known(connection: &Connection, target: &str) -> rusqlite::Result<Known> {
    let known = connection
        .prepare_cached("SELECT id, delivered, begins, ids FROM sinks WHERE target = ?1")?
        .query_row([target], |row| {
            let merges = row.get_ref(3)?.as_str_or_null()? == Some(&IdScheme::IclockSyncV1.to_string());
            Ok(Known { sink: row.get(0)?, delivered: row.get(1)?, begins: row.get(2)?, merges })
        })
        .optional()?;
    Ok(known.unwrap_or(Known { sink: -1, delivered: 0, begins: i64::MAX, merges: false }))
}

/// Adds the events that have shrunk. It is not kept which of them were merged: those of the same person and second.
fn add_shrunk(
    connection: &Connection,
    known: &Known,
    from: i64,
    days: &mut BTreeMap<NaiveDate, Fates>,
) -> rusqlite::Result<()> {
    let documents = if known.merges { "count(DISTINCT e.time || ' ' || e.user_id)" } else { "count(*)" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {DAY_OF_EVENT} AS day, e.seq > ?2 AS given, count(*), {documents} FROM shrunk e
         WHERE e.time >= ?1 GROUP BY day, given"
    ))?;
    let mut rows = statement.query((from, known.begins))?;
    while let Some(row) = rows.next()? {
        let (events, documents) = (row.get::<_, i64>(2)?.cast_unsigned(), row.get::<_, i64>(3)?.cast_unsigned());
        let fates = days.entry(wall_clock(row.get(0)?).date()).or_default();
        if row.get(1)? {
            fates.add(Fate::Shrunk, documents);
            fates.add(Fate::Merged, events - documents);
        } else {
            fates.add(Fate::PassedOver, events);
        }
    }
    Ok(())
}

fn midnight(day: NaiveDate) -> i64 {
    seconds(day.and_time(NaiveTime::MIN))
}
