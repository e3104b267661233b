//! What database servers have in common: connections that are made when needed, kept, and replaced when they break.
//!
//! Not sqlx's own pool: that one tries a refused connection again until its time is over, and then no longer knows why.

use std::collections::HashSet;
use std::fmt::{self, Debug};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use attendance_model::{EventId, Notice, SinkError};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Semaphore;

use super::Dialect;
use crate::error::{Classify, from_sqlx, timed_out};
use crate::mapping::{Limits, Row};

/// One kind of server: what it is told, on a connection that somebody else looks after.
#[async_trait]
pub(crate) trait Statements: Debug + Send + Sync {
    /// A connection to it.
    type Connection: Connection;

    /// The most that its columns hold.
    const LIMITS: Limits;

    /// Rows per statement at which it is fastest.
    const BATCH: usize;

    /// What the driver's errors mean.
    const CLASSIFY: Classify;

    /// Prepares a new connection.
    async fn set_up(&self, connection: &mut Self::Connection) -> Result<(), sqlx::Error>;

    /// As [`Dialect::prepare`].
    async fn prepare(&self, connection: &mut Self::Connection) -> Result<Vec<Notice>, Fault>;

    /// As [`Dialect::insert`]; the rows are sorted by time and id.
    async fn insert(&self, connection: &mut Self::Connection, rows: &[Row]) -> Result<HashSet<EventId>, Fault>;

    /// As [`Dialect::find`].
    async fn find(&self, connection: &mut Self::Connection, ids: &[EventId]) -> Result<HashSet<EventId>, Fault>;
}

/// How to connect.
type Options<S> = <<S as Statements>::Connection as Connection>::Options;

/// Why something on a connection failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The driver or the server says so.
    Driver(sqlx::Error),
    /// We say so.
    Refused(SinkError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<SinkError> for Fault {
    fn from(error: SinkError) -> Self {
        Self::Refused(error)
    }
}

/// A table on a server, and the connections to it.
pub(crate) struct Pooled<S: Statements> {
    statements: S,
    options: Options<S>,
    target: String,
    timeout: Duration,
    size: usize,
    slots: Semaphore,
    /// Connections, and since when each is not used.
    idle: Mutex<Vec<(S::Connection, Instant)>>,
}

/// What is asked of a connection.
#[derive(Clone, Copy)]
enum Request<'a> {
    Prepare,
    Insert(&'a [Row]),
    Find(&'a [EventId]),
}

/// What comes of it.
enum Answer {
    Notices(Vec<Notice>),
    Ids(HashSet<EventId>),
}

/// For so long a connection is kept. A firewall may forget one that says nothing for some minutes, and a request on it would
/// wait in vain.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Two writers of the same rows can stop each other a few times, not for ever.
const TRIES: usize = 10;

impl<S: Statements> Pooled<S> {
    pub(crate) fn new(statements: S, options: Options<S>, target: String, timeout: Duration, size: usize) -> Self {
        // Every statement would be logged with all its values, and a batch of thousands is slow by its nature.
        let options = options.disable_statement_logging();
        Self { statements, options, target, timeout, size, slots: Semaphore::new(size), idle: Mutex::default() }
    }

    async fn run(&self, doing: &str, request: Request<'_>) -> Result<Answer, SinkError> {
        // What is still under way when the time is over is dropped, its connection with it; the server undoes it.
        match tokio::time::timeout(self.timeout, self.attempts(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Fault::Refused(error))) => Err(error),
            Ok(Err(Fault::Driver(cause))) => Err(from_sqlx(doing, &self.target, S::CLASSIFY, cause)),
            Err(_) => Err(timed_out(doing, &self.target, self.timeout)),
        }
    }

    /// Every request may be made again: nothing is stored twice.
    async fn attempts(&self, request: Request<'_>) -> Result<Answer, Fault> {
        // The semaphore is never closed: this waits, and cannot fail.
        let _slot = self.slots.acquire().await;
        let mut tries = 0;
        loop {
            let kept = self.kept();
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            tries += 1;
            match self.attempt(&mut connection, request).await {
                Ok(answer) => {
                    let now = Instant::now();
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, now));
                    return Ok(answer);
                }
                // The server was restarted, or a firewall forgot the connection: the others may be as dead.
                Err(Fault::Driver(sqlx::Error::Io(_))) if was_kept => {}
                Err(Fault::Driver(cause)) if tries < TRIES && is_conflict(&cause) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// The connection that was used last. Where that is too long ago, it is for all of them.
    fn kept(&self) -> Option<S::Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.pop() {
            Some((connection, since)) if since.elapsed() < KEPT_FOR => Some(connection),
            _ => {
                idle.clear();
                None
            }
        }
    }

    async fn connect(&self) -> Result<S::Connection, sqlx::Error> {
        let mut connection = S::Connection::connect_with(&self.options).await?;
        self.statements.set_up(&mut connection).await?;
        Ok(connection)
    }

    async fn attempt(&self, connection: &mut S::Connection, request: Request<'_>) -> Result<Answer, Fault> {
        match request {
            Request::Prepare => self.statements.prepare(connection).await.map(Answer::Notices),
            Request::Insert(rows) => self.statements.insert(connection, rows).await.map(Answer::Ids),
            Request::Find(ids) => self.statements.find(connection, ids).await.map(Answer::Ids),
        }
    }
}

impl Answer {
    fn notices(self) -> Vec<Notice> {
        match self {
            Self::Notices(notices) => notices,
            Self::Ids(_) => Vec::new(),
        }
    }

    fn ids(self) -> HashSet<EventId> {
        match self {
            Self::Ids(ids) => ids,
            Self::Notices(_) => HashSet::new(),
        }
    }
}

/// Not derived: the drivers' options print the password.
impl<S: Statements> Debug for Pooled<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").field("target", &self.target).field("size", &self.size).finish_non_exhaustive()
    }
}

/// A deadlock, or a transaction that could not be put in order with another: the server undid it.
fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

#[async_trait]
impl<S: Statements> Dialect for Pooled<S> {
    fn limits(&self) -> &'static Limits {
        &S::LIMITS
    }

    fn batch(&self) -> usize {
        S::BATCH
    }

    fn concurrency(&self) -> usize {
        self.size
    }

    async fn prepare(&self) -> Result<Vec<Notice>, SinkError> {
        self.run("prepare", Request::Prepare).await.map(Answer::notices)
    }

    async fn insert(&self, mut rows: Vec<Row>) -> Result<HashSet<EventId>, SinkError> {
        // All writers take the rows' locks in one order: then none waits for another in a circle.
        // By time, in which readers' indexes are filled at their end.
        rows.sort_unstable_by_key(|row| (row.event.local_time, row.id));
        self.run("write to", Request::Insert(&rows)).await.map(Answer::ids)
    }

    async fn find(&self, ids: &[EventId]) -> Result<HashSet<EventId>, SinkError> {
        self.run("look into", Request::Find(ids)).await.map(Answer::ids)
    }
}
