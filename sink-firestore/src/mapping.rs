//! An event as a document: the five fields of the Python tool, by their names and types.

use std::collections::HashMap;

use attendance_model::{AttendanceEvent, EventId, IdScheme};
use chrono::{DateTime, Datelike, Utc};
use gcloud_sdk::google::firestore::v1::document_transform::FieldTransform;
use gcloud_sdk::google::firestore::v1::document_transform::field_transform::{ServerValue, TransformType};
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{Document, DocumentMask, Precondition, Value, Write};
use gcloud_sdk::prost_types::Timestamp;

use crate::TimeReading;

/// Makes the documents of one collection.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// `projects/P/databases/D/documents/COLLECTION`
    pub(crate) parent: String,
    pub(crate) ids: IdScheme,
    pub(crate) time: TimeReading,
}

impl Mapping {
    /// The full name of the document with this id.
    pub(crate) fn document_name(&self, id: EventId) -> String {
        format!("{}/{id}", self.parent)
    }

    /// The write that creates an event's document where there is none of its id.
    /// `Err` says why no document can be made of it.
    pub(crate) fn create(&self, event: &AttendanceEvent) -> Result<Write, String> {
        let fields = [
            ("staffId", ValueType::StringValue(event.user_id.clone())),
            ("timestamp", ValueType::TimestampValue(self.timestamp(event)?)),
            ("status", ValueType::IntegerValue(event.verify_mode.0.into())),
            ("workCode", ValueType::IntegerValue(event.punch_state.0.into())),
        ];
        let document = Document {
            name: self.document_name(self.ids.id_of(event)),
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Value { value_type: Some(value) }))
                .collect(),
            ..Document::default()
        };
        Ok(Write {
            update_transforms: vec![FieldTransform {
                field_path: "uploadedAt".to_owned(),
                transform_type: Some(TransformType::SetToServerValue(ServerValue::RequestTime.into())),
            }],
            current_document: existing(false),
            operation: Some(Operation::Update(document)),
            ..Write::default()
        })
    }

    /// A write that changes nothing: of no field, to a document that is not there. It fails as "not found" where a write
    /// would be let through, and as anything else does where it would not.
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

    fn timestamp(&self, event: &AttendanceEvent) -> Result<Timestamp, String> {
        let moment: DateTime<Utc> = match (self.time, event.instant) {
            (TimeReading::WallClockAsUtc, _) => event.local_time.and_utc(),
            (TimeReading::Instant, Some(instant)) => instant.utc,
            (TimeReading::Instant, None) => {
                return Err(format!(
                    "terminal {} has no zone, which `time = \"instant\"` needs: set its zone, then replay",
                    event.device_name
                ));
            }
        };
        if !(1..=9999).contains(&moment.year()) {
            return Err(format!("Firestore holds the years 1 to 9999, not {}", moment.year()));
        }
        Ok(Timestamp { seconds: moment.timestamp(), nanos: 0 })
    }
}

fn existing(exists: bool) -> Option<Precondition> {
    Some(Precondition { condition_type: Some(ConditionType::Exists(exists)) })
}
