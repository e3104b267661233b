//! The pace of a terminal, which decides how long to wait for it.

use core::time::Duration;

use super::Config;

/// The pause between the datagrams of one answer after which it counts as over, until the terminal's pace is known.
const DATAGRAM_PAUSE: Duration = Duration::from_secs(1);

/// Timeouts that any transfer may take, besides the time for its bytes.
const AT_LEAST: u32 = 8;

/// The pauses that a terminal makes within its answers.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The time of the last packet of the current answer.
    last: Option<Duration>,
    longest: Option<Duration>,
}

impl Pace {
    /// Notes a new request: the next packet belongs to another answer.
    pub(super) fn request(&mut self) {
        self.last = None;
    }

    /// Notes a packet of the answer.
    pub(super) fn packet(&mut self, now: Duration) {
        if let Some(before) = self.last.replace(now) {
            let pause = now.saturating_sub(before);
            self.longest = Some(self.longest.map_or(pause, |longest| longest.max(pause)));
        }
    }

    /// How long to wait for the first packet of a transfer: eight times the longest pause so far, but one to three
    /// timeouts.
    pub(super) fn gap(&self, config: &Config) -> Duration {
        self.eight_pauses(config, config.timeout).unwrap_or(config.timeout.saturating_mul(3))
    }

    /// How long to wait for each further packet. The content of a lost datagram is soon requested again.
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
    config.timeout.saturating_mul(AT_LEAST).saturating_add(Duration::from_secs(size.div_ceil(rate)))
}
