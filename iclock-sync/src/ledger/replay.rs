//! Delivered events: looked for at the sink, and sent again if they are lost.

use attendance_model::AttendanceEvent;
use rusqlite::Connection;

use super::events::{self, EventReader};
use super::sinks::{SinkState, id_of, state, watermarks};
use super::window::{OF_EVENT, condition};
use crate::{Ledger, LedgerError, Window};

/// The name of the setting that has the last event of those that a sink was found to have lost.
pub(super) fn lost_name(sink: i64) -> String {
    format!("lost {sink}")
}

impl Ledger {
    /// Returns the last event of those that a sink was found to have lost.
    pub(crate) fn lost_through(&self, sink: i64) -> Result<Option<i64>, LedgerError> {
        Ok(self.setting(&lost_name(sink))?.and_then(|text| text.parse().ok()))
    }

    /// Remembers that event, or that the events are there again.
    pub(crate) fn set_lost_through(&self, sink: i64, through: Option<i64>) -> Result<(), LedgerError> {
        self.keep_setting(&lost_name(sink), through.map(|seq| seq.to_string()).as_deref())
    }

    /// Makes delivered events inside a window pending again for a target, and returns their number. Events that the
    /// Python tool had delivered are sent too. Events that are held, merged, or refused for good stay as they are.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when it cannot be saved; then nothing changes.
    pub fn replay(&self, target: &str, name: &str, window: &Window) -> Result<u64, LedgerError> {
        let inside = condition(window, OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
        self.write("make events pending again", |transaction| {
            let sink = watermarks(transaction, id_of(transaction, target, name)?)?;
            // An event up to the watermark is delivered unless it has an exception. With this one, it is skipped.
            let delivered = transaction
                .prepare(&format!(
                    "INSERT INTO exceptions (sink, seq, state) SELECT ?1, e.seq, ?2 FROM events e
                     WHERE e.seq <= ?3 AND ({inside})
                     AND NOT EXISTS (SELECT 1 FROM exceptions x WHERE x.sink = ?1 AND x.seq = e.seq)"
                ))?
                .execute((sink.id, state::SKIPPED, sink.delivered))?;
            let imported = transaction
                .prepare(&format!(
                    "UPDATE exceptions SET state = ?2 WHERE sink = ?1 AND state = ?3 AND seq <= ?4
                     AND EXISTS (SELECT 1 FROM events e WHERE e.seq = exceptions.seq AND ({inside}))"
                ))?
                .execute((sink.id, state::SKIPPED, state::IMPORTED, sink.delivered))?;
            Self::forget(transaction, &lost_name(sink.id))?;
            // What lost its events may have lost the names, too. To send them again changes nothing.
            transaction.execute("DELETE FROM people_sent WHERE sink = ?1", [sink.id])?;
            Ok((delivered + imported) as u64)
        })
    }

    /// Makes events inside a window pending again that a target had refused for good, and returns their number.
    /// [`Ledger::set_aside`] lists them.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when it cannot be saved; then nothing changes.
    pub fn replay_set_aside(&self, target: &str, name: &str, window: &Window) -> Result<u64, LedgerError> {
        let inside = condition(window, OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
        let inside = format!("EXISTS (SELECT 1 FROM events e WHERE e.seq = exceptions.seq AND ({inside}))");
        self.write("make events pending again", |transaction| {
            let sink = watermarks(transaction, id_of(transaction, target, name)?)?;
            // After the watermark, an event without an exception is fresh.
            let fresh = transaction
                .prepare(&format!("DELETE FROM exceptions WHERE sink = ?1 AND state = ?2 AND seq > ?3 AND {inside}"))?
                .execute((sink.id, state::REJECTED, sink.delivered))?;
            let skipped = transaction
                .prepare(&format!(
                    "UPDATE exceptions SET state = ?3, reason = NULL WHERE sink = ?1 AND state = ?2 AND {inside}"
                ))?
                .execute((sink.id, state::REJECTED, state::SKIPPED))?;
            Ok((fresh + skipped) as u64)
        })
    }

    /// Returns a few delivered events of a sink, at most `most`: the last ones, then one from the middle and the first,
    /// if there is room.
    pub(crate) fn delivered_sample(&self, sink: &SinkState, most: usize) -> Result<Vec<AttendanceEvent>, LedgerError> {
        self.read("look for what was delivered", |connection| {
            let spread = usize::from(most > 1) * 2;
            let mut sample = sample(connection, sink, 0, "DESC", most - spread)?;
            if spread > 0 {
                sample.extend(self::sample(connection, sink, sink.delivered / 2, "ASC", 1)?);
                sample.extend(self::sample(connection, sink, 1, "ASC", 1)?);
            }
            Ok(sample)
        })
    }
}

fn sample(
    connection: &Connection,
    sink: &SinkState,
    from: i64,
    order: &str,
    most: usize,
) -> rusqlite::Result<Vec<AttendanceEvent>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM events e WHERE seq BETWEEN ?2 AND ?3
         AND NOT EXISTS (SELECT 1 FROM exceptions x WHERE x.sink = ?1 AND x.seq = e.seq) ORDER BY seq {order} LIMIT ?4",
        events::COLUMNS
    ))?;
    let mut rows = statement.query((sink.id, from, sink.delivered, most as i64))?;
    let (mut reader, mut found) = (EventReader::default(), Vec::new());
    while let Some(row) = rows.next()? {
        found.push(reader.event(connection, row)?.1);
    }
    Ok(found)
}
