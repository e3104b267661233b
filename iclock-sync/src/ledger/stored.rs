//! Conversion of stored values: times and words.

use attendance_model::{LocalTime, Reason, Source};
use chrono::{DateTime, NaiveDateTime, Utc};
use rusqlite::Row;

/// A wall clock as it is stored: seconds since 1970 as if it were UTC.
pub(super) fn seconds(time: NaiveDateTime) -> i64 {
    time.and_utc().timestamp()
}

/// The wall clock of stored seconds.
pub(super) fn wall_clock(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().naive_utc()
}

/// The source of a word.
pub(super) fn source_of(word: &str) -> Source {
    match word {
        "live" => Source::Live,
        "push" => Source::Push,
        _ => Source::Pull,
    }
}

/// A terminal's time of its text, which may be one that no calendar has.
pub(super) fn local_time(text: String) -> LocalTime {
    match NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S") {
        Ok(time) => LocalTime::Real(time),
        Err(_) => LocalTime::Impossible(text),
    }
}

/// The reason in a column.
pub(super) fn reason(row: &Row<'_>, column: usize) -> rusqlite::Result<Reason> {
    // A word of a later version is still a record that could not be used.
    Ok(Reason::from_word(row.get_ref(column)?.as_str()?).unwrap_or(Reason::Undecodable))
}

/// The moment of stored seconds.
pub(super) fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}
