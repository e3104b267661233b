//! The time from a punch to its storing at a sink.

use std::time::Duration;

use attendance_model::AttendanceEvent;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// The bounds of the ranges, in seconds: from a terminal that is listened to, up to the log of a week.
const BOUNDS: [u64; 11] = [1, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];

/// How many events took how long from the punch until a sink had stored them.
///
/// The punch has the terminal's clock, in whole seconds. Its drift, as it was when the punch was read, is taken off,
/// so a clock that is wrong makes no delay. What is left of it, such as the part of a second, counts as 0 if it is
/// below. A terminal without a zone is taken to show this computer's local time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Events of each range. The last one has no end.
    ranges: [u64; BOUNDS.len() + 1],
    /// The sum of all delays.
    sum: Duration,
}

impl Delays {
    /// Returns the upper bound of each range in seconds, and the events in it alone. The last bound is infinite.
    pub fn ranges(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = BOUNDS.iter().map(|bound| *bound as f64).chain([f64::INFINITY]);
        bounds.zip(self.ranges.iter().copied())
    }

    /// The number of events.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().sum()
    }

    /// The sum of all delays.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Counts an event that a sink has stored now, by the true time and this computer's local time.
    pub(crate) fn note(&mut self, event: &AttendanceEvent, utc_now: DateTime<Utc>, local_now: NaiveDateTime) {
        let shown = match &event.instant {
            Some(instant) => utc_now - instant.utc,
            None => local_now - event.local_time,
        };
        // The clock's lead makes a punch look later than it was.
        let drift = event.clock_drift_ms.and_then(TimeDelta::try_milliseconds).unwrap_or_default();
        let delay = shown.checked_add(&drift).and_then(|delay| delay.to_std().ok()).unwrap_or_default();
        let range = BOUNDS.iter().take_while(|bound| delay > Duration::from_secs(**bound)).count();
        if let Some(events) = self.ranges.get_mut(range) {
            *events += 1;
        }
        self.sum = self.sum.saturating_add(delay);
    }

    /// Adds those of another delivery.
    pub(crate) fn add(&mut self, other: &Self) {
        self.ranges.iter_mut().zip(other.ranges).for_each(|(events, more)| *events += more);
        self.sum = self.sum.saturating_add(other.sum);
    }
}

#[cfg(test)]
mod tests {
    use attendance_model::{EventId, Instant, Source};

    use super::*;

    fn now() -> NaiveDateTime {
        "2026-03-02T08:00:00".parse().unwrap()
    }

    /// A punch so many seconds ago by the terminal's clock, which is so many milliseconds ahead.
    fn punch(ago: i64, drift_ms: Option<i64>) -> AttendanceEvent {
        let shown = now() - TimeDelta::seconds(ago);
        let mut event = AttendanceEvent::new(EventId::from_bytes([0; 16]), "S", "gate", "7", shown, Source::Pull);
        event.clock_drift_ms = drift_ms;
        event
    }

    /// The bound of the range into which a punch comes, and its delay.
    fn delay(event: &AttendanceEvent) -> (f64, Duration) {
        let mut delays = Delays::default();
        delays.note(event, now().and_utc() - TimeDelta::hours(1), now());
        assert_eq!(delays.count(), 1);
        (delays.ranges().find(|(_, events)| *events == 1).unwrap().0, delays.sum())
    }

    #[test]
    fn a_delay_is_counted_in_the_first_range_that_holds_it() {
        for (ago, bound) in [(0, 1.0), (1, 1.0), (2, 5.0), (60, 60.0), (61, 300.0), (604_801, f64::INFINITY)] {
            assert_eq!(delay(&punch(ago, None)), (bound, Duration::from_secs(ago.cast_unsigned())), "{ago} s");
        }
    }

    #[test]
    fn the_drift_of_the_terminals_clock_is_no_delay() {
        // Five minutes behind, and the punch was just now; five minutes ahead, and it was a minute ago.
        assert_eq!(delay(&punch(302, Some(-300_000))), (5.0, Duration::from_secs(2)));
        assert_eq!(delay(&punch(-240, Some(300_000))), (60.0, Duration::from_secs(60)));
        // What is left below 0 is no time at all.
        assert_eq!(delay(&punch(-5, Some(0))), (1.0, Duration::ZERO));
    }

    #[test]
    fn a_punch_of_a_zone_is_compared_with_the_true_time() {
        let mut event = punch(0, None);
        event.instant = Some(Instant { utc: now().and_utc() - TimeDelta::minutes(61), zone: chrono_tz::UTC });
        assert_eq!(delay(&event), (60.0, Duration::from_secs(60)), "it is an hour earlier in UTC");
    }

    #[test]
    fn sums_of_deliveries_have_the_events_of_each() {
        let (mut one, mut other) = (Delays::default(), Delays::default());
        one.note(&punch(1, None), now().and_utc(), now());
        other.note(&punch(3, None), now().and_utc(), now());
        one.add(&other);
        assert_eq!((one.count(), one.sum()), (2, Duration::from_secs(4)));
    }
}
