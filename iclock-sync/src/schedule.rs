//! The time of the next poll: soon while there is activity, later the longer there is none, soon again when work
//! begins.

use std::time::Duration;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, Timelike};

/// The shortest wait. No setting undercuts it.
pub const FLOOR: Duration = Duration::from_secs(1);
/// The longest wait before quiet hours are added. No setting exceeds it.
pub const CEILING: Duration = Duration::from_secs(7 * 86_400);
/// Terminals that wait for one moment, such as the start of the working day, are spread over this time at most.
const SPREAD: Duration = Duration::from_secs(60);

/// The times at which one terminal is polled: graduated by the hour, or fixed. The rules are pure; a [`Rest`] has what
/// is known between two polls.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Schedule {
    /// The wait after a poll that brought something; at least [`FLOOR`], at most [`CEILING`].
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
    /// The share of a wait by which it may be longer or shorter, so that terminals are not polled in step: 0.1 by
    /// default, 0.5 at most. It needs a [`Rest`] with randomness.
    pub jitter: f64,
    /// The hours in which no poll is due; none by default. A punch that is heard live, and a poll that somebody asks
    /// for, do not wait for their end.
    pub quiet: Option<Quiet>,
}

/// A time of the host's day, across midnight if it ends before it starts. If both ends are equal, it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The first moment inside.
    pub from: NaiveTime,
    /// The first moment after it.
    pub until: NaiveTime,
}

impl Quiet {
    /// Returns true if a time of the day is inside.
    #[must_use]
    pub fn contains(&self, time: NaiveTime) -> bool {
        match self.from <= self.until {
            true => self.from <= time && time < self.until,
            false => self.from <= time || time < self.until,
        }
    }
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
    /// The randomness; without it there is no jitter.
    dice: Option<u64>,
}

impl Rest {
    /// A rest with the randomness for jitter. The same seed gives the same waits.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { dice: Some(seed), ..Self::default() }
    }

    /// Returns a random share of 1, or `None` without randomness. (SplitMix64.)
    fn roll(&mut self) -> Option<f64> {
        let state = self.dice?.wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.dice = Some(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // The upper 32 bits are more than enough, and any `f64` holds them.
        Some(f64::from(((mixed ^ (mixed >> 31)) >> 32) as u32) / f64::from(u32::MAX))
    }
}

impl Schedule {
    /// The Python tool's schedule on another base; a base under a second becomes one second.
    #[must_use]
    pub fn graduated(base: Duration) -> Self {
        Self {
            base: base.clamp(FLOOR, CEILING),
            factor: 1.5,
            caps: [300, 900, 3_600, 10_800].map(Duration::from_secs),
            levels: [1, 3, 6, 10],
            hours: vec![(6, Level::Rest), (16, Level::Nap), (18, Level::Sleep), (23, Level::Dream)],
            day_start: NaiveTime::from_hms_opt(6, 0, 0),
            jitter: 0.1,
            quiet: None,
        }
    }

    /// Always the same wait.
    #[must_use]
    pub fn fixed(interval: Duration) -> Self {
        Self { factor: 1.0, day_start: None, ..Self::graduated(interval) }
    }

    /// The same schedule on another base.
    #[must_use]
    pub fn with_base(mut self, base: Duration) -> Self {
        self.base = base.clamp(FLOOR, CEILING);
        self
    }

    /// Returns the wait after a poll that ended at `now` on the host's wall clock. `active` polls brought something.
    pub fn next_wait(&self, rest: &mut Rest, active: bool, now: NaiveDateTime) -> Duration {
        let base = self.base.clamp(FLOOR, CEILING);
        if active || self.day_began(rest.last, now) {
            (rest.idle, rest.wait) = (0, Some(base));
        } else {
            let grown = match self.level(rest.idle).map(|level| level.min(self.deepest_at(now))) {
                None => base,
                Some(level) => times(rest.wait.unwrap_or(base), self.factor.max(1.0)).min(self.cap(level)).max(base),
            };
            (rest.idle, rest.wait) = (rest.idle.saturating_add(1), Some(grown.min(CEILING)));
        }
        rest.last = Some(now);
        let jitter = self.jitter.clamp(0.0, 0.5);
        let wait = match rest.roll() {
            Some(roll) => times(rest.wait.unwrap_or(base), 1.0 + jitter * (2.0 * roll - 1.0)),
            None => rest.wait.unwrap_or(base),
        };
        let spread = rest.roll().map_or(Duration::ZERO, |roll| times(base.min(SPREAD), jitter * roll));
        let wait = self.until_day_start(now).map_or(wait, |until| wait.min(until + spread)).clamp(FLOOR, CEILING);
        self.past_quiet(now, wait, spread).unwrap_or(wait)
    }

    /// The wait until the quiet hours have ended, if another one would end within them.
    fn past_quiet(&self, now: NaiveDateTime, wait: Duration, spread: Duration) -> Option<Duration> {
        let quiet = self.quiet?;
        let after = |wait| now.checked_add_signed(TimeDelta::from_std(wait).ok()?);
        let due = after(wait).filter(|due| quiet.contains(due.time()))?;
        let end = due.date().and_time(quiet.until);
        let end = if end > due { end } else { end.checked_add_signed(TimeDelta::days(1))? };
        let until = end.signed_duration_since(now).to_std().ok()?;
        // The next quiet hours may begin at once.
        let is_free = after(until + spread).is_some_and(|due| !quiet.contains(due.time()));
        Some(if is_free { until + spread } else { until })
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

/// A multiple of a wait; [`CEILING`] at most, and for a factor that is no number the wait itself.
fn times(wait: Duration, factor: f64) -> Duration {
    let product = Duration::try_from_secs_f64(wait.as_secs_f64() * factor);
    if factor.is_nan() { wait } else { product.unwrap_or(CEILING).min(CEILING) }
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

    #[test]
    fn a_poll_that_would_fall_into_quiet_hours_waits_for_their_end() {
        let hms = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let mut schedule = Schedule::fixed(Duration::from_secs(3_600));
        schedule.quiet = Some(Quiet { from: hms(22), until: hms(5) });
        let wait = |now| schedule.next_wait(&mut Rest::default(), false, now).as_secs();
        assert_eq!(wait(at(20, 30)), 3_600);
        assert_eq!(wait(at(21, 30)), 7 * 3_600 + 1_800, "until five in the morning");
        assert_eq!(wait(at(3, 0)), 2 * 3_600);
        assert_eq!(wait(at(4, 30)), 3_600, "the next one is after the end");
        schedule.quiet = Some(Quiet { from: hms(5), until: hms(5) });
        assert_eq!(schedule.next_wait(&mut Rest::default(), false, at(4, 30)).as_secs(), 3_600, "no time at all");
    }

    #[test]
    fn waits_differ_by_their_seed_and_are_the_same_for_one() {
        let schedule = Schedule::fixed(Duration::from_secs(1_000));
        let waits = |seed| {
            let mut rest = Rest::seeded(seed);
            (0..50).map(|_| schedule.next_wait(&mut rest, true, at(10, 0)).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        let all = waits(3);
        assert!(all.iter().all(|wait| (900..=1_100).contains(wait)), "{all:?}");
        assert!(all.iter().any(|wait| *wait < 950) && all.iter().any(|wait| *wait > 1_050), "{all:?}");
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            Just(Duration::ZERO),
            Just(Duration::MAX),
            (0u64..20_000_000).prop_map(Duration::from_millis),
            any::<u64>().prop_map(Duration::from_secs),
        ]
    }

    fn any_factor() -> impl Strategy<Value = f64> {
        prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), Just(0.0), 0.0..3.0f64, any::<f64>()]
    }

    fn any_time() -> impl Strategy<Value = NaiveTime> {
        (0u32..86_400).prop_map(|second| NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap())
    }

    prop_compose! {
        fn any_schedule()(
            base in any_duration(),
            factor in any_factor(),
            jitter in any_factor(),
            caps in proptest::array::uniform4(any_duration()),
            levels in proptest::array::uniform4(any::<u32>()),
            hours in proptest::collection::vec((0u32..30, 0usize..4), 0..6),
            day_start in proptest::option::of(any_time()),
            quiet in proptest::option::of((any_time(), any_time())),
        ) -> Schedule {
            let level = |n: usize| [Level::Rest, Level::Nap, Level::Sleep, Level::Dream][n];
            let hours = hours.into_iter().map(|(hour, n)| (hour, level(n))).collect();
            let quiet = quiet.map(|(from, until)| Quiet { from, until });
            Schedule { base, factor, caps, levels, hours, day_start, jitter, quiet }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_set_no_poll_is_early_or_quiet_and_each_day_is_begun(
            schedule in any_schedule(),
            seed in proptest::option::of(any::<u64>()),
            polls in proptest::collection::vec((any::<bool>(), 0i64..20_000), 1..80),
        ) {
            let mut rest = seed.map_or_else(Rest::default, Rest::seeded);
            let mut now = at(3, 17);
            for (active, took) in polls {
                let wait = schedule.next_wait(&mut rest, active, now);
                prop_assert!(wait >= FLOOR, "{wait:?}");
                prop_assert!(wait <= CEILING + Duration::from_secs(86_400) + SPREAD, "{wait:?}");
                let due = now + TimeDelta::from_std(wait).unwrap();
                match (schedule.quiet, schedule.day_start) {
                    (Some(quiet), _) => prop_assert!(!quiet.contains(due.time()), "{due} is quiet"),
                    (None, Some(start)) => {
                        let today = now.date().and_time(start);
                        let next = if today > now { today } else { today + TimeDelta::days(1) };
                        // Terminals that wait for one moment are spread over a little time after it.
                        prop_assert!(due <= next + SPREAD, "{due} is long after {next}");
                    }
                    (None, None) => {}
                }
                now = due + TimeDelta::seconds(took);
            }
        }
    }
}
