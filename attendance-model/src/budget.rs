//! A limit on the writes of a day, for sinks whose writes cost money or count against a quota.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The writes of a day: granted until they are used up, and again after the quota's own midnight.
///
/// It reads no clock and keeps nothing beyond the process: the caller does both, with [`spent`](Self::spent) and
/// [`restore`](Self::restore).
#[derive(Debug)]
pub struct Budget {
    per_day: u64,
    zone: Tz,
    spent: Mutex<Spent>,
}

/// The writes used up on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The day, in the quota's zone.
    pub day: NaiveDate,
    /// Writes made on it.
    pub writes: u64,
}

impl Budget {
    /// This many writes from one midnight in `zone` to the next.
    #[must_use]
    pub fn new(per_day: u64, zone: Tz) -> Self {
        Self { per_day, zone, spent: Mutex::default() }
    }

    /// Writes in a day.
    #[must_use]
    pub fn per_day(&self) -> u64 {
        self.per_day
    }

    /// Grants as many of the `wanted` writes as are left at `now`, and counts them.
    pub fn take(&self, now: DateTime<Utc>, wanted: u64) -> u64 {
        let mut spent = self.lock_at(now);
        let granted = wanted.min(self.per_day.saturating_sub(spent.writes));
        spent.writes += granted;
        granted
    }

    /// Writes that are left at `now`.
    #[must_use]
    pub fn left(&self, now: DateTime<Utc>) -> u64 {
        self.per_day.saturating_sub(self.lock_at(now).writes)
    }

    /// The writes used up on the latest day that used any.
    #[must_use]
    pub fn spent(&self) -> Spent {
        *self.lock()
    }

    /// Adds the writes of an earlier process, unless a later day, or more writes on the same day, are known already.
    pub fn restore(&self, earlier: Spent) {
        let mut spent = self.lock();
        if (earlier.day, earlier.writes) > (spent.day, spent.writes) {
            *spent = earlier;
        }
    }

    /// The moment at which the next day's writes begin.
    #[must_use]
    pub fn resets_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.beginning_of(self.day_of(now).checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX))
    }

    /// The moment at which this many pending writes are done, if nothing else is written: `now` if they fit into today,
    /// else the beginning of the day that takes the last of them. `None` if that is beyond the calendar.
    #[must_use]
    pub fn done_by(&self, now: DateTime<Utc>, pending: u64) -> Option<DateTime<Utc>> {
        let beyond_today = pending.saturating_sub(self.left(now));
        if beyond_today == 0 {
            return Some(now);
        }
        let days = beyond_today.checked_next_multiple_of(self.per_day)? / self.per_day;
        Some(self.beginning_of(self.day_of(now).checked_add_days(Days::new(days))?))
    }

    fn day_of(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.zone).date_naive()
    }

    fn beginning_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        match self.zone.from_local_datetime(&midnight) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => moment.to_utc(),
            // The clocks are set forward at midnight: the day begins at the time that they then show.
            MappedLocalTime::None => {
                let later = midnight.checked_add_signed(TimeDelta::hours(1)).unwrap_or(midnight);
                self.zone.from_local_datetime(&later).earliest().map_or(midnight.and_utc(), |moment| moment.to_utc())
            }
        }
    }

    /// The writes used up on the day of `now`. A clock that is set back does not grant the day's writes again.
    ///
    /// A day further ahead than tomorrow comes from a clock that was wrong. Its writes count for today, because they
    /// may have been made today.
    fn lock_at(&self, now: DateTime<Utc>) -> MutexGuard<'_, Spent> {
        let day = self.day_of(now);
        let mut spent = self.lock();
        if day > spent.day {
            *spent = Spent { day, writes: 0 };
        } else if day.checked_add_days(Days::new(1)).is_some_and(|tomorrow| spent.day > tomorrow) {
            spent.day = day;
        }
        spent
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        // Nothing between taking and leaving the lock can panic half-way through a change.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn budget(per_day: u64) -> Budget {
        Budget::new(per_day, Tz::America__Los_Angeles)
    }

    #[test]
    fn a_day_s_writes_are_granted_once_and_anew_after_midnight_in_the_zone() {
        let budget = budget(20);
        let evening = at("2026-11-28T07:59:59Z");
        assert_eq!([budget.take(evening, 15), budget.take(evening, 15), budget.take(evening, 1)], [15, 5, 0]);
        assert_eq!(budget.resets_at(evening), at("2026-11-28T08:00:00Z"));
        assert_eq!(budget.take(at("2026-11-28T08:00:00Z"), 15), 15);
    }

    #[test]
    fn a_clock_that_is_set_back_grants_nothing_again() {
        let budget = budget(20);
        budget.take(at("2026-11-28T09:00:00Z"), 20);
        assert_eq!(budget.take(at("2026-11-27T09:00:00Z"), 1), 0);
    }

    #[test]
    fn a_clock_that_was_once_years_ahead_costs_a_day_at_most() {
        let budget = budget(20);
        budget.take(at("2036-11-28T09:00:00Z"), 15);
        let later = Budget::new(20, Tz::America__Los_Angeles);
        later.restore(budget.spent());
        let days = ["2026-11-28", "2026-11-29", "2026-11-30"].map(|day| at(&format!("{day}T09:00:00Z")));
        assert_eq!(days.map(|day| later.take(day, 99)), [5, 20, 20]);
    }

    #[test]
    fn what_an_earlier_process_spent_is_counted_unless_its_day_is_over() {
        let (now, earlier) = (at("2026-11-28T09:00:00Z"), budget(20));
        earlier.take(now, 12);
        let later = budget(20);
        later.restore(earlier.spent());
        assert_eq!(later.left(now), 8);
        assert_eq!(later.left(at("2026-11-29T09:00:00Z")), 20);
        later.restore(earlier.spent());
        assert_eq!(later.left(at("2026-11-29T09:00:00Z")), 20, "a later day is known");
    }

    #[test]
    fn the_end_of_what_is_pending_is_told_by_the_day() {
        let (budget, now) = (budget(20), at("2026-11-28T09:00:00Z"));
        budget.take(now, 15);
        assert_eq!(budget.done_by(now, 5), Some(now));
        assert_eq!(budget.done_by(now, 6), Some(at("2026-11-29T08:00:00Z")));
        assert_eq!(budget.done_by(now, 25), Some(at("2026-11-29T08:00:00Z")));
        assert_eq!(budget.done_by(now, 26), Some(at("2026-11-30T08:00:00Z")));
        assert_eq!(budget.done_by(now, u64::MAX), None);
    }

    #[test]
    fn a_day_that_begins_at_one_o_clock_has_a_beginning() {
        // Santiago sets its clocks forward at midnight: 2025-09-07 begins at 01:00, which is 04:00 UTC.
        let budget = Budget::new(1, Tz::America__Santiago);
        assert_eq!(budget.resets_at(at("2025-09-06T12:00:00Z")), at("2025-09-07T04:00:00Z"));
    }

    #[test]
    fn a_budget_of_nothing_never_ends() {
        let (budget, now) = (budget(0), at("2026-11-28T09:00:00Z"));
        assert_eq!((budget.take(now, 5), budget.done_by(now, 0), budget.done_by(now, 1)), (0, Some(now), None));
    }
}
