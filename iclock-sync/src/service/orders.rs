//! What people order while the service runs, besides polls and pauses.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::clear::visit;
use super::part::Guest;
use super::{NotFound, Service};
use crate::audit::Order;
use crate::error::blocking;
use crate::ledger::Resolve;
use crate::poll::Habits;
use crate::poll::ask::{Answer, Ask, Capacity, Clock, ClockSet, TerminalUser};
use crate::trail::line::Beside;
use crate::unproven::AcceptError;
use crate::{LedgerError, SyncError, TerminalError, Window};

/// The longest wait for a poll or a delivery that is under way.
pub(super) const ALONE_WITHIN: Duration = Duration::from_secs(20);

/// The reason why an order was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is no such terminal or sink.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// A poll or a delivery is under way, and has not ended in time.
    #[error("{0:?} is busy")]
    Busy(String),
    /// The terminal failed.
    #[error("the terminal did not do it")]
    Terminal(#[from] TerminalError),
    /// A kept log cannot be accepted.
    #[error(transparent)]
    NotAccepted(#[from] AcceptError),
    /// The engine failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl Service {
    /// Writes into the audit that somebody gives an order, and into the log. Do it before the order is carried out, so
    /// that nobody changes anything unseen. Without an audit it is in the log alone.
    ///
    /// # Errors
    /// [`SyncError`] when it cannot be written. Then nothing may be changed.
    pub async fn note_order(&self, order: Order) -> Result<(), SyncError> {
        let Order { by, from, what, of } = &order;
        tracing::info!(by, from, of, "ordered: {what}");
        if self.shared.write_audit(vec![Beside::Order(order)]).await? {
            return Ok(());
        }
        let source = io::Error::other("the audit cannot be written; the log says why");
        Err(LedgerError::Io { path: self.state_dir().join("audit"), source }.into())
    }

    /// Marks records of the quarantine as dealt with, with a note. They leave it and become no events. Returns how many
    /// waited until now.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be written. Then nothing is changed.
    pub async fn resolve(&self, records: Vec<i64>, note: String) -> Result<u64, SyncError> {
        let (ledger, now) = (Arc::clone(&self.shared.ledger), self.shared.clock.utc_now());
        blocking("ledger", move || Ok(ledger.resolve(Resolve::Records(&records), &note, now)?)).await
    }

    /// Makes events inside a window pending again for a sink, and returns their number: those that were delivered, or
    /// with `set_aside` those that it had refused for good. It begins between two deliveries.
    ///
    /// # Errors
    /// [`OrderError`]. Then nothing is changed.
    pub async fn replay(&self, sink: &str, window: Window, set_aside: bool) -> Result<u64, OrderError> {
        let found = {
            let crew = self.crew.lock().await;
            crew.sinks.get(sink).map(|part| (part.guest(), part.of.sink.target()))
        };
        let Some((mut guest, target)) = found else { return Err(NotFound(sink.to_owned()).into()) };
        // A delivery that is under way moves the watermark over what it did not see.
        if !guest.is_alone(ALONE_WITHIN).await {
            return Err(OrderError::Busy(sink.to_owned()));
        }
        let (ledger, name) = (Arc::clone(&self.shared.ledger), sink.to_owned());
        let count = blocking("ledger", move || {
            Ok(match set_aside {
                true => ledger.replay_set_aside(&target, &name, &window)?,
                false => ledger.replay(&target, &name, &window)?,
            })
        })
        .await?;
        self.shared.news.send_modify(|news| news.commits += 1);
        Ok(count)
    }

    /// Reads the clock of a terminal that is called, on a session between two polls. A poll follows.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn clock(&self, terminal: &str) -> Result<Clock, OrderError> {
        match self.ask(terminal, Ask::Clock).await? {
            Answer::Clock(clock) => Ok(clock),
            other => Err(unlike(&other)),
        }
    }

    /// Sets the clock of a terminal that is called to the time of its zone, or to that of this computer if it has no
    /// zone. Later punches have the new time.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn set_clock(&self, terminal: &str) -> Result<ClockSet, OrderError> {
        match self.ask(terminal, Ask::SetClock).await? {
            Answer::ClockSet(set) => Ok(set),
            other => Err(unlike(&other)),
        }
    }

    /// Asks a terminal that is called how much it holds, and how much it can hold.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn capacity(&self, terminal: &str) -> Result<Capacity, OrderError> {
        match self.ask(terminal, Ask::Capacity).await? {
            Answer::Capacity(capacity) => Ok(capacity),
            other => Err(unlike(&other)),
        }
    }

    /// Reads the users of a terminal that is called, without passwords, card numbers and templates.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn users(&self, terminal: &str) -> Result<Vec<TerminalUser>, OrderError> {
        match self.ask(terminal, Ask::Users).await? {
            Answer::Users(users) => Ok(users),
            other => Err(unlike(&other)),
        }
    }

    /// Asks a terminal something on a session of its own, between two polls.
    async fn ask(&self, terminal: &str, question: Ask) -> Result<Answer, OrderError> {
        let found = {
            let crew = self.crew.lock().await;
            crew.terminals.get(terminal).map(|part| (part.guest(), Arc::clone(&part.of)))
        };
        let Some((mut guest, device)): Option<(Guest, _)> = found else {
            return Err(NotFound(terminal.to_owned()).into());
        };
        if !guest.is_alone(ALONE_WITHIN).await {
            return Err(OrderError::Busy(terminal.to_owned()));
        }
        visit(&self.shared, &device, Habits::default(), self.stop.child_token())
            .ask(question)
            .await?
            .map_err(OrderError::from)
    }
}

/// Each question has one kind of answer.
fn unlike(answer: &Answer) -> OrderError {
    TerminalError::unknown(answer).into()
}
