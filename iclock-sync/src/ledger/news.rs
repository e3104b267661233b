//! The news for which a delivery waits.

/// The progress of the terminals in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Ledger commits with new events so far.
    pub(crate) commits: u64,
    /// Every terminal has ended.
    pub(crate) over: bool,
}
