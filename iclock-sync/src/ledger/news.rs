//! What a delivery waits for.

/// The progress of the terminals in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Ledger commits with new events so far.
    pub(crate) commits: u64,
    /// Every terminal has ended.
    pub(crate) over: bool,
}
