//! An event as a flat row: the names and the text forms that backends share.

use std::borrow::Cow;

use serde::Serialize;

use crate::{AttendanceEvent, EventId, LocalTime};

/// An event with the names of the `attendance_events` table; times, flags and bytes as text.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlatEvent<'a> {
    /// The id under the sink's scheme.
    pub event_id: EventId,
    /// As in [`AttendanceEvent`].
    pub device_serial: &'a str,
    /// As in [`AttendanceEvent`].
    pub device_name: &'a str,
    /// As in [`AttendanceEvent`].
    pub user_id: &'a str,
    /// `YYYY-MM-DD HH:MM:SS`, the wall clock.
    pub local_time: String,
    /// `YYYY-MM-DDTHH:MM:SSZ`; `None` without a zone.
    pub utc_time: Option<String>,
    /// IANA name; `None` without a zone.
    pub zone: Option<&'static str>,
    /// The terminal's byte.
    pub verify_mode: u8,
    /// The terminal's byte.
    pub punch_state: u8,
    /// `None` if the layout has none.
    pub work_code: Option<u32>,
    /// `pull`, `live` or `push`.
    pub source: &'static str,
    /// The reasons, comma-separated; empty if there are none.
    pub flags: String,
    /// Milliseconds, if measured.
    pub clock_drift_ms: Option<i64>,
    /// Lower-case hex.
    pub raw: String,
}

impl<'a> FlatEvent<'a> {
    /// The row of an event, under the id that it has at the sink.
    #[must_use]
    pub fn new(id: EventId, event: &'a AttendanceEvent) -> Self {
        Self {
            event_id: id,
            device_serial: &event.device_serial,
            device_name: &event.device_name,
            user_id: &event.user_id,
            local_time: LocalTime::Real(event.local_time).to_string(),
            utc_time: event.instant.map(|instant| instant.utc.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
            zone: event.instant.map(|instant| instant.zone.name()),
            verify_mode: event.verify_mode.0,
            punch_state: event.punch_state.0,
            work_code: event.work_code,
            source: event.source.as_str(),
            flags: event.flags_text(),
            clock_drift_ms: event.clock_drift_ms,
            raw: hex::encode(&event.raw),
        }
    }
}

/// The text of a cell of CSV. One that a spreadsheet would take for a formula gets an apostrophe in front: a name or a
/// user id is typed in at a terminal, by anybody.
#[must_use]
pub fn defused(text: &str) -> Cow<'_, str> {
    let first = text.trim_start().chars().next();
    let is_formula = first.is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'));
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample_punch;
    use crate::{Context, PunchState, RawPunch, Rules, normalize};

    #[test]
    fn the_names_and_forms_are_those_of_the_table() {
        let rules = Rules::default();
        let punch =
            RawPunch { work_code: Some(7), punch_state: PunchState(48), raw: vec![0, 0xab], ..sample_punch(41) };
        let host_now = chrono::NaiveDate::from_ymd_opt(2025, 6, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let context = Context { zone: Some(chrono_tz::Indian::Maldives), rules: &rules, host_now };
        let event = normalize(punch, &context).unwrap();
        assert_eq!(
            serde_json::to_value(FlatEvent::new(event.id, &event)).unwrap(),
            serde_json::json!({
                "event_id": event.id.to_string(),
                "device_serial": "OID7040067012100054",
                "device_name": "front-gate",
                "user_id": "42",
                "local_time": "2025-05-18 07:42:09",
                "utc_time": "2025-05-18T02:42:09Z",
                "zone": "Indian/Maldives",
                "verify_mode": 1,
                "punch_state": 48,
                "work_code": 7,
                "source": "pull",
                "flags": "unknown_state",
                "clock_drift_ms": -1500,
                "raw": "00ab",
            })
        );
    }

    #[test]
    fn a_text_that_a_spreadsheet_would_run_is_defused() {
        for formula in ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"] {
            assert_eq!(defused(formula), format!("'{formula}"));
        }
        for text in ["1042", "O'Brien", "a=b", "", "王"] {
            assert_eq!(defused(text), text);
        }
    }
}
