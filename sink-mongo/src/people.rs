//! People by name, in a collection next to the events: a document each, with the newest name.

use std::time::Duration;

use attendance_model::{NamedPerson, SinkError};
use mongodb::Database;
use mongodb::bson::{Bson, DateTime, Document, doc};

use crate::error::{from_code, from_driver, unconfirmed};

/// A document of this key is there. In an answer to our update, it has a name that is as new or newer.
const DUPLICATE_KEY: i32 = 11000;

/// Stores people, each unless a newer name is there.
///
/// # Errors
/// [`SinkError`] if the server refuses one of them, or no majority confirms them.
pub(crate) async fn put(
    database: &Database,
    collection: &str,
    people: &[NamedPerson],
    timeout: Duration,
    target: &str,
) -> Result<(), SinkError> {
    let mut updates: Vec<Document> = people.iter().map(update).collect();
    // A second time for those whose document somebody else made meanwhile: its name may be older.
    for _ in 0..2 {
        if updates.is_empty() {
            break;
        }
        let answer = database
            .run_command(doc! {
                "update": collection,
                "updates": updates.clone(),
                "ordered": false,
                "writeConcern": { "w": "majority", "j": true, "wtimeout": millis(timeout * 3 / 4) },
            })
            .await
            .map_err(|error| from_driver("write people to", target, &error))?;
        let there = duplicates(&answer, target)?;
        updates = there.into_iter().filter_map(|at| updates.get(at).cloned()).collect();
    }
    Ok(())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn update(person: &NamedPerson) -> Document {
    let NamedPerson { device_serial, device_name, user_id, name, seen_at, .. } = person;
    let seen_at = DateTime::from_millis(seen_at.timestamp_millis());
    doc! {
        // If the name that is there is not older, no document matches, and the insert meets the one that is there.
        "q": { "_id": { "device_serial": device_serial, "user_id": user_id }, "seen_at": { "$lt": seen_at } },
        "u": { "$set": {
            "device_serial": device_serial,
            "device_name": device_name,
            "user_id": user_id,
            "name": name,
            "seen_at": seen_at,
        } },
        "upsert": true,
    }
}

/// The places of the updates that met a document.
fn duplicates(answer: &Document, target: &str) -> Result<Vec<usize>, SinkError> {
    let number = |document: &Document, key: &str| match document.get(key) {
        Some(Bson::Int32(number)) => Some(i64::from(*number)),
        Some(Bson::Int64(number)) => Some(*number),
        _ => None,
    };
    let code = |document: &Document| number(document, "code").and_then(|code| i32::try_from(code).ok()).unwrap_or(0);
    let message = |document: &Document| document.get_str("errmsg").unwrap_or_default().to_owned();
    let mut places = Vec::new();
    for error in answer.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document) {
        if code(error) != DUPLICATE_KEY {
            return Err(from_code("write people to", target, code(error), &message(error)));
        }
        places.extend(number(error, "index").and_then(|index| usize::try_from(index).ok()));
    }
    match answer.get_document("writeConcernError") {
        Ok(error) => Err(unconfirmed(target, code(error), &message(error))),
        Err(_) => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use attendance_model::SinkErrorKind;

    use super::*;

    #[test]
    fn a_document_that_is_there_is_no_failure_and_any_other_refusal_is() {
        let refusal = |code: i32| doc! { "index": 1, "code": code, "errmsg": "no" };
        let places = duplicates(&doc! { "ok": 1, "writeErrors": [refusal(11000)] }, "db");
        assert_eq!(places.unwrap(), [1]);
        assert_eq!(duplicates(&doc! { "ok": 1, "n": 2 }, "db").unwrap(), [0; 0]);
        let error = duplicates(&doc! { "writeErrors": [refusal(13)] }, "db").unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Rights, "{error:?}");
        let late = doc! { "writeConcernError": { "code": 64, "errmsg": "waiting" } };
        assert_eq!(duplicates(&late, "db").unwrap_err().kind, SinkErrorKind::Busy);
    }
}
