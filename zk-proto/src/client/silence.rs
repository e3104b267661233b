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
    /// When bytes last came, or the request in hand went out.
    pub(super) heard: Duration,
    /// Pauses of a time-out or more before that in the exchange in hand.
    pub(super) quiet: Duration,
}

impl Silence {
    /// An exchange goes on from here: a request goes out, or more of its answer is waited for.
    pub(super) fn begin(&mut self, now: Duration) {
        (self.heard, self.quiet) = (now, Duration::ZERO);
    }

    /// Something came. A long pause before it counts all the same if nothing new follows.
    pub(super) fn hear(&mut self, now: Duration, timeout: Duration) {
        let pause = now.saturating_sub(self.heard);
        // Holes in an answer over datagrams are waited for that long, too, and more of it came.
        if pause >= timeout.saturating_mul(2) {
            self.quiet = self.quiet.saturating_add(pause);
        }
        (self.heard, self.lasts) = (now, false);
    }

    /// Until when the exchange may hear nothing.
    pub(super) fn until(&self, timeout: Duration) -> Duration {
        let quiet = timeout.saturating_mul(QUIET);
        let left = self.limit.map(|limit| limit.saturating_sub(self.spent).saturating_sub(self.quiet));
        self.heard.saturating_add(left.map_or(quiet, |left| left.min(quiet)))
    }

    /// How much silence there was in this exchange.
    pub(super) fn lasting(&self, now: Duration) -> Duration {
        self.quiet.saturating_add(now.saturating_sub(self.heard))
    }

    /// It was answered at last, but with nothing new: the next answer may be the one that does not come.
    pub(super) fn keep(&mut self) {
        self.spent = self.spent.saturating_add(self.quiet);
    }

    /// Something new came after so much of it.
    pub(super) fn forget(&mut self, before: Duration) {
        self.spent = self.spent.saturating_sub(before);
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
