//! The time of the next poll: soon while there is activity, later the longer there is none, soon again when work
//! begins.

use std::time::Duration;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, Timelike};

/// The rules of the graduated rest. They are pure; a [`Rest`] has what is known between two polls.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Schedule {
    /// The wait after a poll that brought something; 1 s at least.
    pub base: Duration,
    /// The factor by which the wait grows with each poll that brought nothing; 1.5 by default.
    pub factor: f64,
    /// The longest wait at each level of idleness, in the order rest, nap, sleep, dream; 300, 900, 3,600 and 10,800 s
    /// by default. A level never waits less than the base.
    pub caps: [Duration; 4],
    /// Polls without news after which each level begins; 1, 3, 6, 10 by default.
    pub levels: [u32; 4],
    /// The deepest level from an hour of the host's day on, in order of the hour. The last one applies past midnight
    /// until the first. By default rest from 6, nap from 16, sleep from 18, dream from 23.
    pub hours: Vec<(u32, Level)>,
    /// The start of the working day; no wait goes past it. 06:00 by default.
    pub day_start: Option<NaiveTime>,
}

/// The depth of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Up to the first cap.
    Rest,
    /// Up to the second.
    Nap,
    /// Up to the third.
    Sleep,
    /// Up to the fourth.
    Dream,
}

/// The state between two polls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rest {
    /// Polls without news in a row.
    idle: u32,
    /// The last wait, before it was cut short by the start of the working day.
    wait: Option<Duration>,
    /// The end of the last poll.
    last: Option<NaiveDateTime>,
}

impl Schedule {
    /// The Python tool's schedule on another base; a base under a second becomes one second.
    #[must_use]
    pub fn graduated(base: Duration) -> Self {
        Self {
            base: base.max(Duration::from_secs(1)),
            factor: 1.5,
            caps: [300, 900, 3_600, 10_800].map(Duration::from_secs),
            levels: [1, 3, 6, 10],
            hours: vec![(6, Level::Rest), (16, Level::Nap), (18, Level::Sleep), (23, Level::Dream)],
            day_start: NaiveTime::from_hms_opt(6, 0, 0),
        }
    }

    /// Always the same wait.
    #[must_use]
    pub fn fixed(interval: Duration) -> Self {
        Self { factor: 1.0, day_start: None, ..Self::graduated(interval) }
    }

    /// Returns the wait after a poll that ended at `now` on the host's wall clock. `active` polls brought something.
    pub fn next_wait(&self, rest: &mut Rest, active: bool, now: NaiveDateTime) -> Duration {
        let base = self.base.max(Duration::from_secs(1));
        if active || self.day_began(rest.last, now) {
            (rest.idle, rest.wait) = (0, Some(base));
        } else {
            let grown = match self.level(rest.idle).map(|level| level.min(self.deepest_at(now))) {
                None => base,
                Some(level) => {
                    rest.wait.unwrap_or(base).mul_f64(self.factor.clamp(1.0, 100.0)).min(self.cap(level)).max(base)
                }
            };
            (rest.idle, rest.wait) = (rest.idle.saturating_add(1), Some(grown));
        }
        rest.last = Some(now);
        let wait = rest.wait.unwrap_or(base);
        self.until_day_start(now).map_or(wait, |until| wait.min(until))
    }

    fn cap(&self, level: Level) -> Duration {
        let [rest, nap, sleep, dream] = self.caps;
        match level {
            Level::Rest => rest,
            Level::Nap => nap,
            Level::Sleep => sleep,
            Level::Dream => dream,
        }
    }

    /// The level after so many polls without news; none if they are too few for rest.
    fn level(&self, idle: u32) -> Option<Level> {
        let [rest, nap, sleep, dream] = self.levels;
        match idle {
            n if n >= dream => Some(Level::Dream),
            n if n >= sleep => Some(Level::Sleep),
            n if n >= nap => Some(Level::Nap),
            n if n >= rest => Some(Level::Rest),
            _ => None,
        }
    }

    fn deepest_at(&self, now: NaiveDateTime) -> Level {
        let past = self.hours.iter().rev().find(|(from, _)| *from <= now.hour());
        past.or(self.hours.last()).map_or(Level::Rest, |(_, level)| *level)
    }

    /// The time left until the working day's next start.
    fn until_day_start(&self, now: NaiveDateTime) -> Option<Duration> {
        let start = now.date().and_time(self.day_start?);
        let next = if start > now { start } else { start.checked_add_signed(TimeDelta::days(1))? };
        next.signed_duration_since(now).to_std().ok()
    }

    /// Returns true if the working day began since the last poll.
    fn day_began(&self, last: Option<NaiveDateTime>, now: NaiveDateTime) -> bool {
        let start = self.day_start.map(|start| now.date().and_time(start));
        matches!((last, start), (Some(last), Some(start)) if last < start && start <= now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    fn at(hour: u32, minute: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 3, 2).unwrap().and_hms_opt(hour, minute, 0).unwrap()
    }

    /// The waits in whole seconds after so many polls without news, all at one time of the day.
    fn idle_waits(schedule: &Schedule, now: NaiveDateTime, polls: usize) -> Vec<u64> {
        let mut rest = Rest::default();
        (0..polls).map(|_| schedule.next_wait(&mut rest, false, now).as_secs()).collect()
    }

    #[test]
    fn by_day_the_wait_grows_by_half_up_to_five_minutes() {
        let waits = idle_waits(&Schedule::graduated(Duration::from_secs(5)), at(10, 0), 13);
        assert_eq!(waits, [5, 7, 11, 16, 25, 37, 56, 85, 128, 192, 288, 300, 300]);
    }

    #[test]
    fn by_night_it_grows_up_to_three_hours() {
        let waits = idle_waits(&Schedule::graduated(Duration::from_secs(5)), at(0, 30), 30);
        assert_eq!(waits.last(), Some(&10_800));
    }

    #[test]
    fn a_base_above_the_cap_is_never_polled_faster_when_idle() {
        let waits = idle_waits(&Schedule::graduated(Duration::from_secs(600)), at(10, 0), 20);
        assert!(waits.iter().all(|wait| *wait == 600), "{waits:?}");
    }

    #[test]
    fn a_base_of_one_second_backs_off_too() {
        let waits = idle_waits(&Schedule::graduated(Duration::from_secs(1)), at(10, 0), 20);
        assert_eq!(waits.last(), Some(&300));
    }

    #[test]
    fn news_brings_the_base_back() {
        let schedule = Schedule::graduated(Duration::from_secs(5));
        let mut rest = Rest::default();
        for _ in 0..20 {
            schedule.next_wait(&mut rest, false, at(12, 0));
        }
        assert_eq!(schedule.next_wait(&mut rest, true, at(12, 0)), Duration::from_secs(5));
    }

    #[test]
    fn a_long_sleep_ends_when_the_working_day_begins() {
        let schedule = Schedule::graduated(Duration::from_secs(300));
        let mut rest = Rest::default();
        for _ in 0..30 {
            schedule.next_wait(&mut rest, false, at(4, 0));
        }
        assert_eq!(schedule.next_wait(&mut rest, false, at(5, 59)), Duration::from_secs(60));
        assert_eq!(
            schedule.next_wait(&mut rest, false, at(6, 0)),
            Duration::from_secs(300),
            "and the rest starts again"
        );
    }

    #[test]
    fn a_fixed_schedule_never_changes() {
        assert!(idle_waits(&Schedule::fixed(Duration::from_secs(900)), at(5, 50), 40).iter().all(|wait| *wait == 900));
    }

    proptest! {
        #[test]
        fn no_wait_is_zero_or_passes_the_start_of_the_day(
            base in 0u64..20_000_000,
            polls in proptest::collection::vec((any::<bool>(), 1i64..20_000), 1..60),
        ) {
            let schedule = Schedule::graduated(Duration::from_millis(base));
            let (mut rest, mut now) = (Rest::default(), at(3, 17));
            for (active, took) in polls {
                let wait = schedule.next_wait(&mut rest, active, now);
                prop_assert!(wait > Duration::ZERO);
                let day = if now.hour() < 6 { now.date() } else { now.date() + TimeDelta::days(1) };
                let six = day.and_hms_opt(6, 0, 0).unwrap();
                prop_assert!(now + wait <= six);
                now += TimeDelta::seconds(took);
            }
        }
    }
}
