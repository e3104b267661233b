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

/// Returns the condition that a row is inside a window; `None` if every row is.
pub(super) fn condition(window: &Window, columns: Columns) -> Option<String> {
    if window.is_all_time() {
        return None;
    }
    let (mut wall, mut instant) = ((i64::MIN, i64::MAX), (i64::MIN, i64::MAX));
    // Records have whole seconds: a window from half past seven seconds begins at the eighth.
    match window.since {
        Some(Bound::Wall(time)) => wall.0 = seconds(time) + i64::from(has_fraction(time)),
        Some(Bound::Instant(moment)) => instant.0 = moment.timestamp() + i64::from(has_fraction(moment.naive_utc())),
        None => {}
    }
    match window.until {
        Some(Bound::Wall(time)) => wall.1 = seconds(time),
        Some(Bound::Instant(moment)) => instant.1 = moment.timestamp(),
        None => {}
    }
    let by_wall = format!("{} BETWEEN {} AND {}", columns.time, wall.0, wall.1);
    // Only if it is needed: it costs a look at the poll.
    if instant == (i64::MIN, i64::MAX) {
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
    }
}
