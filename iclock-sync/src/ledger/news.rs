//! The news for which a delivery waits.

use tokio::sync::watch;

use crate::Ledger;

/// The progress of the terminals in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Ledger commits with new events so far.
    pub(crate) commits: u64,
    /// Every terminal has ended.
    pub(crate) over: bool,
}

/// A subscription to the commits of a ledger.
#[derive(Clone, Debug)]
pub struct Commits {
    durable: watch::Receiver<i64>,
}

impl Commits {
    /// Returns the number of the last durable event; 0 if there is none.
    #[must_use]
    pub fn last(&self) -> i64 {
        *self.durable.borrow()
    }

    /// Waits until more events are durable than at the last call, and returns the number of the last of them. Returns
    /// `None` once the ledger is closed.
    pub async fn next(&mut self) -> Option<i64> {
        self.durable.changed().await.ok()?;
        Some(*self.durable.borrow_and_update())
    }
}

impl Ledger {
    /// Subscribes to the commits that this value makes. A ledger that was opened to read only makes none.
    #[must_use]
    pub fn commits(&self) -> Commits {
        Commits { durable: self.durable() }
    }
}
