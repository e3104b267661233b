//! The clock of a pushing terminal: it shows local time, gains or loses a little, and a server sets it.

use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

/// The seconds of a day.
const DAY: i64 = 86_400;
/// No clock gains or loses more in a day, in seconds.
const MAX_DRIFT: i32 = 43_200;

/// A clock that runs by the caller's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    /// The caller's time at which it was set last, and what it showed then.
    at: Duration,
    shown: NaiveDateTime,
    /// The seconds that it gains in a day.
    drift: i64,
    /// The time that a server has set last.
    pub(super) told: Option<NaiveDateTime>,
}

impl WallClock {
    /// A clock as it leaves the factory.
    pub(super) fn new(drift: i32) -> Self {
        let shown = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default().into();
        Self { at: Duration::ZERO, shown, drift: drift.clamp(-MAX_DRIFT, MAX_DRIFT).into(), told: None }
    }

    /// The time that it shows.
    pub(super) fn shows(&self, now: Duration) -> NaiveDateTime {
        let passed = millis(now.saturating_sub(self.at));
        let gained = passed.saturating_mul(self.drift) / DAY;
        let moved = TimeDelta::try_milliseconds(passed.saturating_add(gained)).unwrap_or_default();
        self.shown.checked_add_signed(moved).unwrap_or(self.shown)
    }

    /// Returns when it will show a time, or the time of its last setting if that is later.
    pub(super) fn reaches(&self, time: NaiveDateTime) -> Duration {
        let left = (time - self.shown).num_milliseconds().max(0);
        // Rounded up: at that moment it does show the time.
        let real = left.saturating_mul(DAY) / (DAY + self.drift) + 1;
        self.at + Duration::from_millis(real.unsigned_abs())
    }

    /// Somebody sets it.
    pub(super) fn set(&mut self, now: Duration, shows: NaiveDateTime) {
        (self.at, self.shown) = (now, shows);
    }

    /// A server sets it.
    pub(super) fn tell(&mut self, now: Duration, shows: NaiveDateTime) {
        self.set(now, shows);
        self.told = Some(shows);
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_clock_gains_or_loses_until_it_is_set() {
        let eleven = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().and_hms_opt(11, 0, 0).unwrap();
        for (drift, expected) in [(0, "12:00:00"), (240, "12:00:10"), (-240, "11:59:50")] {
            let mut clock = WallClock::new(drift);
            assert_eq!(clock.shows(Duration::ZERO).to_string(), "2000-01-01 00:00:00");
            clock.set(HOUR, eleven);
            assert_eq!(clock.shows(2 * HOUR).to_string(), format!("2026-03-01 {expected}"));
        }
    }

    #[test]
    fn it_shows_a_time_when_it_reaches_it_and_not_before() {
        for drift in [0, 600, -600, 40_000, i32::MIN] {
            let clock = WallClock::new(drift);
            let time = clock.shows(Duration::ZERO) + TimeDelta::hours(5);
            let at = clock.reaches(time);
            assert!(clock.shows(at) >= time, "{drift}");
            assert!(clock.shows(at - Duration::from_millis(10)) < time, "{drift}");
        }
    }
}
