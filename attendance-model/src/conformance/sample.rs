//! Events to write.

use std::ops::Range;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use crate::{AttendanceEvent, Context, PunchState, RawPunch, Rules, Source, VerifyMode, normalize};

/// Different, ordinary events: one terminal, punches a minute apart.
///
/// # Panics
/// Above some hundred million events, when the calendar ends.
#[must_use]
pub fn sample(count: usize) -> Vec<AttendanceEvent> {
    sample_range(0..count)
}

/// The events of these numbers in [`sample`]: a part of many, for tests that do not hold them all.
///
/// # Panics
/// As [`sample`].
#[must_use]
pub fn sample_range(numbers: Range<usize>) -> Vec<AttendanceEvent> {
    numbers.map(|number| event(sample_punch(number), None)).collect()
}

/// The first event of [`sample`], changed.
#[must_use]
pub fn sample_with(change: impl FnOnce(&mut AttendanceEvent)) -> AttendanceEvent {
    let mut event = event(sample_punch(0), None);
    change(&mut event);
    event
}

/// The punch of the event of this number in [`sample`].
///
/// # Panics
/// As [`sample`].
#[must_use]
pub fn sample_punch(number: usize) -> RawPunch {
    // Fails above the documented number of events alone.
    let minutes = i64::try_from(number).expect("a small number");
    RawPunch {
        device_serial: "OID7040067012100054".to_owned(),
        device_name: "front-gate".to_owned(),
        user_id: (number % 500 + 1).to_string(),
        uid: None,
        id_is_number: false,
        local_time: (at(2025, 5, 18, 7, 1, 9) + TimeDelta::minutes(minutes)).into(),
        verify_mode: VerifyMode(1),
        punch_state: PunchState(if number.is_multiple_of(2) { 0 } else { 1 }),
        work_code: None,
        source: Source::Pull,
        clock_drift_ms: Some(-1500),
        raw: number.to_le_bytes().to_vec(),
    }
}

/// The event of a punch that only flags can be held against.
pub(super) fn event(punch: RawPunch, zone: Option<chrono_tz::Tz>) -> AttendanceEvent {
    let rules = Rules::default();
    // The default rules quarantine no punch that the suite makes; panicking is its way to say otherwise.
    normalize(punch, &Context { zone, rules: &rules, host_now: at(2026, 1, 1, 0, 0, 0) }).expect("a valid punch")
}

pub(super) fn at(year: i32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> NaiveDateTime {
    // The suite names real times only.
    NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|date| date.and_hms_opt(hour, minute, second))
        .expect("a real time")
}
