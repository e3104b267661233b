//! What terminals have sent, and how long the answers took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each doubling of the time has so many steps, so that a figure is at most an eighth too large.
const STEPS: u64 = 8;
/// Enough for an hour in microseconds.
const BUCKETS: usize = 256;

/// Counts for one terminal or for many. Its size does not grow with what it counts.
#[derive(Debug)]
pub struct Meter {
    requests: AtomicU64,
    failures: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    answers: Times,
    /// Those to uploads of attendance records.
    uploads: Times,
}

/// Answers by their time.
#[derive(Debug)]
struct Times([AtomicU64; BUCKETS]);

/// What was counted up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushStats {
    /// Requests that were sent.
    pub requests: u64,
    /// Requests without a whole answer.
    pub failures: u64,
    /// Attendance records in uploads: one that was sent again counts again.
    pub sent: u64,
    /// Attendance records that the server acknowledged for the first time.
    pub acknowledged: u64,
    /// The longest time to an answer, at most an eighth too large.
    pub slowest: Duration,
    /// The time within which 99 of 100 answers came, at most an eighth too large.
    pub most: Duration,
    /// The same of uploads of attendance records, whose answers wait for the server's disk.
    pub most_of_uploads: Duration,
    /// The time within which half of them came, at most an eighth too large.
    pub half_of_uploads: Duration,
    /// The longest of them, at most an eighth too large.
    pub slowest_of_uploads: Duration,
}

impl Default for Meter {
    fn default() -> Self {
        let zero = AtomicU64::default;
        let times = || Times(std::array::from_fn(|_| zero()));
        let (answers, uploads) = (times(), times());
        Self { requests: zero(), failures: zero(), sent: zero(), acknowledged: zero(), answers, uploads }
    }
}

impl Meter {
    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> PushStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PushStats {
            requests: load(&self.requests),
            failures: load(&self.failures),
            sent: load(&self.sent),
            acknowledged: load(&self.acknowledged),
            slowest: self.answers.within(1_000),
            most: self.answers.within(990),
            most_of_uploads: self.uploads.within(990),
            half_of_uploads: self.uploads.within(500),
            slowest_of_uploads: self.uploads.within(1_000),
        }
    }

    pub(super) fn request(&self, records: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(super) fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A request with so many records was answered after a time.
    pub(super) fn answer(&self, records: usize, after: Duration) {
        self.answers.add(after);
        if records > 0 {
            self.uploads.add(after);
        }
    }

    pub(super) fn acknowledged(&self, records: usize) {
        self.acknowledged.fetch_add(records as u64, Ordering::Relaxed);
    }
}

impl Times {
    fn add(&self, time: Duration) {
        if let Some(bucket) = self.0.get(bucket(time)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The time within which so many of 1,000 answers came.
    fn within(&self, of_thousand: u64) -> Duration {
        let counts: Vec<u64> = self.0.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let wanted = (counts.iter().sum::<u64>() * of_thousand).div_ceil(1_000);
        let mut seen = 0;
        let place = counts.iter().position(|count| {
            seen += count;
            seen >= wanted && wanted > 0
        });
        place.map_or(Duration::ZERO, end)
    }
}

/// The bucket of a time: its power of two in microseconds, and the next bits.
fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    let power = u64::from(micros.ilog2());
    let step = ((u128::from(micros) * u128::from(STEPS)) >> power) as u64 - STEPS;
    usize::try_from(power * STEPS + step).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The end of a bucket.
fn end(bucket: usize) -> Duration {
    let (power, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    Duration::from_micros(((STEPS + step + 1) << power) / STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_a_bucket_that_ends_at_most_an_eighth_later() {
        for micros in (1..2_000).chain([5_000, 123_456, 1_000_000, 59_000_000]) {
            let end = end(bucket(Duration::from_micros(micros))).as_micros() as u64;
            assert!((micros..=micros + micros / 8 + 1).contains(&end), "{micros}: {end}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn one_slow_answer_of_two_hundred_is_not_among_99_of_100() {
        let meter = Meter::default();
        assert_eq!(meter.stats(), PushStats::default());
        (0..199).for_each(|_| meter.answer(0, Duration::from_millis(4)));
        meter.answer(0, Duration::from_secs(2));
        let stats = meter.stats();
        assert!(stats.most < Duration::from_millis(5) && stats.slowest >= Duration::from_secs(2), "{stats:?}");
    }

    #[test]
    fn uploads_are_timed_apart_from_polls() {
        let meter = Meter::default();
        (0..1_000).for_each(|_| meter.answer(0, Duration::from_millis(1)));
        for millis in [20, 30, 50] {
            meter.answer(3, Duration::from_millis(millis));
        }
        let stats = meter.stats();
        let is_about = |time: Duration, millis| (millis..=millis + millis / 8).contains(&time.as_millis());
        assert!(stats.most < Duration::from_millis(2), "{stats:?}");
        assert!(is_about(stats.half_of_uploads, 30) && is_about(stats.most_of_uploads, 50), "{stats:?}");
        assert!(is_about(stats.slowest_of_uploads, 50), "{stats:?}");
    }
}
