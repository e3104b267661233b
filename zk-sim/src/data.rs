//! Users and punches out of a seed, or out of a file.

use std::path::Path;
use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Weekday};
use serde::Deserialize;
use zk_proto::DeviceTime;

use crate::profile::LogLayout;
use crate::punch::Punch;

/// A person in the terminal's user table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The slot.
    pub uid: u16,
    /// What the person keys in.
    pub user_id: Arc<str>,
    /// The name on the screen.
    pub name: String,
    /// The privilege byte: 0 common, 14 super administrator.
    pub privilege: u8,
}

/// A small generator whose numbers stay the same for ever, so that a seed means the same data in every version.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

const FIRST: [&str; 12] =
    ["Aishath", "Hassan", "Mariyam", "Ibrahim", "Fathimath", "Ali", "Maria", "Ahmed", "Lena", "Omar", "Grace", "Ivan"];
const LAST: [&str; 10] = ["Rasheed", "Naseer", "Silva", "Adam", "Weber", "Saeed", "Okoro", "Petrov", "Didi", "Khan"];

/// `count` people, uids from 1, user ids from 1001, the first an administrator.
pub(crate) fn people(count: u16) -> Vec<Person> {
    (1..=count)
        .map(|uid| {
            let number = usize::from(uid) - 1;
            let first = FIRST.get(number % FIRST.len()).copied().unwrap_or_default();
            let last = LAST.get(number / FIRST.len() % LAST.len()).copied().unwrap_or_default();
            Person {
                uid,
                user_id: (1000 + u32::from(uid)).to_string().into(),
                name: format!("{first} {last}"),
                privilege: if uid == 1 { 14 } else { 0 },
            }
        })
        .collect()
}

/// The longest stretch of working days that generated punches cover: four years of them.
const MOST_DAYS: usize = 1000;

/// `count` punches of `people` in the order of time, on working days that end with the one before `now`.
pub(crate) fn punches(count: usize, people: &[Person], now: NaiveDateTime, seed: u64, layout: LogLayout) -> Vec<Punch> {
    let mut punches = Vec::with_capacity(count);
    if people.is_empty() {
        return punches;
    }
    let mut random = Random::new(seed);
    let per_day = (people.len() * 2).max(count.div_ceil(MOST_DAYS)).max(1);
    let days = working_days(count.div_ceil(per_day), now.date());
    let mut today = count - per_day * (days.len().saturating_sub(1));
    for day in days {
        let arrivals = today.div_ceil(2);
        half_day(day, (6, 30), arrivals, 0, people, layout, &mut random, &mut punches);
        half_day(day, (13, 0), today - arrivals, 1, people, layout, &mut random, &mut punches);
        today = per_day;
    }
    punches
}

/// The last `count` working days before `today`, oldest first.
fn working_days(count: usize, today: NaiveDate) -> Vec<NaiveDate> {
    let before = (1..).map_while(|back| today.checked_sub_days(Days::new(back)));
    let mut days: Vec<_> =
        before.filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)).take(count).collect();
    days.reverse();
    days
}

/// Seconds over which arrivals and departures spread: five hours.
const SPREAD: usize = 5 * 3600;

#[allow(clippy::too_many_arguments)]
fn half_day(
    day: NaiveDate,
    from: (u32, u32),
    count: usize,
    state: u8,
    people: &[Person],
    layout: LogLayout,
    random: &mut Random,
    punches: &mut Vec<Punch>,
) {
    let start = NaiveTime::from_hms_opt(from.0, from.1, 0).unwrap_or_default();
    let first = random.below(people.len() as u64) as usize;
    for number in 0..count {
        // One step per punch keeps the order and, while a step is at least a second, the seconds apart.
        let begin = number * SPREAD / count;
        let step = ((number + 1) * SPREAD / count - begin).max(1);
        let second = begin + random.below(step as u64) as usize;
        let at = day.and_time(start) + TimeDelta::seconds(second as i64);
        let mode = match random.below(10) {
            0 => 4,
            1 | 2 => 15,
            _ => 1,
        };
        // A stride of 1 through the table: everybody comes and goes once before anybody does twice.
        let Some(person) = people.get((first + number) % people.len()) else { continue };
        if let Some(time) = device_time(at) {
            let punch = Punch::new(person.uid, &person.user_id, time, state, mode);
            punches.push(held(layout, Punch { user_id: Arc::clone(&person.user_id), ..punch }));
        }
    }
}

/// What a layout keeps of a punch: 8-byte logs have two bits for the mode, and only 16-byte logs surely a work code.
pub(crate) fn held(layout: LogLayout, punch: Punch) -> Punch {
    match layout {
        LogLayout::EightA => Punch { work_code: 0, ..punch },
        LogLayout::EightB => Punch { mode: punch.mode & 3, state: punch.state & 7, work_code: 0, ..punch },
        LogLayout::Sixteen => punch,
        LogLayout::Forty | LogLayout::FortyNine => Punch { work_code: 0, ..punch },
    }
}

/// The terminal's form of a moment; `None` outside 2000-2099.
pub(crate) fn device_time(at: NaiveDateTime) -> Option<DeviceTime> {
    let small = |value: u32| u8::try_from(value).ok();
    DeviceTime::new(
        u16::try_from(at.year()).ok()?,
        small(at.month())?,
        small(at.day())?,
        small(at.hour())?,
        small(at.minute())?,
        small(at.second())?,
    )
}

/// A line of a punch file.
#[derive(Debug, Deserialize)]
struct Line {
    user_id: String,
    time: String,
    #[serde(default)]
    state: u8,
    #[serde(default = "finger")]
    mode: u8,
    #[serde(default)]
    work_code: u32,
}

fn finger() -> u8 {
    1
}

/// Why a file of punches cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file itself cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not a punch.
    #[error("line {line} of {path} is no punch: {reason}")]
    Line {
        /// The file.
        path: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// Reads punches from a JSON Lines file (`{"user_id":"42","time":"2025-05-18 07:01:09","state":0,"mode":1}`) or, when the
/// name ends in `.csv`, from one with the heading `user_id,time,state,mode`. Uids are given out in order of appearance.
///
/// # Errors
/// [`DataError`] names the file and the line.
pub fn read_punches(path: &Path) -> Result<Vec<Punch>, DataError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| DataError::Read { path: shown.clone(), source })?;
    let csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let mut uids = std::collections::HashMap::new();
    let mut punches = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (csv && number == 0) {
            continue;
        }
        let parsed = if csv { csv_line(line) } else { serde_json::from_str(line).map_err(|error| error.to_string()) };
        let punch = parsed.and_then(|line| to_punch(line, &mut uids));
        punches.push(punch.map_err(|reason| DataError::Line { path: shown.clone(), line: number + 1, reason })?);
    }
    Ok(punches)
}

/// No field of a punch holds a comma or a quote, so there is none to unfold.
fn csv_line(line: &str) -> Result<Line, String> {
    let mut fields = line.split(',').map(str::trim);
    let mut next = |name: &str| fields.next().ok_or_else(|| format!("{name} is missing"));
    let user_id = next("user_id")?.to_owned();
    let time = next("time")?.to_owned();
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number from 0 to 255"));
    let state = next("state").map_or(Ok(0), number)?;
    let mode = next("mode").map_or(Ok(1), number)?;
    Ok(Line { user_id, time, state, mode, work_code: 0 })
}

fn to_punch(line: Line, uids: &mut std::collections::HashMap<Arc<str>, u16>) -> Result<Punch, String> {
    let time = line.time.replace('T', " ");
    let time = NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S")
        .ok()
        .and_then(device_time)
        .ok_or_else(|| format!("{:?} is no time such as 2025-05-18 07:01:09", line.time))?;
    let user_id: Arc<str> = line.user_id.into();
    let next = u16::try_from(uids.len() + 1).map_err(|_| "more than 65535 people".to_owned())?;
    let uid = *uids.entry(Arc::clone(&user_id)).or_insert(next);
    Ok(Punch { uid, user_id, time, state: line.state, mode: line.mode, work_code: line.work_code })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_punches_and_another_seed_others() {
        let people = people(20);
        let one = punches(500, &people, now(), 7, LogLayout::Forty);
        assert_eq!(one.len(), 500);
        assert_eq!(one, punches(500, &people, now(), 7, LogLayout::Forty));
        assert_ne!(one, punches(500, &people, now(), 8, LogLayout::Forty));
    }

    #[test]
    fn punches_are_in_order_on_working_days_before_now() {
        let punches = punches(5000, &people(30), now(), 1, LogLayout::Forty);
        assert!(punches.is_sorted_by_key(|punch| punch.time));
        let last = punches.last().unwrap().time;
        assert_eq!((last.year(), last.month(), last.day()), (2026, 3, 3));
        let day =
            |time: DeviceTime| NaiveDate::from_ymd_opt(time.year().into(), time.month().into(), time.day().into());
        assert!(punches.iter().all(|punch| day(punch.time).unwrap().weekday().number_from_monday() <= 5));
    }

    #[test]
    fn one_second_holds_one_punch_while_there_is_room() {
        let punches = punches(20_000, &people(50), now(), 1, LogLayout::Forty);
        let mut times: Vec<_> = punches.iter().map(|punch| punch.time).collect();
        times.dedup();
        assert_eq!(times.len(), 20_000);
    }
}
