//! The judgement of a document: garbage, or not.

use std::collections::HashMap;
use std::fmt;

use attendance_model::legacy::field;
use chrono::{DateTime, TimeDelta, Utc};
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{Document, Value};
use gcloud_sdk::prost_types::Timestamp;

use crate::mapping::source;

/// By how much a wall clock taken for UTC may be ahead of the time of its upload: zones reach to 14 hours.
const ALLOWED: TimeDelta = TimeDelta::days(1);

/// The mark by which a document is garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// `staffId` is the empty text.
    EmptyStaffId,
    /// `timestamp` is more than a day after `uploadedAt`.
    LaterThanUpload,
}

/// A document that is garbage, as it was when it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    /// The full name, for the deletion.
    pub(super) name: String,
    /// For the deletion: of this version of the document and no other.
    pub(super) update_time: Timestamp,
    reason: Reason,
    staff_id: String,
    timestamp: Option<DateTime<Utc>>,
    status: Option<i64>,
    work_code: Option<i64>,
    uploaded_at: Option<DateTime<Utc>>,
}

/// The judgement of a document.
#[derive(Debug, PartialEq)]
pub(super) enum Judgement {
    /// A punch.
    Sound,
    /// This project's own, of the full layout.
    Ours,
    /// Not of the tool's shape: a field is missing or of another type. Nobody knows what it is.
    Odd,
    /// A document that the tool should not have stored.
    Garbage(Find),
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::EmptyStaffId, Self::LaterThanUpload];

    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyStaffId => "empty_staff_id",
            Self::LaterThanUpload => "later_than_upload",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Find {
    /// The document's id.
    #[must_use]
    pub fn id(&self) -> &str {
        id_of(&self.name)
    }

    /// The mark by which it is garbage. An empty id comes before a late time.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Its `staffId`.
    #[must_use]
    pub fn staff_id(&self) -> &str {
        &self.staff_id
    }

    /// Its `timestamp`.
    #[must_use]
    pub fn timestamp(&self) -> Option<DateTime<Utc>> {
        self.timestamp
    }

    /// Its `status`, the verify mode.
    #[must_use]
    pub fn status(&self) -> Option<i64> {
        self.status
    }

    /// Its `workCode`, the punch state.
    #[must_use]
    pub fn work_code(&self) -> Option<i64> {
        self.work_code
    }

    /// Its `uploadedAt`.
    #[must_use]
    pub fn uploaded_at(&self) -> Option<DateTime<Utc>> {
        self.uploaded_at
    }
}

/// Judges a document by the fields of [`super::query`]'s mask.
pub(super) fn judge(document: Document) -> Judgement {
    let Document { name, fields, update_time, .. } = document;
    if let Some(ValueType::MapValue(map)) = held(&fields, source::FIELD)
        && map.fields.contains_key(source::EVENT_ID)
    {
        return Judgement::Ours;
    }
    let moment = |name| match held(&fields, name) {
        Some(ValueType::TimestampValue(moment)) => {
            DateTime::from_timestamp(moment.seconds, moment.nanos.try_into().ok()?)
        }
        _ => None,
    };
    let number = |name| match held(&fields, name) {
        Some(&ValueType::IntegerValue(number)) => Some(number),
        _ => None,
    };
    let (timestamp, uploaded_at) = (moment(field::TIMESTAMP), moment(field::UPLOADED_AT));
    let (Some(ValueType::StringValue(staff_id)), Some(update_time)) = (held(&fields, field::STAFF_ID), update_time)
    else {
        return Judgement::Odd;
    };
    let reason = match (staff_id.as_str(), timestamp, uploaded_at) {
        ("", _, _) => Reason::EmptyStaffId,
        (_, Some(timestamp), Some(uploaded_at)) if timestamp - uploaded_at > ALLOWED => Reason::LaterThanUpload,
        (_, Some(_), Some(_)) => return Judgement::Sound,
        _ => return Judgement::Odd,
    };
    let (status, work_code) = (number(field::STATUS), number(field::WORK_CODE));
    let staff_id = staff_id.clone();
    Judgement::Garbage(Find { name, update_time, reason, staff_id, timestamp, status, work_code, uploaded_at })
}

/// The last part of a document's name.
pub(super) fn id_of(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, id)| id)
}

fn held<'a>(fields: &'a HashMap<String, Value>, name: &str) -> Option<&'a ValueType> {
    fields.get(name)?.value_type.as_ref()
}

#[cfg(test)]
mod tests {
    use gcloud_sdk::google::firestore::v1::MapValue;

    use super::*;

    const HOUR: i64 = 3600;

    fn moment(seconds: i64) -> ValueType {
        ValueType::TimestampValue(Timestamp { seconds, nanos: 0 })
    }

    fn text(text: &str) -> ValueType {
        ValueType::StringValue(text.to_owned())
    }

    fn document(fields: impl IntoIterator<Item = (&'static str, ValueType)>) -> Document {
        let value = |held| Value { value_type: Some(held) };
        Document {
            name: "projects/p/databases/(default)/documents/logs/abc".to_owned(),
            fields: fields.into_iter().map(|(name, held)| (name.to_owned(), value(held))).collect(),
            update_time: Some(Timestamp { seconds: 5, nanos: 6 }),
            ..Document::default()
        }
    }

    /// A document whose time is so many seconds after its upload.
    fn ahead(seconds: i64) -> Document {
        document([
            ("staffId", text("42")),
            ("timestamp", moment(1_756_740_352)),
            ("uploadedAt", moment(1_756_740_352 - seconds)),
        ])
    }

    fn reason(document: Document) -> Option<Reason> {
        match judge(document) {
            Judgement::Garbage(find) => Some(find.reason()),
            _ => None,
        }
    }

    #[test]
    fn a_time_is_garbage_from_a_second_past_a_day_after_the_upload() {
        assert_eq!(judge(ahead(24 * HOUR)), Judgement::Sound);
        assert_eq!(reason(ahead(24 * HOUR + 1)), Some(Reason::LaterThanUpload));
    }

    #[test]
    fn what_a_zone_moves_is_no_garbage() {
        for hours in -14..=14 {
            assert_eq!(judge(ahead(hours * HOUR)), Judgement::Sound, "{hours} h");
        }
    }

    #[test]
    fn an_old_log_that_was_uploaded_late_is_no_garbage() {
        assert_eq!(judge(ahead(-10 * 365 * 24 * HOUR)), Judgement::Sound);
    }

    #[test]
    fn an_empty_staff_id_is_garbage_whatever_else_is_there() {
        let bare = document([("staffId", text(""))]);
        assert_eq!(reason(bare), Some(Reason::EmptyStaffId));
        let late = document([("staffId", text("")), ("timestamp", moment(1_000_000)), ("uploadedAt", moment(0))]);
        assert_eq!(reason(late), Some(Reason::EmptyStaffId));
    }

    #[test]
    fn a_document_of_another_shape_is_odd() {
        for odd in [
            document([]),
            document([("staffId", ValueType::IntegerValue(42)), ("timestamp", moment(0)), ("uploadedAt", moment(0))]),
            document([("staffId", text("42")), ("timestamp", text("2025")), ("uploadedAt", moment(0))]),
            document([("staffId", text("42")), ("timestamp", moment(1_000_000_000))]),
        ] {
            assert_eq!(judge(odd.clone()), Judgement::Odd, "{odd:?}");
        }
    }

    #[test]
    fn a_document_of_the_full_layout_is_ours_whatever_its_time() {
        let fields = HashMap::from([("event_id".to_owned(), Value { value_type: Some(text("a4")) })]);
        let mut late = ahead(48 * HOUR);
        late.fields.insert("_src".to_owned(), Value { value_type: Some(ValueType::MapValue(MapValue { fields })) });
        assert_eq!(judge(late), Judgement::Ours);
    }

    #[test]
    fn a_find_shows_the_document() {
        let Judgement::Garbage(find) = judge(document([
            ("staffId", text("")),
            ("timestamp", moment(1_756_740_352)),
            ("status", ValueType::IntegerValue(0)),
            ("workCode", ValueType::IntegerValue(49)),
        ])) else {
            panic!("garbage");
        };
        assert_eq!((find.id(), find.staff_id(), find.reason().to_string().as_str()), ("abc", "", "empty_staff_id"));
        assert_eq!(find.timestamp().unwrap().to_rfc3339(), "2025-09-01T15:25:52+00:00");
        assert_eq!((find.status(), find.work_code(), find.uploaded_at()), (Some(0), Some(49), None));
    }
}
