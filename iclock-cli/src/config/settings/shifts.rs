//! The keys of `[shifts]`: the hours of work, by which reports judge.

use std::collections::BTreeMap;

use attendance_model::day::{Pairing, Shift};
use chrono::{NaiveTime, TimeDelta, Weekday};

use super::super::ShiftConfig;
use super::super::key::Shape::{List, Span, Text};
use super::super::key::Shown::{ByDefault, Example};
use super::super::key::{Entry, Wrong, choice, key, put, span, time};

/// The days of a week, in order.
const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

pub(in crate::config) fn entries() -> Vec<Entry<ShiftConfig>> {
    vec![
        key(
            "hours",
            Text,
            Example("08:00-16:00"),
            "The hours of work. Hours such as 22:00-06:00 end on the next day. By default there are none: nobody is \
             late or absent.",
            |shifts: &mut ShiftConfig, text| put(&mut shifts.hours, hours(text).map(Some)),
        ),
        key(
            "grace",
            Span,
            Example("5m"),
            "The delay that does not count as late. By default there is none.",
            |shifts: &mut ShiftConfig, text| {
                let grace = TimeDelta::from_std(span(text)?).unwrap_or(TimeDelta::MAX);
                put(&mut shifts.grace, Ok(grace))
            },
        ),
        key(
            "days",
            Text,
            ByDefault("mon-fri"),
            "The working days: a span such as sun-thu, or a list such as \"mon,wed,fri\". Somebody who does not punch \
             on one is absent.",
            |shifts: &mut ShiftConfig, text| put(&mut shifts.days, days(text)),
        ),
        key(
            "day_begins",
            Text,
            ByDefault("00:00"),
            "The hour at which a working day begins: earlier punches are of the day before. With night shifts, an hour \
             at which nobody works, such as 12:00.",
            |shifts: &mut ShiftConfig, text| put(&mut shifts.day.begins, time(text)),
        ),
        choice(
            "pairing",
            "way of pairing",
            [("declared", Pairing::Declared), ("in-turn", Pairing::InTurn), ("first-and-last", Pairing::FirstAndLast)],
            ByDefault("declared"),
            "declared: in and out are what people pressed. in-turn: the punches of a day are in and out in turn. \
             first-and-last: only the first and the last punch of a day count.",
            |shifts: &mut ShiftConfig, pairing| put(&mut shifts.day.pairing, Ok(pairing)),
        ),
        key(
            "repeat_within",
            Span,
            ByDefault("1m"),
            "A second punch in the same direction within this time is the same punch.",
            |shifts: &mut ShiftConfig, text| {
                let within = TimeDelta::from_std(span(text)?).unwrap_or(TimeDelta::MAX);
                put(&mut shifts.day.repeat_within, Ok(within))
            },
        ),
        key(
            "departments",
            List,
            Example("1=Teachers,2=Office"),
            "The names of the departments, by the number of the group that people have in the terminal. Needs `names`.",
            |shifts: &mut ShiftConfig, text| {
                put(&mut shifts.departments, numbered(text, "1=Teachers", |name| Ok(name.to_owned())))
            },
        ),
        key(
            "department_hours",
            List,
            Example("2=10:00-18:00"),
            "The hours of single departments.",
            |shifts: &mut ShiftConfig, text| put(&mut shifts.department_hours, numbered(text, "2=10:00-18:00", hours)),
        ),
    ]
}

/// Reads the hours of work: `08:00-16:00`.
fn hours(text: &str) -> Result<Shift, Wrong> {
    let wrong = || Wrong::new(format!("{text:?} is not a valid span of the day"), "write it like 08:00-16:00");
    let (begins, ends) = text.split_once('-').ok_or_else(wrong)?;
    let (begins, ends): (NaiveTime, NaiveTime) = (time(begins.trim())?, time(ends.trim())?);
    Ok(Shift::new(begins, ends))
}

/// Reads days of the week: `sun-thu`, `mon,wed,fri`.
fn days(text: &str) -> Result<Vec<Weekday>, Wrong> {
    let place = |word: &str| {
        let word = word.trim().to_ascii_lowercase();
        let found = WEEK.iter().position(|(name, _)| *name == word);
        found.ok_or_else(|| Wrong::new(format!("{text:?} names no days"), "write mon-fri, sun-thu or \"mon,wed,fri\""))
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        // A span may go past the end of the week.
        let length = (last + WEEK.len() - first) % WEEK.len() + 1;
        all.extend(WEEK.iter().cycle().skip(first).take(length).map(|(_, day)| *day));
    }
    Ok(all)
}

/// Reads values by the number of a department: `1=Teachers,2=Office`.
fn numbered<T>(text: &str, like: &str, read: impl Fn(&str) -> Result<T, Wrong>) -> Result<BTreeMap<u8, T>, Wrong> {
    let mut all = BTreeMap::new();
    for part in text.split(',') {
        let wrong = || Wrong::new(format!("{part:?} has no number of a department"), format!("write it like {like}"));
        let (number, value) = part.split_once('=').ok_or_else(wrong)?;
        all.insert(number.trim().parse().map_err(|_| wrong())?, read(value.trim())?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_days_are_a_span_or_a_list() {
        assert_eq!(days("sun-thu").unwrap(), [Weekday::Sun, Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu]);
        assert_eq!(days("Mon, wed,FRI").unwrap(), [Weekday::Mon, Weekday::Wed, Weekday::Fri]);
        assert_eq!(days("mon-mon").unwrap(), [Weekday::Mon]);
        assert!(days("weekdays").is_err() && days("").is_err());
    }

    #[test]
    fn departments_have_names_and_hours_by_their_numbers() {
        let (mut shifts, entries) = (ShiftConfig::default(), entries());
        let mut read = |name: &str, text: &str| {
            entries.iter().find(|entry| entry.key.name == name).unwrap().read(&mut shifts, text)
        };
        read("departments", "1=Teachers, 2=Office").unwrap();
        read("department_hours", "2=10:00-18:00").unwrap();
        assert!(read("department_hours", "Office=10:00-18:00").is_err());
        assert!(read("hours", "8-16").is_err());
        let rules = shifts.rules();
        assert_eq!(shifts.departments[&2], "Office");
        assert_eq!(rules.of_department[&2].begins, NaiveTime::from_hms_opt(10, 0, 0).unwrap());
        assert!(rules.working_days.is_empty(), "without general hours nobody is absent");
    }
}
