//! A school day: people come before 8:00 and go after 16:00, a few come late, a few stay away.

use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta};
use zk_proto::DeviceTime;
use zk_proto::record::User;

use crate::data::Random;
use crate::punch::Punch;

/// The second of the day at which work begins: 8:00.
const BEGINS: u64 = 8 * 3600;
/// The second of the day at which work ends: 16:00.
const ENDS: u64 = 16 * 3600;
/// Of so many people, one stays away, one comes late, one goes early, and one forgets to punch when going.
const ABSENT_OF: usize = 25;
const LATE_OF: usize = 12;
const EARLY_OF: usize = 30;
const FORGETS_OF: usize = 40;
/// With fewer people than this, nobody does any of that.
const FEW: usize = 8;
/// The share of people who go by another door than they came, in percent.
const OTHER_DOOR: u64 = 30;

/// A school day of the people in a user table. The same people, date and seed give the same punches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolDay {
    punches: Vec<(usize, Punch)>,
    /// People who come late.
    late: usize,
    /// People who stay away.
    absent: usize,
}

impl SchoolDay {
    /// The day of these people at so many terminals, of which each person uses one or two.
    #[must_use]
    pub fn new(users: &[User], terminals: usize, date: NaiveDate, seed: u64) -> Self {
        let mut random = Random::new(seed ^ u64::from(date.num_days_from_ce().unsigned_abs()));
        let mut users: Vec<(u64, &User)> = users.iter().map(|user| (random.next(), user)).collect();
        users.sort_by_key(|(rank, _)| *rank);
        let share = |of: usize| if users.len() < FEW { 0 } else { users.len().div_ceil(of) };
        let (absent, late, early, forgets) = (share(ABSENT_OF), share(LATE_OF), share(EARLY_OF), share(FORGETS_OF));
        let mut day = Day { date, terminals: terminals.max(1) as u64, random, punches: Vec::new() };
        for (rank, (_, user)) in users.iter().enumerate().skip(absent) {
            let rank = rank - absent;
            let comes = match rank < late {
                true => BEGINS + 120 + day.random.below(40 * 60),
                // The shorter of two times: most come shortly before work begins.
                false => BEGINS - 60 - day.random.below(70 * 60).min(day.random.below(70 * 60)),
            };
            let door = day.random.below(day.terminals);
            day.punch(user, door, comes, 0);
            let place = rank.checked_sub(late);
            if place.is_some_and(|place| place < forgets) {
                continue;
            }
            let goes = match place.is_some_and(|place| place < forgets + early) {
                true => ENDS - 3 * 3600 + day.random.below(2 * 3600),
                false => ENDS + 60 + day.random.below(50 * 60).min(day.random.below(50 * 60)),
            };
            let elsewhere = day.random.below(100) < OTHER_DOOR;
            let door = if elsewhere { day.random.below(day.terminals) } else { door };
            day.punch(user, door, goes, 1);
        }
        let mut punches = day.punches;
        punches.sort_by_key(|(_, punch)| punch.time);
        Self { punches, late, absent }
    }

    /// The punches in order of time, each with the number of its terminal, from 0.
    #[must_use]
    pub fn punches(&self) -> &[(usize, Punch)] {
        &self.punches
    }

    /// The number of people who come late.
    #[must_use]
    pub fn late(&self) -> usize {
        self.late
    }

    /// The number of people who stay away.
    #[must_use]
    pub fn absent(&self) -> usize {
        self.absent
    }
}

struct Day {
    date: NaiveDate,
    terminals: u64,
    random: Random,
    punches: Vec<(usize, Punch)>,
}

impl Day {
    /// A punch at a second of the day.
    fn punch(&mut self, user: &User, door: u64, second: u64, state: u8) {
        let mode = match self.random.below(10) {
            0 => 4,
            1 | 2 => 15,
            _ => 1,
        };
        let time = self.date.and_time(NaiveTime::MIN) + TimeDelta::seconds(second.cast_signed());
        // A year that no terminal knows has no punches.
        if let Some(time) = DeviceTime::from_naive(time) {
            self.punches.push((door as usize, Punch::new(user.uid.0, user.user_id.as_str(), time, state, mode)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Terminal;

    fn day(users: u16, terminals: usize, seed: u64) -> SchoolDay {
        let users = Terminal::builder().users(users).build().users();
        SchoolDay::new(&users, terminals, NaiveDate::from_ymd_opt(2026, 3, 4).unwrap(), seed)
    }

    #[test]
    fn a_seed_gives_the_same_day_and_another_seed_another_one() {
        assert_eq!(day(100, 3, 7), day(100, 3, 7));
        assert_ne!(day(100, 3, 7), day(100, 3, 8));
    }

    #[test]
    fn people_come_in_the_morning_and_go_in_the_afternoon_a_few_late_a_few_never() {
        let day = day(100, 3, 1);
        assert!(day.punches().is_sorted_by_key(|(_, punch)| punch.time));
        let of = |state: u8| day.punches().iter().map(|(_, punch)| punch).filter(move |punch| punch.state == state);
        let hour = |punch: &Punch| punch.time.hour();
        assert_eq!((of(0).count(), day.absent()), (96, 4));
        assert_eq!(of(0).filter(|punch| hour(punch) >= 8).count(), day.late());
        assert!(day.late() > 0 && of(0).all(|punch| (6..9).contains(&hour(punch))));
        assert!(of(1).all(|punch| (13..17).contains(&hour(punch))));
        assert!(of(1).count() < of(0).count(), "somebody forgets to punch when going");
        let people: BTreeSet<u16> = of(0).map(|punch| punch.uid).collect();
        assert_eq!(people.len(), 96, "each comes once");
        let doors: BTreeSet<usize> = day.punches().iter().map(|(door, _)| *door).collect();
        assert_eq!(doors, BTreeSet::from([0, 1, 2]));
    }

    #[test]
    fn of_a_handful_of_people_all_come_and_go() {
        let day = day(3, 1, 1);
        assert_eq!((day.punches().len(), day.late(), day.absent()), (6, 0, 0));
    }
}
