//! The events: how they enter, and how they come out again.

use std::collections::HashMap;

use attendance_model::{AttendanceEvent, EventId, Instant, PunchState, Reason, Source, VerifyMode};
use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use rusqlite::{Connection, Row, Transaction};

use super::stored::{seconds, source_of, wall_clock};
use super::{terminals, window};
use crate::{Ledger, LedgerError, Window};

/// Events fetched at once by [`Events`].
const PAGE: usize = 1_000;

/// The columns of an event, in the order in which [`EventReader::event`] takes them.
pub(super) const COLUMNS: &str =
    "seq, reading, time, key, user_id, verify_mode, punch_state, work_code, utc, flags, raw";

/// What the events of one poll of one terminal have in common.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) serial: String,
    /// Its configured name.
    pub(crate) device_name: String,
    /// Its zone.
    pub(crate) zone: Option<Tz>,
    /// Its clock's drift, in milliseconds.
    pub(crate) drift_ms: Option<i64>,
    /// Its clock less UTC, in seconds; of readings that come back from the ledger it is not kept.
    pub(crate) clock_offset: Option<i64>,
    /// The layout of its records, as the ledger remembers it.
    pub(crate) layout: Option<String>,
    /// How the events came.
    pub(crate) source: Source,
    /// When, in seconds since 1970 (UTC).
    pub(crate) read_at: i64,
}

/// A reading that has been entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The number of the reading.
    pub(crate) reading: i64,
    /// The number of its terminal.
    pub(crate) terminal: i64,
}

/// An event about to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEvent<'a> {
    pub(crate) event: &'a AttendanceEvent,
    /// The slot by which an 8-byte record named the person.
    pub(crate) uid: Option<u16>,
}

impl Reading {
    /// Enters the reading; its number stands with each of its events.
    pub(crate) fn insert(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Entry> {
        let terminal = terminals::id_of(transaction, &self.serial, &self.device_name)?;
        let reading = transaction
            .prepare_cached(
                "INSERT INTO readings (terminal, device_name, zone, drift_ms, clock_offset, source, read_at, layout)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
            )?
            .query_row(
                (
                    terminal,
                    &self.device_name,
                    self.zone.map(Tz::name),
                    self.drift_ms,
                    self.clock_offset,
                    self.source.as_str(),
                    self.read_at,
                    &self.layout,
                ),
                |row| row.get(0),
            )?;
        Ok(Entry { reading, terminal })
    }
}

impl NewEvent<'_> {
    /// Enters the event; `false` when its key was known.
    pub(crate) fn insert(&self, transaction: &Transaction<'_>, entry: Entry) -> rusqlite::Result<bool> {
        let event = self.event;
        let inserted = transaction
            .prepare_cached(
                "INSERT INTO events
                     (terminal, reading, time, key, user_id, uid, verify_mode, punch_state, work_code, utc, flags, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (terminal, time, key) DO NOTHING",
            )?
            .execute((
                entry.terminal,
                entry.reading,
                seconds(event.local_time),
                event.id.as_bytes(),
                &event.user_id,
                self.uid,
                event.verify_mode.0,
                event.punch_state.0,
                event.work_code,
                event.instant.as_ref().map(|instant| instant.utc.timestamp()),
                flag_words(&event.flags),
                &event.raw,
            ))?;
        Ok(inserted == 1)
    }
}

/// The latest times of a terminal's punches that are not after `until`.
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

/// The number of the last event; 0 where there is none.
pub(super) fn last_seq(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?.query_row((), |row| row.get(0))
}

/// Makes events of rows; keeps the few readings that they share.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    readings: HashMap<i64, Reading>,
}

impl EventReader {
    /// The event in a row of [`COLUMNS`], with its number.
    pub(super) fn event(&mut self, connection: &Connection, row: &Row<'_>) -> rusqlite::Result<(i64, AttendanceEvent)> {
        let reading = self.reading(connection, row.get(1)?)?;
        let utc = row.get::<_, Option<i64>>(8)?.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let (id, user_id) = (EventId::from_bytes(row.get(3)?), row.get::<_, String>(4)?);
        let local_time = wall_clock(row.get(2)?);
        let Reading { serial, device_name, .. } = reading;
        let mut event = AttendanceEvent::new(id, serial, device_name, user_id, local_time, reading.source);
        event.instant = utc.zip(reading.zone).map(|(utc, zone)| Instant { utc, zone });
        event.verify_mode = VerifyMode(row.get(5)?);
        event.punch_state = PunchState(row.get(6)?);
        event.work_code = row.get(7)?;
        event.flags = row.get_ref(9)?.as_str_or_null()?.map(flags_of).unwrap_or_default();
        event.clock_drift_ms = reading.drift_ms;
        event.raw = row.get(10)?;
        Ok((row.get(0)?, event))
    }

    fn reading(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<&Reading> {
        if !self.readings.contains_key(&id) {
            // A service that runs for years has many readings, and events in order need only the last of them.
            if self.readings.len() > 1_000 {
                self.readings.clear();
            }
            let reading = connection
                .prepare_cached(
                    "SELECT t.serial, r.device_name, r.zone, r.drift_ms, r.source, r.read_at
                     FROM readings r JOIN terminals t ON t.id = r.terminal WHERE r.id = ?1",
                )?
                .query_row([id], |row| {
                    Ok(Reading {
                        serial: row.get(0)?,
                        device_name: row.get(1)?,
                        zone: row.get::<_, Option<String>>(2)?.and_then(|name| name.parse().ok()),
                        drift_ms: row.get(3)?,
                        clock_offset: None,
                        source: source_of(row.get_ref(4)?.as_str()?),
                        read_at: row.get(5)?,
                        // No event needs it; a ledger of version 3 that is read as it is has none.
                        layout: None,
                    })
                })?;
            self.readings.insert(id, reading);
        }
        self.readings.get(&id).ok_or(rusqlite::Error::QueryReturnedNoRows)
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
    /// The events inside a window, in the order in which they entered.
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

    /// How many events there are.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`] when the ledger cannot be read.
    pub fn event_count(&self) -> Result<u64, LedgerError> {
        // Numbers have no gaps, so the last one is the count.
        self.read("count events", last_seq).map(i64::cast_unsigned)
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
            let mut rows = statement.query((after, PAGE as i64))?;
            let mut page = Vec::with_capacity(PAGE);
            while let Some(row) = rows.next()? {
                page.push(reader.event(connection, row)?);
            }
            Ok(page)
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
