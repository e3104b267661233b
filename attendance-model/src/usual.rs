//! The times that fit the other punches of a terminal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{NaiveDateTime, TimeDelta};

/// The number of punches that must be later before one is remarkable: a few, made by a wrong clock, prove nothing.
const WITNESSES: usize = 10;

/// The days by which they must be later: two years. Nobody takes a terminal out of a drawer every day.
const YEARS_LATER: i64 = 730;

/// The latest punches of a terminal. A clock that starts again years ago shows times that are years before them.
///
/// Punches are noted in the order in which the terminal stored them. One is remarkable when ten stored before it are
/// more than two years later. A log that grew over many years holds no such punch, since its times only go up.
#[derive(Clone, Debug, Default)]
pub struct Usual {
    latest: BinaryHeap<Reverse<NaiveDateTime>>,
}

impl Usual {
    /// Notes the next punch's time. One that is ahead of `host_now` by more than a day is ignored.
    pub fn see(&mut self, time: NaiveDateTime, host_now: NaiveDateTime) {
        if time.signed_duration_since(host_now) > TimeDelta::days(1) {
            return;
        }
        self.latest.push(Reverse(time));
        if self.latest.len() > WITNESSES {
            self.latest.pop();
        }
    }

    /// The first time that fits those seen; `None` while they are too few.
    #[must_use]
    pub fn since(&self) -> Option<NaiveDateTime> {
        let Reverse(oldest) = self.latest.peek().filter(|_| self.latest.len() == WITNESSES)?;
        oldest.checked_sub_signed(TimeDelta::days(YEARS_LATER))
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn day(year: i32, of_year: u32) -> NaiveDateTime {
        NaiveDate::from_yo_opt(year, of_year).unwrap().and_hms_opt(7, 0, 0).unwrap()
    }

    fn after(times: impl IntoIterator<Item = NaiveDateTime>) -> Usual {
        let mut usual = Usual::default();
        times.into_iter().for_each(|time| usual.see(time, day(2025, 100)));
        usual
    }

    #[test]
    fn two_years_before_the_latest_ten_begins_what_is_usual() {
        assert_eq!(after((1..10).map(|n| day(2025, n))).since(), None, "nine are too few");
        assert_eq!(after((1..30).map(|n| day(2025, n))).since(), Some(day(2023, 21)));
    }

    #[test]
    fn a_punch_of_a_wrong_clock_moves_nothing() {
        let right = || (1..30).map(|n| day(2025, n));
        assert_eq!(after(right().chain([day(2090, 1); 50])).since(), after(right()).since());
        assert_eq!(after(right().chain([day(2000, 1); 50])).since(), after(right()).since());
    }
}
