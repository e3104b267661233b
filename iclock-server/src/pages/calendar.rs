//! A month as a calendar: weeks of seven days, with those of the months around it.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

/// The days that a calendar of a month shows, in weeks that begin on Monday. The month is that of the date.
pub(super) fn weeks(month: NaiveDate) -> Vec<Vec<NaiveDate>> {
    let first = month.with_day(1).unwrap_or(month);
    let back = u64::from(first.weekday().num_days_from_monday());
    let Some(begin) = first.checked_sub_days(Days::new(back)) else { return Vec::new() };
    let mut weeks = Vec::new();
    let mut days = begin.iter_days();
    while days.clone().next().is_some_and(|day| day <= last(first)) {
        weeks.push(days.by_ref().take(7).collect());
    }
    weeks
}

/// The last day of the month of a date.
pub(super) fn last(date: NaiveDate) -> NaiveDate {
    next(date).pred_opt().unwrap_or(date)
}

/// The first day of the month after that of a date.
pub(super) fn next(date: NaiveDate) -> NaiveDate {
    let first = date.with_day(1).unwrap_or(date);
    first.checked_add_months(chrono::Months::new(1)).unwrap_or(first)
}

/// The first day of the month before that of a date.
pub(super) fn previous(date: NaiveDate) -> NaiveDate {
    let first = date.with_day(1).unwrap_or(date);
    first.checked_sub_months(chrono::Months::new(1)).unwrap_or(first)
}

/// The days of a week, as they stand in a calendar.
pub(super) const DAYS: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_a_month_is_in_its_calendar_once() {
        for month in NaiveDate::from_ymd_opt(2023, 1, 1).unwrap().iter_days().take(1_500).filter(|day| day.day() == 1) {
            let weeks = weeks(month);
            assert!(weeks.iter().all(|week| week.len() == 7 && week[0].weekday() == Weekday::Mon));
            let of_month: Vec<_> = weeks.concat().into_iter().filter(|day| day.month() == month.month()).collect();
            assert_eq!(of_month.len() as u32, last(month).day(), "{month}");
            assert!(weeks.iter().all(|week| week.iter().any(|day| day.month() == month.month())), "{month}");
            assert_eq!(previous(next(month)), month);
        }
    }
}
