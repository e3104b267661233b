//! How fast the real service may be written to: 500 writes a second to begin with, half as much again every five
//! minutes ("500/50/5" in Firestore's best practices). Without it a first sync of a big log meets a service that has
//! not yet spread the collection over enough machines, and answers with errors.

use std::time::Duration;

/// Writes per second to begin with.
const START: f64 = 500.0;
/// The rate is multiplied by this at every step.
const GROWTH: f64 = 1.5;
/// The time for which a rate stays before it grows.
const STEP: Duration = Duration::from_secs(5 * 60);
/// After this long without a write the service may have folded the collection together again.
const REST: Duration = Duration::from_secs(30 * 60);
/// Steps after which the rate no longer grows: 28,000 writes a second, more than one program sends.
const MAX_STEPS: u32 = 10;

/// Spaces writes out in time. Times are monotonic, since any origin.
#[derive(Debug, Default)]
pub(crate) struct Ramp {
    began: Option<Duration>,
    /// When all writes granted so far have had their share of time.
    free_at: Duration,
}

impl Ramp {
    /// Grants `writes` writes; the caller sends them after the wait that is returned.
    pub(crate) fn reserve(&mut self, now: Duration, writes: usize) -> Duration {
        if now.saturating_sub(self.free_at) > REST {
            self.began = None;
        }
        let began = *self.began.get_or_insert(now);
        let start = self.free_at.max(now);
        let rate = rate_after(start.saturating_sub(began));
        self.free_at = start + Duration::from_secs_f64(writes as f64 / rate);
        start - now
    }
}

fn rate_after(age: Duration) -> f64 {
    let steps = (age.as_secs() / STEP.as_secs()).min(u64::from(MAX_STEPS)) as i32;
    START * GROWTH.powi(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_first_batch_goes_at_once_and_the_next_waits_its_turn() {
        let mut ramp = Ramp::default();
        assert_eq!(ramp.reserve(seconds(7), 500), Duration::ZERO);
        assert_eq!(ramp.reserve(seconds(7), 500), seconds(1));
        assert_eq!(ramp.reserve(seconds(7), 250), seconds(2));
        assert_eq!(ramp.reserve(seconds(8), 1), Duration::from_millis(1500));
    }

    #[test]
    fn the_rate_grows_by_half_every_five_minutes() {
        assert_eq!(rate_after(seconds(299)), 500.0);
        assert_eq!(rate_after(seconds(300)), 750.0);
        assert_eq!(rate_after(seconds(600)), 1125.0);
    }

    #[test]
    fn the_rate_stops_growing() {
        assert_eq!(rate_after(Duration::MAX), rate_after(seconds(3000)));
    }

    #[test]
    fn a_long_rest_starts_the_ramp_over() {
        let mut ramp = Ramp::default();
        ramp.reserve(seconds(0), 1);
        ramp.reserve(seconds(400), 750);
        assert_eq!(ramp.reserve(seconds(400), 1), seconds(1), "750 a second by then");
        ramp.reserve(seconds(4000), 500);
        assert_eq!(ramp.reserve(seconds(4000), 1), seconds(1), "500 a second again");
    }

    #[test]
    fn no_ten_minutes_exceed_what_the_rule_allows() {
        let (mut ramp, mut now, mut sent) = (Ramp::default(), Duration::ZERO, 0);
        while now < seconds(600) {
            now += ramp.reserve(now, 500);
            sent += 500;
        }
        assert!((374_000..=376_500).contains(&sent), "{sent} writes in ten minutes");
    }
}
