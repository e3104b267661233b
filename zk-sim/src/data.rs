//! Users and punches generated from a seed.

use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use zk_proto::DeviceTime;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::AttendanceLayout;

use crate::punch::Punch;

/// A person in the terminal's user table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The slot.
    pub uid: u16,
    /// The user id.
    pub user_id: Arc<str>,
    /// The name on the screen.
    pub name: String,
    /// The privilege byte: 0 common, 14 super administrator.
    pub privilege: u8,
}

/// A small generator whose numbers never change, so that a seed means the same data in every version.
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

/// `count` people, uids from 1, user ids from 1001, the first an administrator.
pub(crate) fn people(count: u16, encoding: TextEncoding) -> Vec<Person> {
    let word = word_for(encoding);
    (1..=count)
        .map(|uid| Person {
            uid,
            user_id: (1000 + u32::from(uid)).to_string().into(),
            // Old terminals have eight bytes for a name.
            name: format!("{word}{uid}"),
            privilege: if uid == 1 { 14 } else { 0 },
        })
        .collect()
}

/// The start of generated names: a letter, or a word in the script of the code page.
fn word_for(encoding: TextEncoding) -> &'static str {
    const WORDS: [&str; 5] = ["员工", "員工", "موظف", "имя", "osôb"];
    let known = WORDS.into_iter().find(|word| encoding != TextEncoding::UTF_8 && encoding.encode(word, 8).is_some());
    known.unwrap_or("P-")
}

/// The most working days that generated punches cover: four years.
const MOST_DAYS: usize = 1000;

/// `count` punches of `people` in order of time, on working days up to the one before `now`.
pub(crate) fn punches(
    count: usize,
    people: &[Person],
    now: NaiveDateTime,
    seed: u64,
    layout: AttendanceLayout,
) -> Vec<Punch> {
    if people.is_empty() {
        return Vec::new();
    }
    let mut generator = Generator { people, layout, random: Random::new(seed), punches: Vec::with_capacity(count) };
    let per_day = (people.len() * 2).max(count.div_ceil(MOST_DAYS)).max(1);
    let days = working_days(count.div_ceil(per_day), now.date());
    // The oldest day has what is left over.
    let mut today = count - per_day * days.len().saturating_sub(1);
    for day in days {
        let arrivals = today.div_ceil(2);
        generator.half_day(day, ARRIVALS_FROM, arrivals, 0);
        generator.half_day(day, DEPARTURES_FROM, today - arrivals, 1);
        today = per_day;
    }
    generator.punches
}

/// The last `count` working days before `today`, oldest first.
fn working_days(count: usize, today: NaiveDate) -> Vec<NaiveDate> {
    let before = (1..).map_while(|back| today.checked_sub_days(Days::new(back)));
    let mut days: Vec<_> =
        before.filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)).take(count).collect();
    days.reverse();
    days
}

/// Seconds of the day at which the first people come and go, and the spread of each in seconds.
const ARRIVALS_FROM: usize = 6 * 3600 + 1800;
const DEPARTURES_FROM: usize = 13 * 3600;
const SPREAD: usize = 5 * 3600;

struct Generator<'a> {
    people: &'a [Person],
    layout: AttendanceLayout,
    random: Random,
    punches: Vec<Punch>,
}

impl Generator<'_> {
    /// `count` punches of one state, in order from a second of the day on.
    fn half_day(&mut self, day: NaiveDate, from: usize, count: usize, state: u8) {
        let first = self.random.below(self.people.len() as u64) as usize;
        for number in 0..count {
            // One step per punch keeps the order and, while a step is at least a second, the seconds apart.
            let begin = number * SPREAD / count;
            let step = ((number + 1) * SPREAD / count - begin).max(1);
            let second = from + begin + self.random.below(step as u64) as usize;
            let mode = match self.random.below(10) {
                0 => 4,
                1 | 2 => 15,
                _ => 1,
            };
            // All people come and go once before any does twice.
            let person = self.people.get((first + number) % self.people.len());
            let time = DeviceTime::from_naive(day.and_time(NaiveTime::MIN) + TimeDelta::seconds(second as i64));
            if let (Some(person), Some(time)) = (person, time) {
                let user_id = Arc::clone(&person.user_id);
                self.punches
                    .push(held(self.layout, Punch { uid: person.uid, user_id, time, state, mode, work_code: 0 }));
            }
        }
    }
}

/// Reduces a punch to the fields of a layout: 8-byte logs have two bits for the mode, and only 16-byte logs surely have
/// a work code.
pub(crate) fn held(layout: AttendanceLayout, punch: Punch) -> Punch {
    let fields = layout.fields();
    let work_code = if fields.work_code.is_some() { punch.work_code } else { 0 };
    Punch { mode: fields.mode.cut(punch.mode), state: fields.state.cut(punch.state), work_code, ..punch }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_punches_and_another_seed_others() {
        let people = people(20, TextEncoding::UTF_8);
        let one = punches(500, &people, now(), 7, AttendanceLayout::Wide(40));
        assert_eq!(one.len(), 500);
        assert_eq!(one, punches(500, &people, now(), 7, AttendanceLayout::Wide(40)));
        assert_ne!(one, punches(500, &people, now(), 8, AttendanceLayout::Wide(40)));
    }

    #[test]
    fn punches_are_in_order_on_working_days_before_now() {
        let punches = punches(5000, &people(30, TextEncoding::UTF_8), now(), 1, AttendanceLayout::Wide(40));
        assert!(punches.is_sorted_by_key(|punch| punch.time));
        let last = punches.last().unwrap().time;
        assert_eq!((last.year(), last.month(), last.day()), (2026, 3, 3));
        let day = |time: DeviceTime| time.to_naive().unwrap().weekday();
        assert!(punches.iter().all(|punch| day(punch.time).number_from_monday() <= 5));
    }

    #[test]
    fn one_second_holds_one_punch_while_there_is_room() {
        let punches = punches(20_000, &people(50, TextEncoding::UTF_8), now(), 1, AttendanceLayout::Wide(40));
        let mut times: Vec<_> = punches.iter().map(|punch| punch.time).collect();
        times.dedup();
        assert_eq!(times.len(), 20_000);
    }
}
