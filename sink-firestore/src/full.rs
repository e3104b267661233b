//! What the full layout adds to the Python tool's five fields: one map, which holds the rest of an event.

use std::collections::HashMap;

use attendance_model::AttendanceEvent;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{ArrayValue, MapValue, Value};

use crate::mapping::timestamp;

/// The field that the map stands in. No document of the Python tool has it.
pub(crate) const FIELD: &str = "_src";

/// What stands in the map of every document, and so tells a document of ours.
pub(crate) const EVENT_ID: &str = "event_id";

/// The map of an event. Names are those of the table `attendance_events`; what is not known is left out.
/// `Err` says why no document can be made of it.
pub(crate) fn map_of(event: &AttendanceEvent) -> Result<ValueType, String> {
    let text = |text: &str| ValueType::StringValue(text.to_owned());
    let utc = event.instant.map(|instant| timestamp(instant.utc)).transpose()?;
    let flags = event.flags.iter().map(|flag| value(text(flag.as_str()))).collect();
    let known = [
        (EVENT_ID, text(&event.id.to_string())),
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
