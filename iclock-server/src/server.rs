//! What all handlers share.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::http::StatusCode;
use iclock_sync::audit::Order;
use iclock_sync::query::Query;
use iclock_sync::service::Status;
use iclock_sync::{LedgerError, Service, chain};
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::attempts::Attempts;
use crate::by::By;
use crate::feed::Feed;
use crate::problem::Problem;
use crate::rate::Rates;
use crate::{OpenError, ServerOptions};

/// Questions to the ledger at the same time; others wait for their turn.
const AT_ONCE: usize = 8;
/// The longest that a question may take.
const QUESTION_WITHIN: Duration = Duration::from_secs(10);
/// Questions that terminals are asked at the same time.
const VISITS: usize = 8;
/// Streams at the same time.
const STREAMS: usize = 512;

/// What all handlers share. It does not keep the service alive.
#[derive(Debug)]
pub(crate) struct Server {
    service: Weak<Service>,
    query: Arc<Query>,
    pub(crate) access: Arc<Access>,
    pub(crate) feed: Feed,
    pub(crate) options: ServerOptions,
    pub(crate) rates: Rates,
    pub(crate) attempts: Attempts,
    turns: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) visits: Arc<Semaphore>,
}

impl Server {
    pub(crate) fn open(service: &Arc<Service>, options: ServerOptions) -> Result<Self, OpenError> {
        let dir = service.state_dir().to_owned();
        let access = Arc::new(Access::open(&dir)?);
        let query = Query::open_within(&dir, QUESTION_WITHIN)?.ok_or(OpenError::NoLedger(dir))?;
        let query = Arc::new(query);
        let feed = Feed::start(Arc::clone(&query), service.commits())?;
        Ok(Self {
            service: Arc::downgrade(service),
            query,
            access,
            feed,
            options,
            rates: Rates::default(),
            attempts: Attempts::default(),
            hashing: Arc::new(Semaphore::new(1)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            visits: Arc::new(Semaphore::new(VISITS)),
        })
    }

    /// The service, unless it is about to end.
    pub(crate) fn service(&self) -> Result<Arc<Service>, Problem> {
        self.service.upgrade().filter(|service| !service.is_stopping()).ok_or_else(Problem::stopping)
    }

    /// The service, once the audit says who orders what. `of` is what it is about: it exists.
    pub(crate) async fn ordered(&self, by: &By, what: &str, of: &str) -> Result<Arc<Service>, Problem> {
        let (service, order) = (self.service()?, Order::new(&*by.name, what, of));
        let order = by.from.iter().fold(order, |order, from| order.from(from.to_string()));
        service.note_order(order).await.map_err(|error| {
            tracing::warn!("an order was refused: {}", chain(&error));
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the order cannot be written into the audit; nothing was done",
            )
            .hint("check that the disk of the state directory has room")
        })?;
        Ok(service)
    }

    /// The state of everything now.
    pub(crate) fn status(&self) -> Result<Status, Problem> {
        Ok(self.service()?.status())
    }

    /// Asks the ledger, off the threads that serve everybody.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Query) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Problem> {
        let query = Arc::clone(&self.query);
        self.blocking(move || question(&query)).await?.map_err(Problem::from)
    }

    /// Hashes a password, one at a time: each takes 19 MiB and a tenth of a second of one core.
    pub(crate) async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = tokio::time::timeout(QUESTION_WITHIN, Arc::clone(&self.hashing).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many log in at once");
            return Err(problem.hint("try again in a minute"));
        };
        let done = self.blocking(move || (work(), turn)).await?;
        Ok(done.0)
    }

    /// Does something that waits for the disk.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Problem::stopping())?;
        let done = tokio::task::spawn_blocking(move || {
            let value = work();
            // Not before: a caller that has gone away does not make room for another one.
            drop(turn);
            value
        });
        done.await.map_err(|error| {
            tracing::error!("a request failed where it never should: {}", chain(&error));
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed inside the server")
                .hint("the log of the server says more")
        })
    }
}
