//! An event as a document: the five fields of the Python tool, by their names and types, and with the full layout a
//! map.

use std::collections::HashMap;

use attendance_model::legacy::{LegacyDocument, field};
use attendance_model::{AttendanceEvent, EventId, IdScheme, NamedPerson};
use chrono::{DateTime, Datelike, Utc};
use gcloud_sdk::google::firestore::v1::document_transform::FieldTransform;
use gcloud_sdk::google::firestore::v1::document_transform::field_transform::{ServerValue, TransformType};
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{ArrayValue, Document, DocumentMask, MapValue, Precondition, Value, Write};
use gcloud_sdk::prost_types::Timestamp;

use crate::{Layout, TimeReading};

/// The names of the full layout's map that others need.
pub(crate) mod source {
    /// The field that holds the map. No document of the Python tool has it.
    pub(crate) const FIELD: &str = "_src";

    /// The entry that every such map has. It marks a document of ours.
    pub(crate) const EVENT_ID: &str = "event_id";
}

/// Makes the documents of one collection.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// `projects/P/databases/D/documents/COLLECTION`
    pub(crate) parent: String,
    pub(crate) ids: IdScheme,
    pub(crate) time: TimeReading,
    pub(crate) layout: Layout,
}

impl Mapping {
    /// The full name of the document with this id.
    pub(crate) fn document_name(&self, id: EventId) -> String {
        format!("{}/{id}", self.parent)
    }

    /// The write that creates an event's document if there is none with its id.
    /// `Err` says why no document can be made of it.
    pub(crate) fn create(&self, event: &AttendanceEvent) -> Result<Write, String> {
        let legacy = LegacyDocument::from(event);
        let timestamp = self.timestamp(event, &legacy)?;
        let fields = [
            (field::STAFF_ID, ValueType::StringValue(legacy.staff_id)),
            (field::TIMESTAMP, ValueType::TimestampValue(timestamp)),
            (field::STATUS, ValueType::IntegerValue(legacy.status.into())),
            (field::WORK_CODE, ValueType::IntegerValue(legacy.work_code.into())),
        ];
        let map = match self.layout {
            Layout::Compatible => None,
            Layout::Full => Some((source::FIELD, map_of(event)?)),
        };
        let document = Document {
            name: self.document_name(self.ids.id_of(event)),
            fields: fields
                .into_iter()
                .chain(map)
                .map(|(name, value)| (name.to_owned(), Value { value_type: Some(value) }))
                .collect(),
            ..Document::default()
        };
        Ok(Write {
            update_transforms: vec![FieldTransform {
                field_path: field::UPLOADED_AT.to_owned(),
                transform_type: Some(TransformType::SetToServerValue(ServerValue::RequestTime.into())),
            }],
            current_document: existing(false),
            operation: Some(Operation::Update(document)),
            ..Write::default()
        })
    }

    /// The write that puts a person's document, whether there is one or not. No read is needed, so the last write
    /// stays. `Err` says why no document can be made of it.
    pub(crate) fn person(&self, person: &NamedPerson) -> Result<Write, String> {
        let (above, collection) = self.parent.rsplit_once('/').unwrap_or(("", &self.parent));
        let text = |text: &str| ValueType::StringValue(text.to_owned());
        let fields = [
            (field::STAFF_ID, text(&person.user_id)),
            ("name", text(&person.name)),
            ("deviceSerial", text(&person.device_serial)),
            ("deviceName", text(&person.device_name)),
            ("seenAt", ValueType::TimestampValue(timestamp(person.seen_at)?)),
        ];
        let document = Document {
            name: format!("{above}/{}/{}", NamedPerson::table_of(collection), person.key_digest()),
            fields: fields.into_iter().map(|(name, held)| (name.to_owned(), value(held))).collect(),
            ..Document::default()
        };
        Ok(Write { operation: Some(Operation::Update(document)), ..Write::default() })
    }

    /// A write that changes nothing: of no field, to a document that does not exist. It fails as "not found" if writes
    /// are allowed, and with another status if they are not.
    pub(crate) fn probe(&self) -> Write {
        Write {
            update_mask: Some(DocumentMask::default()),
            current_document: existing(true),
            operation: Some(Operation::Update(Document {
                name: format!("{}/iclock-sync-probe", self.parent),
                fields: HashMap::new(),
                ..Document::default()
            })),
            ..Write::default()
        }
    }

    fn timestamp(&self, event: &AttendanceEvent, legacy: &LegacyDocument) -> Result<Timestamp, String> {
        let moment = match (self.time, event.instant) {
            (TimeReading::WallClockAsUtc, _) => legacy.timestamp_as_utc(),
            (TimeReading::Instant, Some(instant)) => instant.utc,
            (TimeReading::Instant, None) => {
                return Err(format!(
                    "terminal {} has no zone, which `time = \"instant\"` needs: set its zone, then replay",
                    event.device_name
                ));
            }
        };
        timestamp(moment)
    }
}

/// A moment in whole seconds. `Err` says why Firestore cannot hold it.
fn timestamp(moment: DateTime<Utc>) -> Result<Timestamp, String> {
    if !(1..=9999).contains(&moment.year()) {
        return Err(format!("Firestore holds the years 1 to 9999, not {}", moment.year()));
    }
    Ok(Timestamp { seconds: moment.timestamp(), nanos: 0 })
}

/// The map that the full layout adds: the rest of an event. Its names are those of the table `attendance_events`;
/// unknown values are left out.
/// `Err` says why the event cannot be stored as a document.
fn map_of(event: &AttendanceEvent) -> Result<ValueType, String> {
    let text = |text: &str| ValueType::StringValue(text.to_owned());
    let utc = event.instant.map(|instant| timestamp(instant.utc)).transpose()?;
    let flags = event.flags.iter().map(|flag| value(text(flag.as_str()))).collect();
    let known = [
        (source::EVENT_ID, text(&event.id.to_string())),
        ("device_serial", text(&event.device_serial)),
        ("device_name", text(&event.device_name)),
        // Beside `timestamp`, which may be the instant, and an hour of autumn comes twice in the wall clock.
        ("local_time", text(&event.local_time.format("%Y-%m-%d %H:%M:%S").to_string())),
        ("source", text(event.source.as_str())),
        ("flags", ValueType::ArrayValue(ArrayValue { values: flags })),
        ("raw", ValueType::BytesValue(event.raw.clone())),
    ];
    let perhaps = [
        ("utc_time", utc.map(ValueType::TimestampValue)),
        ("zone", event.instant.map(|instant| text(instant.zone.name()))),
        ("work_code", event.work_code.map(|code| ValueType::IntegerValue(code.into()))),
        ("clock_drift_ms", event.clock_drift_ms.map(ValueType::IntegerValue)),
    ];
    let perhaps = perhaps.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let fields: HashMap<_, _> =
        known.into_iter().chain(perhaps).map(|(name, held)| (name.to_owned(), value(held))).collect();
    Ok(ValueType::MapValue(MapValue { fields }))
}

fn value(held: ValueType) -> Value {
    Value { value_type: Some(held) }
}

fn existing(exists: bool) -> Option<Precondition> {
    Some(Precondition { condition_type: Some(ConditionType::Exists(exists)) })
}

#[cfg(test)]
mod tests {
    use attendance_model::Instant;
    use attendance_model::conformance::sample_with;
    use chrono::NaiveDate;

    use super::*;

    fn event() -> AttendanceEvent {
        with(|_| ())
    }

    fn with(change: impl FnOnce(&mut AttendanceEvent)) -> AttendanceEvent {
        sample_with(|event| {
            event.local_time = NaiveDate::from_ymd_opt(2025, 9, 1).unwrap().and_hms_opt(15, 25, 52).unwrap();
            event.user_id = "0042".to_owned();
            change(event);
        })
    }

    fn mapping(time: TimeReading) -> Mapping {
        let parent = "projects/p/databases/(default)/documents/logs".to_owned();
        Mapping { parent, ids: IdScheme::Full, time, layout: Layout::Compatible }
    }

    #[test]
    fn the_wall_clock_is_stored_as_if_it_were_utc() {
        // From the Python tool's bug report: its document has 2025-09-01 15:25:52 as these seconds.
        let event = event();
        let timestamp = mapping(TimeReading::WallClockAsUtc).timestamp(&event, &LegacyDocument::from(&event)).unwrap();
        assert_eq!(timestamp, Timestamp { seconds: 1_756_740_352, nanos: 0 });
    }

    #[test]
    fn the_instant_is_stored_where_it_is_asked_for() {
        let zone = "Indian/Maldives".parse().unwrap();
        let utc = DateTime::from_timestamp(1_756_722_352, 0).unwrap();
        let event = with(|event| event.instant = Some(Instant { utc, zone }));
        let timestamp = mapping(TimeReading::Instant).timestamp(&event, &LegacyDocument::from(&event)).unwrap();
        assert_eq!(timestamp.seconds, 1_756_722_352);
    }

    #[test]
    fn an_instant_that_is_not_known_is_refused_with_the_hint() {
        let event = with(|event| event.device_name = "front-gate".to_owned());
        let reason = mapping(TimeReading::Instant).create(&event).unwrap_err();
        assert!(reason.contains("front-gate") && reason.contains("set its zone"), "{reason}");
    }

    #[test]
    fn a_year_that_firestore_does_not_hold_is_refused() {
        let local_time = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let event = with(|event| event.local_time = local_time);
        assert!(mapping(TimeReading::WallClockAsUtc).create(&event).unwrap_err().contains("10000"));
    }

    #[test]
    fn an_instant_that_firestore_does_not_hold_is_refused_where_it_would_be_stored() {
        let local_time = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap().and_hms_opt(23, 0, 0).unwrap();
        let utc = local_time.and_utc() + chrono::TimeDelta::hours(10);
        let event = with(|event| {
            event.local_time = local_time;
            event.instant = Some(Instant { utc, zone: "Pacific/Honolulu".parse().unwrap() });
        });
        let compatible = mapping(TimeReading::WallClockAsUtc);
        assert!(compatible.create(&event).is_ok());
        let full = Mapping { layout: Layout::Full, ..compatible };
        assert!(full.create(&event).unwrap_err().contains("10000"));
    }
}
