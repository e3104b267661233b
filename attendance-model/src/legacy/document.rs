//! The shapes of one punch: the Firestore document, which is also the row of the logs file and of the normalized
//! export, and the row of the simplified export.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Serialize, Serializer};

use crate::{AttendanceEvent, EventId, IdScheme, LocalTime, RawPunch};

/// The Firestore collection.
pub const COLLECTION: &str = "staffAttendanceLogs";

/// The names of the Firestore document's fields.
pub mod field {
    /// String: the user id as read.
    pub const STAFF_ID: &str = "staffId";
    /// Timestamp: the terminal's wall clock as if it were UTC.
    pub const TIMESTAMP: &str = "timestamp";
    /// Integer: the verify mode.
    pub const STATUS: &str = "status";
    /// Integer: the punch state.
    pub const WORK_CODE: &str = "workCode";
    /// Timestamp: set by the server.
    pub const UPLOADED_AT: &str = "uploadedAt";
}

/// An event as the Python tool's document. Serialized it is a row of `logs_<time>.json` and of the normalized export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LegacyDocument {
    /// The document id, [`IdScheme::IclockSyncV1`].
    pub doc_id: EventId,
    /// The user id as read.
    #[serde(rename = "staffId")]
    pub staff_id: String,
    /// The terminal's wall clock.
    #[serde(serialize_with = "with_a_space")]
    pub timestamp: NaiveDateTime,
    /// The verify mode.
    pub status: u8,
    /// The punch state.
    #[serde(rename = "workCode")]
    pub work_code: u8,
}

impl LegacyDocument {
    /// The wall clock as the document holds it: taken for UTC, which SchoolSync shows with UTC getters.
    #[must_use]
    pub fn timestamp_as_utc(&self) -> DateTime<Utc> {
        self.timestamp.and_utc()
    }
}

impl From<&AttendanceEvent> for LegacyDocument {
    fn from(event: &AttendanceEvent) -> Self {
        Self {
            doc_id: IdScheme::IclockSyncV1.id_of(event),
            staff_id: event.user_id.clone(),
            timestamp: event.local_time,
            status: event.verify_mode.0,
            work_code: event.punch_state.0,
        }
    }
}

/// A row of the simplified export, which holds rejected records too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimpleLog {
    /// The user id as read.
    pub user_id: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// `HH:MM:SS`.
    pub time: String,
    /// The punch state.
    pub punch_status: u8,
    /// The verify mode.
    pub log_status: u8,
}

impl SimpleLog {
    /// The row of a record, rejected or not; `None` if the calendar does not have its date.
    #[must_use]
    pub fn from_punch(punch: &RawPunch) -> Option<Self> {
        let LocalTime::Real(time) = punch.local_time else { return None };
        Some(Self::new(&punch.user_id, time, punch.punch_state.0, punch.verify_mode.0))
    }

    fn new(user_id: &str, time: NaiveDateTime, punch_status: u8, log_status: u8) -> Self {
        Self {
            user_id: user_id.to_owned(),
            date: time.format("%Y-%m-%d").to_string(),
            time: time.format("%H:%M:%S").to_string(),
            punch_status,
            log_status,
        }
    }
}

impl From<&AttendanceEvent> for SimpleLog {
    fn from(event: &AttendanceEvent) -> Self {
        Self::new(&event.user_id, event.local_time, event.punch_state.0, event.verify_mode.0)
    }
}

/// Python's `str(datetime)`.
fn with_a_space<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.format("%Y-%m-%d %H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample_punch;
    use crate::{Context, PunchState, Rules, VerifyMode, normalize};

    fn event() -> AttendanceEvent {
        let rules = Rules::default();
        let punch = RawPunch {
            user_id: "42".to_owned(),
            verify_mode: VerifyMode(15),
            punch_state: PunchState(1),
            ..sample_punch(0)
        };
        let host_now = punch.local_time.real().unwrap();
        normalize(punch, &Context { zone: Some(chrono_tz::Indian::Maldives), rules: &rules, host_now }).unwrap()
    }

    #[test]
    fn a_document_holds_verify_mode_as_status_and_punch_state_as_work_code() {
        let document = LegacyDocument::from(&event());
        assert_eq!((document.status, document.work_code), (15, 1));
        assert_eq!(document.doc_id.to_string(), "5b38900525c147224275a3515cb92588");
    }

    #[test]
    fn the_timestamp_is_the_wall_clock_taken_for_utc_whatever_the_zone() {
        // 1756740352 is the `seconds` of a document in the tool's own bug report: python-tool, at 2025-09-01 15:25:52.
        let time = NaiveDateTime::parse_from_str("2025-09-01 15:25:52", "%Y-%m-%d %H:%M:%S").unwrap();
        let document = LegacyDocument { timestamp: time, ..LegacyDocument::from(&event()) };
        assert_eq!(document.timestamp_as_utc().timestamp(), 1_756_740_352);
    }

    #[test]
    fn the_simplified_row_is_made_of_rejected_records_too() {
        let punch = RawPunch { user_id: "A12".to_owned(), ..sample_punch(0) };
        let row = SimpleLog::from_punch(&punch).unwrap();
        assert_eq!((row.user_id.as_str(), row.date.as_str(), row.time.as_str()), ("A12", "2025-05-18", "07:01:09"));
        let impossible = RawPunch { local_time: LocalTime::Impossible("2025-02-30 07:00:00".to_owned()), ..punch };
        assert_eq!(SimpleLog::from_punch(&impossible), None);
    }
}
