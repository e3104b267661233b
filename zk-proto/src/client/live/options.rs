//! Options of live capture.

use std::time::Duration;
use std::vec;
use std::vec::Vec;

use super::SessionRest;
use crate::op::RegisterEvents;

/// Options of live capture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveOptions {
    /// The events to register for, default punches alone.
    pub events: RegisterEvents,
    /// How long a terminal may be quiet before it is probed, default 20 s, and two thirds of `lost_after` at most.
    pub ping_every: Duration,
    /// How long a terminal may be quiet before it counts as lost, default 30 s. The answer to the probe is awaited no
    /// longer than this, whatever the timeout of the connection.
    pub lost_after: Duration,
    /// How long an equal event counts as a repetition, default 5 s. Firmware repeats an event whose acknowledgement is
    /// late, and sends the end of an enrolment twice.
    pub repeat_within: Duration,
    /// The pauses before a lost terminal is retried, default 1, 2, 5 and 10 s; the last one repeats.
    pub pauses: Vec<Duration>,
    /// The rest that this terminal needs between two sessions, as an earlier capture learned it
    /// ([`LiveCapture::rest`](super::LiveCapture::rest)); none by default.
    pub rest: SessionRest,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            events: RegisterEvents::ATTENDANCE,
            ping_every: Duration::from_secs(20),
            lost_after: Duration::from_secs(30),
            rest: SessionRest::default(),
            repeat_within: Duration::from_secs(5),
            pauses: vec![1, 2, 5, 10].into_iter().map(Duration::from_secs).collect(),
        }
    }
}

impl LiveOptions {
    /// Sets the events to register for.
    #[must_use]
    pub fn events(mut self, events: RegisterEvents) -> Self {
        self.events = events;
        self
    }

    /// Sets how long a terminal may be quiet before it is probed.
    #[must_use]
    pub fn ping_every(mut self, ping_every: Duration) -> Self {
        self.ping_every = ping_every;
        self
    }

    /// Sets how long a terminal may be quiet before it counts as lost.
    #[must_use]
    pub fn lost_after(mut self, lost_after: Duration) -> Self {
        self.lost_after = lost_after;
        self
    }

    /// Sets the rest that this terminal needs between two sessions.
    #[must_use]
    pub fn rest(mut self, rest: SessionRest) -> Self {
        self.rest = rest;
        self
    }

    /// Sets how long an equal event counts as a repetition.
    #[must_use]
    pub fn repeat_within(mut self, repeat_within: Duration) -> Self {
        self.repeat_within = repeat_within;
        self
    }

    /// Sets the pauses before a lost terminal is retried.
    #[must_use]
    pub fn pauses(mut self, pauses: Vec<Duration>) -> Self {
        self.pauses = pauses;
        self
    }

    /// Returns the pause after so many consecutive failures.
    pub(super) fn pause(&self, failures: usize) -> Duration {
        let after = failures.checked_sub(1).and_then(|before| self.pauses.get(before).or(self.pauses.last()));
        after.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_last_one() {
        let options = LiveOptions::default();
        let pauses: Vec<_> = (0..7).map(|failures| options.pause(failures).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 5, 10, 10, 10]);
    }
}
