//! How long silence is waited out.

use std::time::Duration;

/// Answer time-outs for which one request may hear nothing at all. The longest single wait takes three.
const QUIET: u32 = 4;
/// Answer time-outs that the silences of a pull may add up to, over all its sessions, before something new came.
const PATIENCE: u32 = 7;

/// Silence that no answer ended. It outlives the sessions of a client: one that is opened anew and falls silent again has
/// brought nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// How much there was since something new came.
    pub(super) spent: Duration,
    /// How much there may be; any where nothing is set.
    pub(super) limit: Option<Duration>,
    /// Nothing came since a request was given up.
    pub(super) lasts: bool,
}

impl Silence {
    /// How long the next request may hear nothing.
    pub(super) fn allowed(&self, timeout: Duration) -> Duration {
        let quiet = timeout.saturating_mul(QUIET);
        self.limit.map_or(quiet, |limit| quiet.min(limit.saturating_sub(self.spent)))
    }

    /// Whether there was as much as there may be.
    pub(super) fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.spent >= limit)
    }

    /// A request was given up after so much of it.
    pub(super) fn add(&mut self, silence: Duration) {
        self.spent = self.spent.saturating_add(silence);
        self.lasts = true;
    }
}

/// What a pull waits out unless it was told otherwise.
pub(super) fn patience(timeout: Duration) -> Duration {
    timeout.saturating_mul(PATIENCE)
}
