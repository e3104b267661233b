//! The events as the ledger keeps them: whole, or shrunk to what they are known by.

use std::collections::BTreeMap;
use std::path::Path;

use attendance_model::{EventId, IdScheme};
use chrono::{DateTime, NaiveDateTime};
use rusqlite::{Connection, OpenFlags};

/// An event of the ledger.
#[derive(Debug)]
pub(crate) struct KeptEvent {
    seq: i64,
    pub(crate) key: EventId,
    pub(crate) user_id: String,
    time: NaiveDateTime,
    shrunk: bool,
}

/// All of them, in the order of their numbers, at one moment.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) events: Vec<KeptEvent>,
    /// By target: what had shrunk up to this number is not expected at the sink.
    begins: BTreeMap<String, i64>,
}

impl KeptEvent {
    /// The id of its document.
    pub(crate) fn id(&self, scheme: IdScheme) -> EventId {
        match scheme {
            IdScheme::Full => self.key,
            IdScheme::IclockSyncV1 => EventId::iclock_sync_v1(&self.user_id, self.time),
        }
    }
}

impl Kept {
    pub(crate) fn of(state: &Path) -> Self {
        let ledger =
            Connection::open_with_flags(state.join("ledger.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let moment = ledger.unchecked_transaction().unwrap();
        let mut events = moment
            .prepare(
                "SELECT seq, key, user_id, time, FALSE FROM events
                 UNION ALL SELECT seq, key, user_id, time, TRUE FROM shrunk ORDER BY seq",
            )
            .unwrap();
        let event = |row: &rusqlite::Row<'_>| {
            let time = DateTime::from_timestamp(row.get(3)?, 0).unwrap().naive_utc();
            let key = EventId::from_bytes(row.get(1)?);
            Ok(KeptEvent { seq: row.get(0)?, key, user_id: row.get(2)?, time, shrunk: row.get(4)? })
        };
        let events = events.query_map((), event).unwrap().map(Result::unwrap).collect();
        let mut begins = moment.prepare("SELECT target, begins FROM sinks").unwrap();
        let begins = begins.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        Self { events, begins }
    }

    /// The events that a sink must have. Others that have shrunk it may have.
    pub(crate) fn expected_at(&self, target: &str) -> impl Iterator<Item = &KeptEvent> {
        let begins = self.begins.get(target).copied().unwrap_or(0);
        self.events.iter().filter(move |event| !event.shrunk || event.seq > begins)
    }

    pub(crate) fn whole(&self) -> impl Iterator<Item = &KeptEvent> {
        self.events.iter().filter(|event| !event.shrunk)
    }
}
