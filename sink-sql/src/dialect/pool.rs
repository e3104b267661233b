//! Connections to a database server: opened when needed, kept, and replaced when they break.
//!
//! This is not sqlx's own pool, which retries a refused connection until its time is over and then no longer knows why.

use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use attendance_model::SinkError;
use tokio::sync::Semaphore;

use crate::error::{Classify, from_sqlx, timed_out};
use crate::options::SqlOptions;

/// The failure of a call on a connection.
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

/// A future on the heap.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The connections to one server.
pub(crate) struct Pool<C> {
    connect: Box<dyn Fn() -> Boxed<'static, Result<C, sqlx::Error>> + Send + Sync>,
    target: String,
    timeout: Duration,
    size: usize,
    classify: Classify,
    slots: Semaphore,
    /// Unused connections, each with the time of its last use.
    idle: Mutex<Vec<(C, Instant)>>,
}

/// How long an idle connection is kept. Firewalls drop connections after a few silent minutes, and a request on a
/// dropped one would hang until the timeout.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// The hint for a server that says nothing.
const SILENT: &str = "check host and port, see what keeps the database busy, or set a longer `timeout`";

/// Two writers of the same rows can stop each other a few times, not forever.
const TRIES: usize = 10;

impl<C> Pool<C> {
    /// A pool of at most `size` connections, which `connect` opens; `classify` explains the driver's errors.
    pub(crate) fn new(
        options: &SqlOptions,
        size: usize,
        classify: Classify,
        connect: impl Fn() -> Boxed<'static, Result<C, sqlx::Error>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            connect: Box::new(connect),
            target: options.target(),
            timeout: options.timeout(),
            size,
            classify,
            slots: Semaphore::new(size),
            idle: Mutex::default(),
        }
    }

    /// The most connections at once.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Runs `work` on a connection, which it gives back, within the sink's timeout. Work may run several times: it must
    /// store nothing twice.
    pub(crate) async fn run<'w, T>(
        &self,
        doing: &str,
        work: impl Fn(C) -> Boxed<'w, (Result<T, Fault>, C)>,
    ) -> Result<T, SinkError> {
        // When the time is over, the work is dropped with its connection, and the server undoes it.
        match tokio::time::timeout(self.timeout, self.attempts(work)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Fault::Refused(error))) => Err(error),
            Ok(Err(Fault::Driver(cause))) => Err(from_sqlx(doing, &self.target, self.classify, cause)),
            Err(_) => Err(timed_out(doing, &self.target, self.timeout).hint(SILENT)),
        }
    }

    async fn attempts<'w, T>(&self, work: impl Fn(C) -> Boxed<'w, (Result<T, Fault>, C)>) -> Result<T, Fault> {
        // The semaphore is never closed: this waits, and cannot fail.
        let _slot = self.slots.acquire().await;
        let mut tries = 0;
        loop {
            let kept = self.kept();
            let was_kept = kept.is_some();
            let connection = match kept {
                Some(connection) => connection,
                None => (self.connect)().await?,
            };
            tries += 1;
            let (result, connection) = work(connection).await;
            match result {
                Ok(done) => {
                    let now = Instant::now();
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, now));
                    return Ok(done);
                }
                // The server was restarted, or a firewall dropped the connection: the others may be as dead.
                Err(Fault::Driver(sqlx::Error::Io(_))) if was_kept => {}
                Err(Fault::Driver(cause)) if tries < TRIES && is_conflict(&cause) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// The connection that was used last. If that was too long ago, all of them are too old.
    fn kept(&self) -> Option<C> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.pop() {
            Some((connection, since)) if since.elapsed() < KEPT_FOR => Some(connection),
            _ => {
                idle.clear();
                None
            }
        }
    }
}

/// Not derived: a connection cannot be printed.
impl<C> Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("target", &self.target).field("size", &self.size).finish_non_exhaustive()
    }
}

/// A deadlock, or a transaction that could not be put in order with another: the server undid it.
fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
