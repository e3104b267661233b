//! The parts that differ from one database to the next.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use async_trait::async_trait;
use attendance_model::{EventId, NamedPerson, Notice, OptionsError, SinkError};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::mapping::{Limits, Row};
use crate::options::{Place, SqlOptions};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::server::Kind;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

/// The dialect of the options' database; contacts nothing.
pub(crate) fn open(options: &SqlOptions) -> Result<Box<dyn Dialect>, OptionsError> {
    match options.place() {
        #[cfg(feature = "sqlite")]
        Place::Sqlite(path) => Ok(Box::new(sqlite::Sqlite::new(path.clone(), options))),
        #[cfg(not(feature = "sqlite"))]
        Place::Sqlite(_) => Err(OptionsError::not_compiled("sqlite", "sink-sql")),
        Place::Server(server) => match server.kind {
            #[cfg(feature = "postgres")]
            Kind::Postgres => Ok(Box::new(postgres::Postgres::open(server, options))),
            #[cfg(feature = "mysql")]
            Kind::Mysql => Ok(Box::new(mysql::Mysql::open(server, options))),
            #[cfg(not(all(feature = "postgres", feature = "mysql")))]
            kind => Err(OptionsError::not_compiled(kind.word(), "sink-sql")),
        },
    }
}

/// One kind of database. Every call ends within the sink's time-out.
#[async_trait]
pub(crate) trait Dialect: Debug + Send + Sync {
    /// The most that its columns hold.
    fn limits(&self) -> &'static Limits;

    /// Rows per transaction at which it is fastest.
    fn batch(&self) -> usize;

    /// Transactions that may usefully run at once.
    fn concurrency(&self) -> usize;

    /// Connects, brings the table to the newest version and checks that it can be written.
    /// Returns notices of what should be fixed although the table can be written.
    async fn prepare(&self) -> Result<Vec<Notice>, SinkError>;

    /// Inserts the rows that are not there yet in one transaction, and says which these were. No two rows have the same
    /// id.
    async fn insert(&self, rows: Vec<Row>) -> Result<HashSet<EventId>, SinkError>;

    /// Those of these ids that are stored.
    async fn find(&self, ids: &[EventId]) -> Result<HashSet<EventId>, SinkError>;

    /// The number of rows of each day of a span, by `local_time`. Days without any are left out.
    async fn count(&self, span: Span) -> Result<HashMap<NaiveDate, u64>, SinkError>;

    /// Brings the table of people to the newest version, and checks that it can be written.
    async fn prepare_people(&self) -> Result<(), SinkError>;

    /// Stores people in one transaction; of two names of a person the newer one stays. No two have the same key.
    async fn put_people(&self, people: Vec<NamedPerson>) -> Result<(), SinkError>;
}

/// Whole days: from the first midnight on, before the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: NaiveDateTime,
    pub(crate) before: NaiveDateTime,
}

impl Span {
    /// From one day through another.
    pub(crate) fn of(first: NaiveDate, last: NaiveDate) -> Self {
        let after = last.succ_opt().unwrap_or(last);
        Self { from: first.and_time(NaiveTime::MIN), before: after.and_time(NaiveTime::MIN) }
    }
}

/// Counts of days as the database gives them.
fn counts(rows: impl IntoIterator<Item = (NaiveDate, i64)>) -> HashMap<NaiveDate, u64> {
    rows.into_iter().map(|(day, count)| (day, count.max(0).cast_unsigned())).collect()
}

/// Sorts rows by time and id, the order in which every writer locks them: no two writers then wait for each other. By
/// time first, so that readers' indexes grow at their end.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn in_lock_order(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_unstable_by_key(|row| (row.event.local_time, row.id));
    rows
}
