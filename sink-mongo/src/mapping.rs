//! An event as a document: the names of the SQL table, `_id` for the event's id.

use attendance_model::{AttendanceEvent, EventId};
use chrono::{DateTime, Utc};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc};

/// The document of an event. What an event does not have is null.
pub(crate) fn document(id: EventId, event: &AttendanceEvent, stored_at: DateTime<Utc>) -> Document {
    let date = |moment: DateTime<Utc>| Bson::DateTime(mongodb::bson::DateTime::from_millis(moment.timestamp_millis()));
    doc! {
        "_id": id.to_string(),
        "device_serial": &event.device_serial,
        "device_name": &event.device_name,
        "user_id": &event.user_id,
        "local_time": event.local_time.format("%Y-%m-%d %H:%M:%S").to_string(),
        "utc_time": event.instant.map(|instant| date(instant.utc)),
        "zone": event.instant.map(|instant| instant.zone.name()),
        "verify_mode": i32::from(event.verify_mode.0),
        "punch_state": i32::from(event.punch_state.0),
        "work_code": event.work_code.map(i64::from),
        "source": event.source.as_str(),
        "flags": event.flags_text(),
        "clock_drift_ms": event.clock_drift_ms,
        "raw": Binary { subtype: BinarySubtype::Generic, bytes: event.raw.clone() },
        "stored_at": date(stored_at),
    }
}
