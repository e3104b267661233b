//! The columns of the events' table, and their values for an event.

use std::fmt::Write as _;

use attendance_model::{AttendanceEvent, EventId, IdScheme};
use chrono::{Datelike, NaiveDateTime, Timelike};

/// The columns that we fill, in the order in which rows are bound. `stored_at` is the database's own.
pub(crate) const COLUMNS: [&str; 14] = [
    "event_id",
    "device_serial",
    "device_name",
    "user_id",
    "local_time",
    "utc_time",
    "zone",
    "verify_mode",
    "punch_state",
    "work_code",
    "source",
    "flags",
    "clock_drift_ms",
    "raw",
];

/// An event that the table can hold.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: EventId,
    pub(crate) event: AttendanceEvent,
    /// The reasons, comma-separated.
    pub(crate) flags: String,
}

/// The most that a database's columns hold. Text in characters, `raw` in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) device_serial: usize,
    pub(crate) device_name: usize,
    pub(crate) user_id: usize,
    pub(crate) flags: usize,
    pub(crate) raw: usize,
}

impl Limits {
    /// Columns without a length.
    pub(crate) const NONE: Self = Self {
        device_serial: usize::MAX,
        device_name: usize::MAX,
        user_id: usize::MAX,
        flags: usize::MAX,
        raw: usize::MAX,
    };
}

impl Row {
    /// The row of an event, or why the table cannot hold it.
    pub(crate) fn of(event: &AttendanceEvent, ids: IdScheme, limits: &Limits) -> Result<Self, String> {
        let flags = event.flags_text();
        fits_text("device_serial", &event.device_serial, limits.device_serial)?;
        fits_text("device_name", &event.device_name, limits.device_name)?;
        fits_text("user_id", &event.user_id, limits.user_id)?;
        fits_text("flags", &flags, limits.flags)?;
        if event.raw.len() > limits.raw {
            return Err(format!("raw has {} bytes, the column holds {}", event.raw.len(), limits.raw));
        }
        // MySQL's datetime begins at 1000, and four digits of year are what every layout agrees on.
        for year in
            [Some(event.local_time.year()), event.instant.map(|instant| instant.utc.year())].into_iter().flatten()
        {
            if !(1000..=9999).contains(&year) {
                return Err(format!("year {year} is outside 1000 to 9999"));
            }
        }
        Ok(Self { id: ids.id_of(event), event: event.clone(), flags })
    }
}

fn fits_text(column: &str, text: &str, limit: usize) -> Result<(), String> {
    // PostgreSQL's text has no NUL, and SQLite's own functions stop at one.
    if text.contains('\0') {
        return Err(format!("{column} has a NUL character"));
    }
    // A character has at least one byte: most texts need no counting.
    if text.len() > limit {
        let length = text.chars().count();
        if length > limit {
            return Err(format!("{column} has {length} characters, the column holds {limit}"));
        }
    }
    Ok(())
}

/// `YYYY-MM-DD HH:MM:SS`, as SQLite's `local_time` has it.
pub(crate) fn wall_clock_text(time: NaiveDateTime) -> String {
    time_text(time, ' ', "")
}

/// `YYYY-MM-DDTHH:MM:SSZ`, as SQLite's `utc_time` has it.
pub(crate) fn utc_text(time: NaiveDateTime) -> String {
    time_text(time, 'T', "Z")
}

/// Several times faster than chrono's own formatting, which parses its pattern for every row.
fn time_text(time: NaiveDateTime, separator: char, suffix: &str) -> String {
    let mut text = String::with_capacity(20);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    // Writing into a String cannot fail.
    let _ = write!(text, "{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{suffix}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_documented_text() {
        let time = chrono::NaiveDate::from_ymd_opt(2025, 5, 8).unwrap().and_hms_opt(7, 1, 9).unwrap();
        assert_eq!(wall_clock_text(time), "2025-05-08 07:01:09");
        assert_eq!(utc_text(time), "2025-05-08T07:01:09Z");
    }

    #[test]
    fn a_limit_counts_characters_not_bytes() {
        assert_eq!(fits_text("user_id", &"é".repeat(64), 64), Ok(()));
        let problem = fits_text("user_id", &"é".repeat(65), 64).unwrap_err();
        assert_eq!(problem, "user_id has 65 characters, the column holds 64");
    }
}
