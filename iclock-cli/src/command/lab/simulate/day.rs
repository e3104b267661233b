//! `--day`: the punches of a school day, at their times or all of them within a short time.

use std::time::Duration;

use chrono::{Datelike as _, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use zk_proto::record::User;
use zk_sim::{Device, Punch, SchoolDay, TerminalBuilder};

use crate::output::counted;

/// This computer's clock may be set while a punch is waited for, so it is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The people of a day, unless their number is given.
pub(super) const PEOPLE: u16 = 20;

/// The day that a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Today, or the last working day if it passes in a short time.
    Default,
    Date(NaiveDate),
}

/// Reads a date, or the word for none.
pub(super) fn date(text: &str) -> Result<Choice, String> {
    match text {
        "today" => Ok(Choice::Default),
        text => text.parse().map(Choice::Date).map_err(|_| "write a date like 2026-01-30".to_owned()),
    }
}

/// A school day, and how it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passing {
    date: NaiveDate,
    /// The time in which all of it passes; its own by default.
    within: Option<Duration>,
}

impl Passing {
    pub(super) fn new(choice: Choice, within: Option<Duration>) -> Self {
        let today = Local::now().date_naive();
        let date = match (choice, within) {
            (Choice::Date(date), _) => date,
            (Choice::Default, None) => today,
            // Of today, the afternoon would be in the future.
            (Choice::Default, Some(_)) => last_working_day(today),
        };
        Self { date, within }
    }

    pub(super) fn date(self) -> NaiveDate {
        self.date
    }

    /// Lets these people punch at so many terminals until the day is over. What is past already comes at once.
    pub(super) async fn pass(self, users: &[User], terminals: usize, seed: u64, punched: impl Fn(usize, Punch)) {
        let day = SchoolDay::new(users, terminals, self.date, seed);
        let count = |number: usize, one, many| counted(number as u64, one, many);
        eprintln!(
            "school day {}: {} of {}, {} late, {} absent",
            self.date,
            count(day.punches().len(), "punch", "punches"),
            count(users.len() - day.absent(), "person", "people"),
            day.late(),
            day.absent()
        );
        let times: Vec<NaiveDateTime> = day.punches().iter().filter_map(|(_, punch)| punch.time.to_naive()).collect();
        let began = tokio::time::Instant::now();
        for ((door, punch), time) in day.punches().iter().zip(&times) {
            match self.within.zip(share(&times, *time)) {
                Some((within, share)) => tokio::time::sleep_until(began + within.mul_f64(share)).await,
                None => until(*time).await,
            }
            punched(*door, punch.clone());
        }
        eprintln!("the school day is over; Ctrl-C ends the terminals");
    }
}

/// The part of the day that is over at this time, from its first punch to its last one.
fn share(times: &[NaiveDateTime], time: NaiveDateTime) -> Option<f64> {
    let (first, last) = (times.first()?, times.last()?);
    let all = (*last - *first).num_seconds().max(1);
    Some((time - *first).num_seconds() as f64 / all as f64)
}

/// Waits until this computer's clock shows this time.
async fn until(time: NaiveDateTime) {
    while let Ok(left) = (time - Local::now().naive_local()).to_std()
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

fn last_working_day(today: NaiveDate) -> NaiveDate {
    let before = (1..=7).filter_map(|back| today.checked_sub_days(Days::new(back)));
    let mut working = before.filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun));
    working.next().unwrap_or(today)
}

/// Adds punches of the days before this one.
pub(super) fn with_earlier_days(terminal: TerminalBuilder, records: usize, date: NaiveDate) -> TerminalBuilder {
    // Its clock stands still for the generator only.
    let made = Device::new(terminal.clone().records(records).now(date.and_time(NaiveTime::MIN)).build());
    terminal.punches(made.records().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_that_passes_quickly_is_in_the_past_and_no_weekend() {
        assert_eq!(last_working_day(of("2026-03-09")), of("2026-03-06"), "Monday");
        assert_eq!(last_working_day(of("2026-03-05")), of("2026-03-04"));
        assert_eq!(Passing::new(Choice::Default, None).date(), Local::now().date_naive());
        assert!(Passing::new(Choice::Default, Some(LOOK_EVERY)).date() < Local::now().date_naive());
        assert_eq!(Passing::new(date("2026-01-30").unwrap(), None).date(), of("2026-01-30"));
        assert!(date("soon").is_err());
    }

    #[test]
    fn the_first_punch_comes_at_the_beginning_and_the_last_one_at_the_end() {
        let at = |hour| of("2026-03-05").and_hms_opt(hour, 0, 0).unwrap();
        let times = [at(7), at(8), at(17)];
        assert_eq!(times.map(|time| share(&times, time).unwrap()), [0.0, 0.1, 1.0]);
        assert_eq!(share(&times[..1], at(7)), Some(0.0));
    }
}
