//! How long the client waits for a terminal that does not answer.

use std::time::Duration;

/// Timeouts for which one request may receive nothing at all. The longest single wait takes three.
const QUIET: u32 = 4;
/// Timeouts that all silences of a pull may add up to, over all its sessions, without any progress.
const PATIENCE: u32 = 7;

/// The time without an answer. It carries over to new sessions, because a session that falls silent again is no
/// progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// The silence since the last progress.
    pub(super) spent: Duration,
    /// The most silence that is allowed; `None` for no limit.
    pub(super) limit: Option<Duration>,
    /// Nothing was received since a request was given up.
    pub(super) lasts: bool,
    /// The time of the last bytes, or of the current request.
    pub(super) heard: Duration,
    /// Earlier pauses of two timeouts or more in the current exchange.
    pub(super) quiet: Duration,
}

impl Silence {
    /// Starts to wait: for the answer to a new request, or for more of it.
    pub(super) fn begin(&mut self, now: Duration) {
        (self.heard, self.quiet) = (now, Duration::ZERO);
    }

    /// Notes received bytes. A long pause before them still counts if no progress follows.
    pub(super) fn hear(&mut self, now: Duration, timeout: Duration) {
        let pause = now.saturating_sub(self.heard);
        // Shorter pauses also occur while lost datagrams are awaited, and more of the answer has come.
        if pause >= timeout.saturating_mul(2) {
            self.quiet = self.quiet.saturating_add(pause);
        }
        (self.heard, self.lasts) = (now, false);
    }

    /// The time until which the exchange may receive nothing.
    pub(super) fn until(&self, timeout: Duration) -> Duration {
        let quiet = timeout.saturating_mul(QUIET);
        let left = self.limit.map(|limit| limit.saturating_sub(self.spent).saturating_sub(self.quiet));
        self.heard.saturating_add(left.map_or(quiet, |left| left.min(quiet)))
    }

    /// The silence in this exchange.
    pub(super) fn lasting(&self, now: Duration) -> Duration {
        self.quiet.saturating_add(now.saturating_sub(self.heard))
    }

    /// Notes an answer without progress: its pauses still count.
    pub(super) fn keep(&mut self) {
        self.spent = self.spent.saturating_add(self.quiet);
    }

    /// Notes progress: the silence before it no longer counts.
    pub(super) fn forget(&mut self, before: Duration) {
        self.spent = self.spent.saturating_sub(before);
    }

    /// Returns true if the limit is reached.
    pub(super) fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.spent >= limit)
    }

    /// Notes time in which the same incomplete answer came again and again.
    pub(super) fn waste(&mut self, time: Duration) {
        self.spent = self.spent.saturating_add(time);
    }

    /// Notes a request that was given up after this silence.
    pub(super) fn add(&mut self, silence: Duration) {
        self.spent = self.spent.saturating_add(silence);
        self.lasts = true;
    }
}

/// The default limit of a pull.
pub(super) fn patience(timeout: Duration) -> Duration {
    timeout.saturating_mul(PATIENCE)
}
