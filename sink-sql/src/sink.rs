//! The sink: events in, one outcome each.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, NamedPerson, Notice, OptionsError, Outcome, Sink, SinkError, SinkErrorKind,
};
use chrono::NaiveDate;

use crate::dialect::{Dialect, Span};
use crate::mapping::Row;
use crate::options::{Place, SqlOptions};
use crate::people;

/// A table of SQLite, PostgreSQL or MySQL/MariaDB that events are written to. Cheap to open, safe to share; its
/// connections close when it is dropped.
#[derive(Debug)]
pub struct SqlSink {
    options: SqlOptions,
    dialect: Box<dyn Dialect>,
    /// True once the table of people was seen to be there.
    people_ready: AtomicBool,
}

impl SqlSink {
    /// The sink of these options. Contacts nothing: the first call of the [`Sink`] connects.
    ///
    /// # Errors
    /// [`OptionsError`] when the database is not part of this build.
    pub fn open(options: SqlOptions) -> Result<Self, OptionsError> {
        let dialect = crate::dialect::open(&options)?;
        Ok(Self { options, dialect, people_ready: AtomicBool::new(false) })
    }

    /// Makes the table of people if this process has not seen it yet.
    async fn ready_people(&self) -> Result<(), SinkError> {
        if !self.people_ready.load(Ordering::Relaxed) {
            self.dialect.prepare_people().await?;
            self.people_ready.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for SqlSink {
    fn name(&self) -> &str {
        self.options.name()
    }

    fn target(&self) -> String {
        self.options.target()
    }

    fn capabilities(&self) -> Capabilities {
        let all = Capabilities::new(self.dialect.batch(), self.options.ids())
            .concurrency(self.dialect.concurrency())
            .counts_days(usize::MAX)
            .names(self.options.names());
        if matches!(self.options.place(), Place::Sqlite(_)) { all.local() } else { all }
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        let mut notices = self.dialect.prepare().await?;
        if self.options.names() {
            // Events go in all the same.
            notices.extend(self.ready_people().await.err().map(|error| {
                let notice = Notice::new(format!("people's names cannot be stored: {error}"));
                match error.hint {
                    Some(hint) => notice.hint(hint),
                    None => notice,
                }
            }));
        }
        Ok(notices)
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        // An id means its first row: a later one in the same batch finds it stored.
        let mut seen = HashSet::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for event in batch {
            places.push(match Row::of(event, self.options.ids(), self.dialect.limits()) {
                Err(reason) => Verdict::Rejected(reason),
                Ok(row) => {
                    let id = row.id;
                    let first = seen.insert(id);
                    if first {
                        rows.push(row);
                    }
                    Verdict::Row { id, first }
                }
            });
        }
        let stored = if rows.is_empty() { HashSet::new() } else { self.dialect.insert(rows).await? };
        Ok(places.into_iter().map(|verdict| verdict.outcome(&stored)).collect())
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.dialect.find(ids).await?;
        Ok(ids.iter().map(|id| found.contains(id)).collect())
    }

    /// One statement, whatever the number of days.
    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { return Ok(Vec::new()) };
        let counts = self.dialect.count(Span::of(*first, *last)).await?;
        Ok(days.iter().map(|day| counts.get(day).copied().unwrap_or(0)).collect())
    }

    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        if !self.options.names() {
            let problem = format!("{} keeps no names", self.target());
            return Err(SinkError::new(SinkErrorKind::Invalid, problem).hint("set names = true for this sink"));
        }
        self.ready_people().await?;
        let held = people::held(people, self.dialect.limits());
        if !held.is_empty() {
            // Somebody may have dropped the table.
            let failed = |_: &SinkError| self.people_ready.store(false, Ordering::Relaxed);
            self.dialect.put_people(held).await.inspect_err(failed)?;
        }
        Ok(people.len())
    }
}

/// The verdict on an event before the database has answered.
enum Verdict {
    Rejected(String),
    Row { id: EventId, first: bool },
}

impl Verdict {
    fn outcome(self, stored: &HashSet<EventId>) -> Outcome {
        match self {
            Self::Rejected(reason) => Outcome::Rejected { reason },
            Self::Row { id, first } if first && stored.contains(&id) => Outcome::Stored,
            Self::Row { .. } => Outcome::AlreadyStored,
        }
    }
}
