//! What the audit derives from the ledger: events by number, and what each sink has.

use std::collections::BTreeMap;
use std::mem;

use attendance_model::{EventId, LocalTime};

use super::stored;
use crate::trail::line::Read;
use crate::{Ledger, LedgerError};

/// A sink, and how far it has been served.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) through: i64,
    /// The events that it has beyond what is known: the first and the last of each run of numbers.
    pub(crate) stored: Vec<(i64, i64)>,
}

impl Ledger {
    /// Returns the next events after a number, together if they were read together; at most `most` events.
    pub(crate) fn read_after(&self, after: i64, most: u32) -> Result<Vec<Read>, LedgerError> {
        self.read("list events for the audit", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT e.seq, e.key, e.user_id, e.time, e.reading, t.serial, r.device_name, r.read_at,
                     CASE WHEN instr(coalesce(e.flags, ''), 'accepted_by_hand') THEN 'by_hand' ELSE r.source END
                 FROM events e JOIN readings r ON r.id = e.reading JOIN terminals t ON t.id = e.terminal
                 WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2",
            )?;
            let mut rows = statement.query((after, most))?;
            let (mut found, mut together) = (Vec::<Read>::new(), None);
            while let Some(row) = rows.next()? {
                let (reading, how): (i64, String) = (row.get(4)?, row.get(8)?);
                if together.replace((reading, how.clone())) != Some((reading, how.clone())) {
                    found.push(Read {
                        read_at: stored::moment(row.get(7)?),
                        terminal: row.get(5)?,
                        device: row.get(6)?,
                        how,
                        events: Vec::new(),
                    });
                }
                let key = EventId::from_bytes(row.get(1)?).to_string();
                let time = LocalTime::Real(stored::wall_clock(row.get(3)?)).to_string();
                if let Some(read) = found.last_mut() {
                    read.events.push((row.get(0)?, key, row.get(2)?, time));
                }
            }
            Ok(found)
        })
    }

    /// Returns the sinks that have more than up to `known`, by target.
    pub(crate) fn delivered_beyond(&self, known: &BTreeMap<String, i64>) -> Result<Vec<Served>, LedgerError> {
        self.read("list deliveries for the audit", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, name, target, delivered, begins FROM sinks ORDER BY id")?;
            let mut rows = statement.query(())?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let (name, target, through) = (row.get(1)?, row.get(2)?, row.get(3)?);
                let mut served = Served { name, target, through, stored: Vec::new() };
                let after = known.get(&served.target).copied().unwrap_or(0);
                if served.through <= after {
                    continue;
                }
                // It never had what had shrunk before it was met.
                let after = after.max(row.get(4)?);
                let mut statement = connection.prepare_cached(
                    "SELECT seq FROM exceptions WHERE sink = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
                )?;
                let mut exceptions = statement.query((row.get::<_, i64>(0)?, after, served.through))?;
                let mut first = after + 1;
                while let Some(exception) = exceptions.next()? {
                    let seq: i64 = exception.get(0)?;
                    let begin = mem::replace(&mut first, seq + 1);
                    served.stored.extend((begin < seq).then(|| (begin, seq - 1)));
                }
                served.stored.extend((first <= served.through).then_some((first, served.through)));
                found.push(served);
            }
            Ok(found)
        })
    }
}
