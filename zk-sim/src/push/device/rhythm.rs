//! When a pushing terminal uploads what is new: at once, or in batches at the times of its options.

use std::time::Duration;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use zk_push::{OptionBlock, Text};

use super::clock::WallClock;

/// The most times of a day that a terminal takes from its options.
const MOST_TIMES: usize = 10;

/// The times of uploads, and how far they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Rhythm {
    /// New records wait for their time.
    waits: bool,
    /// The times of the day by the terminal's clock, `TransTimes`.
    times: Vec<NaiveTime>,
    /// The time between two uploads, `TransInterval`.
    interval: Option<Duration>,
    /// The time that the clock showed at the last look.
    looked: Option<NaiveDateTime>,
    /// The last upload that came of the interval.
    since: Duration,
    /// A batch is being uploaded.
    is_on: bool,
}

impl Rhythm {
    /// Takes over the options of a handshake. With `at_once`, `Realtime=1` overrides the times.
    pub(super) fn configure(&mut self, options: &OptionBlock, at_once: bool, now: Duration) {
        let number = |key| options.get(key).and_then(Text::number);
        let times = options.get("TransTimes").map(Text::to_string).unwrap_or_default();
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        self.waits = !at_once || number("Realtime") == Some(0);
        self.times = times.split(';').filter_map(time).take(MOST_TIMES).collect();
        let minutes = number("TransInterval").and_then(|minutes| u64::try_from(minutes).ok());
        self.interval = minutes.filter(|minutes| *minutes > 0).map(|minutes| Duration::from_secs(60 * minutes));
        self.since = now;
    }

    /// Returns true if new records go out now.
    pub(super) fn is_on(&self) -> bool {
        !self.waits || self.is_on
    }

    /// Looks at the clock: a time that has passed begins a batch, also if the clock was set past it.
    pub(super) fn look(&mut self, now: Duration, shows: NaiveDateTime) {
        let before = self.looked.replace(shows).unwrap_or(shows);
        let is_named = self.times.iter().any(|time| is_passed(*time, before, shows));
        let is_due = self.interval.is_some_and(|interval| now >= self.since + interval);
        if is_due {
            self.since = now;
        }
        self.is_on |= is_named || is_due;
    }

    /// The server asks for what is new.
    pub(super) fn begin(&mut self) {
        self.is_on = true;
    }

    /// All of the batch is uploaded.
    pub(super) fn end(&mut self) {
        self.is_on = false;
    }

    /// The time of the next look; `None` if there is nothing to wait for.
    pub(super) fn next(&self, clock: &WallClock) -> Option<Duration> {
        if !self.waits {
            return None;
        }
        let after = self.looked?;
        let named = self.times.iter().filter_map(|time| next_time(*time, after)).min();
        let due = self.interval.map(|interval| self.since + interval);
        named.map(|time| clock.reaches(time)).into_iter().chain(due).min()
    }
}

/// Returns true if a time of the day was between two moments, or is the second one.
fn is_passed(time: NaiveTime, before: NaiveDateTime, now: NaiveDateTime) -> bool {
    next_time(time, before).is_some_and(|next| next <= now)
}

/// The first moment after another one with this time of the day.
fn next_time(time: NaiveTime, after: NaiveDateTime) -> Option<NaiveDateTime> {
    let today = after.date().and_time(time);
    if today > after { Some(today) } else { today.checked_add_signed(TimeDelta::days(1)) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::NaiveDate;

    use super::*;

    fn at(hour: u32, minute: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().and_hms_opt(hour, minute, 0).unwrap()
    }

    fn rhythm(options: &'static str, at_once: bool) -> Rhythm {
        let mut rhythm = Rhythm::default();
        rhythm.configure(&OptionBlock::parse(&Bytes::from_static(options.as_bytes())), at_once, Duration::ZERO);
        rhythm
    }

    #[test]
    fn realtime_overrides_the_times_unless_the_terminal_has_a_mind_of_its_own() {
        let options = "GET OPTION FROM: A1\nRealtime=1\nTransInterval=1\nTransTimes=14:05";
        assert!(rhythm(options, true).is_on() && rhythm("GET OPTION FROM: A1\n", true).is_on());
        assert!(!rhythm(options, false).is_on());
        assert!(!rhythm("GET OPTION FROM: A1\nRealtime=0\n", true).is_on());
    }

    #[test]
    fn a_named_time_that_has_passed_begins_a_batch_once() {
        let mut rhythm = rhythm("GET OPTION FROM: A1\nRealtime=0\nTransInterval=0\nTransTimes=00:00;14:05;x", true);
        let mut clock = WallClock::new(0);
        clock.set(Duration::ZERO, at(13, 0));
        rhythm.look(Duration::ZERO, at(13, 0));
        assert!(!rhythm.is_on());
        let next = rhythm.next(&clock).unwrap();
        assert!(next.abs_diff(Duration::from_secs(65 * 60)) < Duration::from_secs(1), "{next:?}");
        rhythm.look(next, clock.shows(next));
        assert!(rhythm.is_on());
        rhythm.end();
        rhythm.look(next, clock.shows(next));
        assert!(!rhythm.is_on());
        // Its clock is set back and forward over the time: it is passed again.
        rhythm.look(next, at(14, 0));
        assert!(!rhythm.is_on());
        rhythm.look(next, at(15, 0));
        assert!(rhythm.is_on());
    }

    #[test]
    fn an_interval_begins_a_batch_each_time() {
        let mut rhythm = rhythm("GET OPTION FROM: A1\nRealtime=0\nTransInterval=2", true);
        let mut begun = Vec::new();
        for second in 0..600 {
            rhythm.look(Duration::from_secs(second), at(8, 0));
            if rhythm.is_on() {
                begun.push(second);
                rhythm.end();
            }
        }
        assert_eq!(begun, [120, 240, 360, 480]);
    }
}
