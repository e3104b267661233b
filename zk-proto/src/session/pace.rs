//! How fast a terminal is, and so how long to wait for it.

use core::time::Duration;

use super::Config;

/// How long a terminal may pause between the datagrams of one answer before it counts as over, until more is known of it.
const DATAGRAM_PAUSE: Duration = Duration::from_secs(1);

/// The pauses that a terminal makes within its answers.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the last packet of the answer in hand came.
    last: Option<Duration>,
    longest: Option<Duration>,
}

impl Pace {
    /// A request goes out: what follows is another answer.
    pub(super) fn request(&mut self) {
        self.last = None;
    }

    /// A packet of the answer came.
    pub(super) fn packet(&mut self, now: Duration) {
        if let Some(before) = self.last.replace(now) {
            let pause = now.saturating_sub(before);
            self.longest = Some(self.longest.map_or(pause, |longest| longest.max(pause)));
        }
    }

    /// How long the first packet of a transfer may take: eight times the longest pause so far, but at least the answer
    /// time-out and at most three of them.
    pub(super) fn gap(&self, config: &Config) -> Duration {
        self.eight_pauses(config, config.timeout).unwrap_or(config.timeout.saturating_mul(3))
    }

    /// How long each further packet may take. What a lost datagram would have brought is soon asked for again.
    pub(super) fn pause(&self, config: &Config, datagrams: bool) -> Duration {
        if !datagrams {
            return self.gap(config);
        }
        let floor = DATAGRAM_PAUSE.min(config.timeout);
        self.eight_pauses(config, floor).unwrap_or(floor)
    }

    fn eight_pauses(&self, config: &Config, floor: Duration) -> Option<Duration> {
        let ceiling = config.timeout.saturating_mul(3);
        self.longest.map(|longest| longest.saturating_mul(8).clamp(floor, ceiling))
    }
}

/// How long a transfer of `size` bytes may take as a whole.
pub(super) fn allowance(config: &Config, size: u64) -> Duration {
    let rate = u64::from(config.limits.slowest_rate.max(1));
    config.timeout.saturating_mul(12).saturating_add(Duration::from_secs(size.div_ceil(rate)))
}
