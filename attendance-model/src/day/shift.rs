//! The hours that a working day should have.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::{Day, DayRules};

/// The times at which a person should come and go.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// When it begins, by the wall clock.
    pub begins: NaiveTime,
    /// When it ends. A time that is not after the beginning is on the next day.
    pub ends: NaiveTime,
    /// The delay that does not count as late. Zero by default.
    pub grace: TimeDelta,
}

impl Shift {
    /// A shift without grace.
    #[must_use]
    pub fn new(begins: NaiveTime, ends: NaiveTime) -> Self {
        Self { begins, ends, grace: TimeDelta::zero() }
    }

    /// When the shift of a working day begins and ends.
    #[must_use]
    pub fn on(&self, date: NaiveDate, rules: &DayRules) -> (NaiveDateTime, NaiveDateTime) {
        let next = |date: NaiveDate| date.checked_add_days(Days::new(1)).unwrap_or(date);
        // A working day that begins at noon has its mornings on the next day of the calendar.
        let first = if self.begins < rules.begins { next(date) } else { date };
        let last = if self.ends <= self.begins { next(first) } else { first };
        (first.and_time(self.begins), last.and_time(self.ends))
    }

    /// How late the first punch was, if it was later than the grace allows: the whole time from the shift's beginning.
    #[must_use]
    pub fn late(&self, day: &Day, rules: &DayRules) -> Option<TimeDelta> {
        let late = day.first.local - self.on(day.date, rules).0;
        (late > self.grace).then_some(late)
    }

    /// The time after the shift's end at which the person left; `None` if they left before, or if their way out is
    /// missing.
    #[must_use]
    pub fn overtime(&self, day: &Day, rules: &DayRules) -> Option<TimeDelta> {
        let over = day.last_out()?.local - self.on(day.date, rules).1;
        (over > TimeDelta::zero()).then_some(over)
    }

    /// The time from the person's leaving to the shift's end; `None` if they stayed, or if their way out is missing.
    #[must_use]
    pub fn left_early(&self, day: &Day, rules: &DayRules) -> Option<TimeDelta> {
        let early = self.on(day.date, rules).1 - day.last_out()?.local;
        (early > TimeDelta::zero()).then_some(early)
    }
}

/// The working days among `dates` without a punch. Which dates are working days is the caller's knowledge: weekends,
/// holidays, leave.
pub fn absences<'a>(
    days: &'a [Day],
    dates: impl IntoIterator<Item = NaiveDate> + 'a,
) -> impl Iterator<Item = NaiveDate> + 'a {
    dates.into_iter().filter(|date| days.iter().all(|day| day.date != *date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PunchState;
    use crate::day::{Punch, days};

    fn time(hour: u32, minute: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, minute, 0).unwrap()
    }

    fn day(rules: &DayRules, punches: &[(u32, u32, u32, u8)]) -> Day {
        let punches = punches.iter().map(|(day, hour, minute, state)| {
            let date = NaiveDate::from_ymd_opt(2026, 3, *day).unwrap();
            Punch::new(date.and_time(time(*hour, *minute)), PunchState(*state))
        });
        days(punches, rules).remove(0)
    }

    #[test]
    fn late_is_measured_from_the_beginning_once_the_grace_is_over() {
        let (rules, mut shift) = (DayRules::default(), Shift::new(time(8, 0), time(17, 0)));
        shift.grace = TimeDelta::minutes(10);
        assert_eq!(shift.late(&day(&rules, &[(2, 8, 10, 0)]), &rules), None);
        assert_eq!(shift.late(&day(&rules, &[(2, 8, 11, 0)]), &rules), Some(TimeDelta::minutes(11)));
        assert_eq!(shift.late(&day(&rules, &[(2, 7, 30, 0)]), &rules), None);
    }

    #[test]
    fn leaving_early_needs_a_way_out() {
        let (rules, shift) = (DayRules::default(), Shift::new(time(8, 0), time(17, 0)));
        assert_eq!(shift.left_early(&day(&rules, &[(2, 8, 0, 0), (2, 16, 0, 1)]), &rules), Some(TimeDelta::hours(1)));
        assert_eq!(shift.left_early(&day(&rules, &[(2, 8, 0, 0), (2, 17, 5, 1)]), &rules), None);
        assert_eq!(shift.left_early(&day(&rules, &[(2, 8, 0, 0)]), &rules), None);
    }

    #[test]
    fn overtime_counts_from_the_shift_s_end_to_the_way_out() {
        let (rules, shift) = (DayRules::default(), Shift::new(time(8, 0), time(17, 0)));
        assert_eq!(shift.overtime(&day(&rules, &[(2, 8, 0, 0), (2, 18, 30, 1)]), &rules), Some(TimeDelta::minutes(90)));
        assert_eq!(shift.overtime(&day(&rules, &[(2, 8, 0, 0), (2, 17, 0, 1)]), &rules), None);
        assert_eq!(shift.overtime(&day(&rules, &[(2, 8, 0, 0), (2, 18, 0, 0)]), &rules), None, "nobody went out");
    }

    #[test]
    fn a_working_day_without_a_punch_is_an_absence() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let monday = day(&DayRules::default(), &[(2, 8, 0, 0), (2, 17, 0, 1)]);
        assert_eq!(absences(&[monday], (2..=4).map(date)).collect::<Vec<_>>(), [date(3), date(4)]);
    }

    #[test]
    fn a_night_shift_ends_on_the_next_day() {
        let rules = DayRules { begins: time(12, 0), ..DayRules::default() };
        let shift = Shift::new(time(22, 0), time(6, 0));
        let night = day(&rules, &[(2, 22, 20, 0), (3, 5, 30, 1)]);
        assert_eq!(shift.late(&night, &rules), Some(TimeDelta::minutes(20)));
        assert_eq!(shift.left_early(&night, &rules), Some(TimeDelta::minutes(30)));
        let morning = Shift::new(time(4, 0), time(9, 0));
        assert_eq!(morning.late(&day(&rules, &[(3, 4, 30, 0)]), &rules), Some(TimeDelta::minutes(30)));
    }
}
