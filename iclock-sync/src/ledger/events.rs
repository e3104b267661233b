//! The events: how they enter the ledger, and how they are read back.

use std::collections::HashMap;

use attendance_model::{AttendanceEvent, EventId, Instant, PunchState, Reason, VerifyMode};
use chrono::{DateTime, NaiveDateTime};
use rusqlite::{Connection, Row, Rows};

use super::Transaction;
use super::numbered::NumberedEvent;
use super::polls::{Poll, PollId};
use super::stored::{moment, seconds, source_of, wall_clock};
use super::{gaps, shrunk, window};
use crate::{Ledger, LedgerError, Window};

/// Events fetched at once by [`Events`].
const PAGE: usize = 1_000;

/// The columns of an event, in the order in which [`EventReader::event`] takes them.
pub(super) const COLUMNS: &str =
    "seq, reading, time, key, user_id, verify_mode, punch_state, work_code, utc, flags, raw";

/// An event about to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEvent<'a> {
    pub(crate) event: &'a AttendanceEvent,
    /// The slot by which an 8-byte record named the person.
    pub(crate) uid: Option<u16>,
}

/// The entry of events in one change of the ledger.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The number of the next event.
    next: i64,
    /// A key may be that of an event that has shrunk.
    any_shrunk: bool,
}

impl Entry {
    /// Begins in a change. In another one the numbers may be taken.
    pub(crate) fn begin(transaction: &Transaction<'_>) -> rusqlite::Result<Self> {
        let last = last_seq(transaction)?.max(gaps::last_of_gaps(transaction)?);
        Ok(Self { next: last + 1, any_shrunk: shrunk::shrunk(transaction)?.is_some() })
    }

    /// Enters an event. Returns false if its key was known, of an event or of one that has shrunk.
    pub(crate) fn insert(
        &mut self,
        transaction: &Transaction<'_>,
        poll: PollId,
        new: &NewEvent<'_>,
    ) -> rusqlite::Result<bool> {
        let event = new.event;
        let (time, key) = (seconds(event.local_time), event.id.as_bytes());
        if self.any_shrunk {
            let mut known =
                transaction.prepare_cached("SELECT 1 FROM shrunk WHERE time = ?1 AND terminal = ?2 AND key = ?3")?;
            if known.exists((time, poll.terminal, key))? {
                return Ok(false);
            }
        }
        let inserted = transaction
            .prepare_cached(
                "INSERT INTO events
                     (seq, terminal, reading, time, key, user_id, uid, verify_mode, punch_state, work_code, utc, flags,
                      raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (terminal, time, key) DO NOTHING",
            )?
            .execute((
                self.next,
                poll.terminal,
                poll.poll,
                time,
                key,
                &event.user_id,
                new.uid,
                event.verify_mode.0,
                event.punch_state.0,
                event.work_code,
                event.instant.as_ref().map(|instant| instant.utc.timestamp()),
                flag_words(&event.flags),
                &event.raw,
            ))?;
        self.next += inserted as i64;
        Ok(inserted == 1)
    }
}

/// Returns the latest times of a terminal's punches that are not after `until`.
pub(crate) fn latest_times(
    transaction: &Transaction<'_>,
    terminal: i64,
    until: NaiveDateTime,
) -> rusqlite::Result<Vec<NaiveDateTime>> {
    transaction
        .prepare_cached("SELECT time FROM events WHERE terminal = ?1 AND time <= ?2 ORDER BY time DESC LIMIT 16")?
        .query_map((terminal, seconds(until)), |row| Ok(wall_clock(row.get(0)?)))?
        .collect()
}

/// Returns the number of the last event; 0 if there is none.
pub(super) fn last_seq(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?.query_row((), |row| row.get(0))
}

/// Counts the events, those included that have shrunk.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    let whole: i64 = connection.query_row("SELECT count(*) FROM events", (), |row| row.get(0))?;
    let shrunk = shrunk::shrunk(connection)?.map_or(0, |sum| sum.events);
    Ok(whole.cast_unsigned() + shrunk)
}

/// Makes events of rows, and keeps the few polls that they share.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    polls: HashMap<i64, Poll>,
}

impl EventReader {
    /// The event in a row of [`COLUMNS`], with its number.
    pub(super) fn event(&mut self, connection: &Connection, row: &Row<'_>) -> rusqlite::Result<(i64, AttendanceEvent)> {
        let poll = self.poll(connection, row.get(1)?)?;
        let utc = row.get::<_, Option<i64>>(8)?.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let (id, user_id) = (EventId::from_bytes(row.get(3)?), row.get::<_, String>(4)?);
        let local_time = wall_clock(row.get(2)?);
        let Poll { serial, device_name, .. } = poll;
        let mut event = AttendanceEvent::new(id, serial, device_name, user_id, local_time, poll.source);
        event.instant = utc.zip(poll.zone).map(|(utc, zone)| Instant { utc, zone });
        event.verify_mode = VerifyMode(row.get(5)?);
        event.punch_state = PunchState(row.get(6)?);
        event.work_code = row.get(7)?;
        event.flags = row.get_ref(9)?.as_str_or_null()?.map(flags_of).unwrap_or_default();
        event.clock_drift_ms = poll.drift_ms;
        event.raw = row.get(10)?;
        Ok((row.get(0)?, event))
    }

    /// The event in a row of [`COLUMNS`], with its number and the time of its poll.
    pub(super) fn numbered(&mut self, connection: &Connection, row: &Row<'_>) -> rusqlite::Result<NumberedEvent> {
        let (number, event) = self.event(connection, row)?;
        let read_at = moment(self.poll(connection, row.get(1)?)?.read_at);
        Ok(NumberedEvent { number, event, read_at })
    }

    /// The events in rows of [`COLUMNS`], with their numbers. There will be about `expected`.
    pub(super) fn events(
        &mut self,
        connection: &Connection,
        mut rows: Rows<'_>,
        expected: usize,
    ) -> rusqlite::Result<Vec<(i64, AttendanceEvent)>> {
        let mut events = Vec::with_capacity(expected);
        while let Some(row) = rows.next()? {
            events.push(self.event(connection, row)?);
        }
        Ok(events)
    }

    fn poll(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<&Poll> {
        if !self.polls.contains_key(&id) {
            // A service that runs for years has many polls, and events in order need only the last.
            if self.polls.len() > 1_000 {
                self.polls.clear();
            }
            let poll = connection
                .prepare_cached(
                    "SELECT t.serial, r.device_name, r.zone, r.drift_ms, r.source, r.read_at
                     FROM readings r JOIN terminals t ON t.id = r.terminal WHERE r.id = ?1",
                )?
                .query_row([id], |row| {
                    Ok(Poll {
                        serial: row.get(0)?,
                        device_name: row.get(1)?,
                        zone: row.get::<_, Option<String>>(2)?.and_then(|name| name.parse().ok()),
                        drift_ms: row.get(3)?,
                        clock_offset: None,
                        source: source_of(row.get_ref(4)?.as_str()?),
                        read_at: row.get(5)?,
                        // No event needs it.
                        layout: None,
                    })
                })?;
            self.polls.insert(id, poll);
        }
        self.polls.get(&id).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

/// Events in the order in which they entered, fetched page by page.
#[derive(Debug)]
pub struct Events<'a> {
    ledger: &'a Ledger,
    window: Window,
    reader: EventReader,
    after: i64,
    page: std::vec::IntoIter<(i64, AttendanceEvent)>,
    done: bool,
}

impl Ledger {
    /// Returns the events inside a window, in the order in which they entered.
    #[must_use]
    pub fn events(&self, window: Window) -> Events<'_> {
        Events {
            ledger: self,
            window,
            reader: EventReader::default(),
            after: 0,
            page: Vec::new().into_iter(),
            done: false,
        }
    }

    /// Returns events of a terminal; see [`Query::entered`](crate::query::Query::entered).
    pub(crate) fn entered(
        &self,
        serial: &str,
        after: i64,
        most: usize,
    ) -> Result<Vec<(i64, AttendanceEvent)>, LedgerError> {
        self.read("read events that entered", |connection| {
            // In the order of their numbers: an index on the terminal would bring all of its events to be sorted.
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM events e NOT INDEXED
                 WHERE seq > ?1 AND terminal = (SELECT id FROM terminals WHERE serial = ?2) ORDER BY seq LIMIT ?3"
            ))?;
            let mut rows = statement.query((after, serial, i64::try_from(most).unwrap_or(i64::MAX)))?;
            let (mut reader, mut events) = (EventReader::default(), Vec::new());
            while let Some(row) = rows.next()? {
                events.push(reader.event(connection, row)?);
            }
            Ok(events)
        })
    }

    /// Returns events of all terminals; see [`Query::all_entered`](crate::query::Query::all_entered).
    pub(crate) fn all_entered(&self, after: i64, most: usize) -> Result<Vec<(i64, AttendanceEvent)>, LedgerError> {
        self.read("read events that entered", |connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2"))?;
            let rows = statement.query((after, i64::try_from(most).unwrap_or(i64::MAX)))?;
            EventReader::default().events(connection, rows, 0)
        })
    }

    /// Returns the number of the event that entered last; 0 if there is none.
    pub(crate) fn last_entered(&self) -> Result<i64, LedgerError> {
        self.read("read the last event", last_seq)
    }

    /// Counts the events, those included that have shrunk.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn event_count(&self) -> Result<u64, LedgerError> {
        self.read("count events", count)
    }

    fn page(
        &self,
        reader: &mut EventReader,
        window: &Window,
        after: i64,
    ) -> Result<Vec<(i64, AttendanceEvent)>, LedgerError> {
        self.read("read events", |connection| {
            let inside = window::condition(window, window::OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM events e WHERE seq > ?1 AND {inside} ORDER BY seq LIMIT ?2"
            ))?;
            reader.events(connection, statement.query((after, PAGE as i64))?, PAGE)
        })
    }
}

impl Iterator for Events<'_> {
    type Item = Result<AttendanceEvent, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((seq, event)) = self.page.next() {
                self.after = seq;
                return Some(Ok(event));
            }
            if self.done {
                return None;
            }
            match self.ledger.page(&mut self.reader, &self.window, self.after) {
                Ok(page) => {
                    self.done = page.len() < PAGE;
                    self.page = page.into_iter();
                }
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

fn flag_words(flags: &[Reason]) -> Option<String> {
    (!flags.is_empty()).then(|| flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>().join(","))
}

fn flags_of(words: &str) -> Vec<Reason> {
    words.split(',').filter_map(Reason::from_word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sample;

    #[test]
    fn events_come_once_each_however_many_pages_they_fill() {
        for events in [0, 1, 999, 1_000, 1_001, 2_000, 2_500] {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Ledger::open(dir.path()).unwrap();
            sample::enter(&ledger, events);
            let keys: Vec<_> = ledger.events(Window::default()).map(|event| event.unwrap().local_time).collect();
            assert_eq!(keys.len() as i64, events);
            assert!(keys.is_sorted_by(|one, next| one < next), "of {events}: in order, and none twice");
        }
    }

    #[test]
    fn what_entered_at_one_terminal_comes_from_a_number_on() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        sample::enter(&ledger, 6);
        let other = |transaction: &Transaction<'_>| {
            transaction.execute_batch(
                "INSERT INTO terminals (id, serial, name) VALUES (2, 'T', 'hall');
                 UPDATE events SET terminal = 2 WHERE seq IN (2, 5);",
            )
        };
        ledger.write("enter", other).unwrap();
        let numbers = |serial, after, most| {
            let entered = ledger.entered(serial, after, most).unwrap();
            entered.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
        };
        assert_eq!(numbers("S", 0, 10), [1, 3, 4, 6]);
        assert_eq!(numbers("S", 3, 10), [4, 6]);
        assert_eq!(numbers("S", 1, 2), [3, 4]);
        assert_eq!(numbers("T", 2, 10), [5]);
        let all = |after, most| {
            let entered = ledger.all_entered(after, most).unwrap();
            entered.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
        };
        assert_eq!(all(4, 10), [5, 6]);
        assert_eq!(all(0, 2), [1, 2]);
        assert!(numbers("nobody", 0, 10).is_empty());
    }
}
