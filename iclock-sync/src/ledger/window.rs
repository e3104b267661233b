//! Windows of time, as SQL compares them.

use chrono::NaiveDateTime;

use super::stored::seconds;
use crate::Window;
use crate::options::Bound;

/// The time after the start of a poll at which it can still read a punch, in seconds: people punch while a long log is
/// read.
const WHILE_READING: i64 = 3_600;

/// The columns of a table that have the time of a row's punch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// The terminal's wall clock in seconds.
    time: &'static str,
    /// The instant, if there is one.
    utc: &'static str,
    /// The number of the poll.
    reading: &'static str,
}

/// The columns of an event, whose table is called `e`.
pub(super) const OF_EVENT: Columns = Columns { time: "e.time", utc: "e.utc", reading: "e.reading" };

/// The columns of a record in quarantine, whose table is called `q`. A time that no calendar has is in no window.
pub(super) const OF_REFUSED: Columns =
    Columns { time: "CAST(strftime('%s', q.time) AS INTEGER)", utc: "NULL", reading: "q.reading" };

/// The seconds inside a window, both ends included: those of the wall clock, and those of the instant. A punch is
/// inside if it is in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds {
    wall: (i64, i64),
    instant: (i64, i64),
}

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

impl Seconds {
    pub(super) fn of(window: &Window) -> Self {
        let (mut wall, mut instant) = (ALL, ALL);
        // Records have whole seconds: a window from half past seven seconds begins at the eighth.
        match window.since {
            Some(Bound::Wall(time)) => wall.0 = seconds(time) + i64::from(has_fraction(time)),
            Some(Bound::Instant(at)) => instant.0 = at.timestamp() + i64::from(has_fraction(at.naive_utc())),
            None => {}
        }
        match window.until {
            Some(Bound::Wall(time)) => wall.1 = seconds(time),
            Some(Bound::Instant(at)) => instant.1 = at.timestamp(),
            None => {}
        }
        Self { wall, instant }
    }

    /// Returns true if another window has all that this one has.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let within = |inner: (i64, i64), outer: (i64, i64)| inner.0 >= outer.0 && inner.1 <= outer.1;
        within(self.wall, other.wall) && within(self.instant, other.instant)
    }

    /// The text in the ledger.
    pub(super) fn to_text(self) -> String {
        let Self { wall, instant } = self;
        format!("{} {} {} {}", wall.0, wall.1, instant.0, instant.1)
    }

    /// Reads such a text; `None` for one of a later version.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let numbers: Vec<i64> = text.split(' ').map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let [a, b, c, d] = numbers[..] else { return None };
        Some(Self { wall: (a, b), instant: (c, d) })
    }
}

/// Returns the condition that a row is inside a window; `None` if every row is.
pub(super) fn condition(window: &Window, columns: Columns) -> Option<String> {
    if window.is_all_time() {
        return None;
    }
    let Seconds { wall, instant } = Seconds::of(window);
    let by_wall = format!("{} BETWEEN {} AND {}", columns.time, wall.0, wall.1);
    // Only if it is needed: it costs a look at the poll.
    if instant == ALL {
        return Some(by_wall);
    }
    Some(format!("{by_wall} AND {} BETWEEN {} AND {}", columns.instant(), instant.0, instant.1))
}

fn has_fraction(time: NaiveDateTime) -> bool {
    time.and_utc().timestamp_subsec_nanos() > 0
}

impl Columns {
    /// The moment of a punch. It is the instant if the terminal's zone is known, else the wall clock corrected by the
    /// drift at the poll. If the correction puts the punch after its poll, the clock was set in between, and the time
    /// is taken as local time.
    fn instant(&self) -> String {
        let Self { time, utc, reading } = self;
        format!(
            "coalesce({utc}, (
                 SELECT CASE
                     WHEN r.zone IS NULL AND {time} - r.clock_offset <= r.read_at + {WHILE_READING}
                     THEN {time} - r.clock_offset
                     ELSE {time} - r.clock_offset + coalesce(r.drift_ms, 0) / 1000
                 END FROM readings r WHERE r.id = {reading}
             ), {time})"
        )
    }
}

#[cfg(test)]
impl Seconds {
    /// The seconds that are in both.
    pub(super) fn both(&self, other: &Self) -> Self {
        let both = |a: (i64, i64), b: (i64, i64)| (a.0.max(b.0), a.1.min(b.1));
        Self { wall: both(self.wall, other.wall), instant: both(self.instant, other.instant) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn all_time_needs_no_condition_and_a_wall_clock_no_reading() {
        assert_eq!(condition(&Window::default(), OF_EVENT), None);
        let since = DateTime::<Utc>::from_timestamp(7, 500_000_000).unwrap();
        let wall = Window { since: Some(since.naive_utc().into()), until: None };
        assert_eq!(condition(&wall, OF_EVENT), Some(format!("e.time BETWEEN 8 AND {}", i64::MAX)));
        let moment = Window { since: Some(since.into()), until: None };
        let condition = condition(&moment, OF_EVENT).unwrap();
        assert!(condition.contains("readings") && condition.ends_with(&format!("BETWEEN 8 AND {}", i64::MAX)));
        // The last second is inside, whatever its fraction.
        let until = Window { since: None, until: Some(since.into()) };
        assert!(super::condition(&until, OF_EVENT).unwrap().ends_with(&format!("BETWEEN {} AND 7", i64::MIN)));
    }

    #[test]
    fn a_window_is_within_another_only_if_that_has_all_of_it() {
        let at = |second: i64| DateTime::<Utc>::from_timestamp(second, 0).unwrap();
        let instant = |since, until: Option<i64>| Window {
            since: Some(at(since).into()),
            until: until.map(|until| at(until).into()),
        };
        let wall = |since| Window { since: Some(at(since).naive_utc().into()), until: None };
        let within = |inner: &Window, outer: &Window| Seconds::of(inner).is_within(&Seconds::of(outer));
        for (inner, outer, expected) in [
            (instant(8, None), instant(7, None), true),
            (instant(7, None), instant(8, None), false),
            (instant(8, Some(9)), instant(8, None), true),
            (instant(8, None), instant(8, Some(9)), false),
            (wall(8), Window::default(), true),
            (Window::default(), wall(8), false),
            (wall(8), instant(7, None), false),
            (instant(8, None), wall(7), false),
        ] {
            assert_eq!(within(&inner, &outer), expected, "{inner:?} {outer:?}");
            let seconds = Seconds::of(&inner);
            assert_eq!(Seconds::from_text(&seconds.to_text()), Some(seconds));
        }
        assert_eq!((Seconds::from_text("1 2 3"), Seconds::from_text("a b c d")), (None, None));
    }
}
