//! Retries: how many, and the waits between them.

use std::time::Duration;

/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits between attempts. They double, and a random part of each keeps many engines from retrying in step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    left: u32,
    tried: u32,
    next: Duration,
}

impl Backoff {
    /// At most `attempts`, the first included, with `first` as the first wait.
    pub(crate) fn new(attempts: u32, first: Duration) -> Self {
        Self { left: attempts.saturating_sub(1), tried: 0, next: first.min(LONGEST) }
    }

    /// Returns the wait before the next attempt, which is at least as long as the other side asked for. `share` is a
    /// random number from 0 to 1. `None` after the last attempt, or if the other side asked for longer than the longest
    /// wait.
    pub(crate) fn wait(&mut self, asked: Option<Duration>, share: f64) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        self.tried = self.tried.saturating_add(1);
        let wait = self.next.mul_f64(0.5 + 0.5 * share.clamp(0.0, 1.0)).max(asked.unwrap_or_default());
        self.next = self.next.saturating_mul(2).min(LONGEST);
        (wait <= LONGEST).then_some(wait)
    }

    /// The number of failed attempts so far.
    pub(crate) fn tried(&self) -> u32 {
        self.tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_jitter_and_end() {
        let mut backoff = Backoff::new(4, Duration::from_millis(100));
        for (share, wait) in [(0.0, 50), (1.0, 200), (0.5, 300)] {
            assert_eq!(backoff.wait(None, share), Some(Duration::from_millis(wait)));
        }
        assert_eq!(backoff.wait(None, 0.5), None);
        assert_eq!(backoff.tried(), 3);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_unless_it_is_too_long() {
        let mut backoff = Backoff::new(9, Duration::from_millis(1));
        assert_eq!(backoff.wait(Some(Duration::from_secs(7)), 0.5), Some(Duration::from_secs(7)));
        assert_eq!(backoff.wait(Some(Duration::from_secs(3600)), 0.5), None);
    }
}
