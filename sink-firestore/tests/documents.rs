//! The documents in the emulator after a write.

mod support;

use std::collections::BTreeMap;
use std::time::SystemTime;

use attendance_model::conformance::{sample, sample_with};
use attendance_model::{AttendanceEvent, IdScheme, Instant, Outcome, PunchState, Sink, VerifyMode};
use chrono::{DateTime, NaiveDate};
use sink_firestore::{FirestoreOptions, FirestoreSink, Layout, TimeReading};

use support::{documents, new_collection, options, sink, with_emulator};

/// A punch of the Python tool's vectors: `153` at 2025-03-24 07:26:55.
fn punch() -> AttendanceEvent {
    sample_with(|event| {
        event.user_id = "153".to_owned();
        event.local_time = NaiveDate::from_ymd_opt(2025, 3, 24).unwrap().and_hms_opt(7, 26, 55).unwrap();
        event.verify_mode = VerifyMode(15);
        event.punch_state = PunchState(1);
    })
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

#[test]
fn a_document_is_the_python_tool_s_to_the_letter() {
    with_emulator(|address| async move {
        let (collection, before) = (new_collection(), now());
        assert_eq!(sink(&address, &collection).write(&[punch()]).await.unwrap(), [Outcome::Stored]);
        let mut stored = documents(&address, &collection).await;
        let mut document = stored.remove("c91ba4e201d3ced99e49930da8bf5444").expect("the tool's document id");
        let uploaded = document.remove("uploadedAt").unwrap();
        let uploaded: f64 = uploaded.strip_prefix("timestamp ").unwrap().parse().unwrap();
        assert!((before - 1.0..=now() + 1.0).contains(&uploaded), "the server's time: {uploaded}");
        let expected = [
            ("staffId", "string 153"),
            ("timestamp", "timestamp 1742801215"), // 2025-03-24T07:26:55Z
            ("status", "integer 15"),
            ("workCode", "integer 1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(document, BTreeMap::from(expected));
        assert!(stored.is_empty());
    });
}

#[test]
fn a_document_that_is_there_keeps_its_first_upload_time() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let sink = sink(&address, &collection);
        sink.write(&[punch()]).await.unwrap();
        let first = documents(&address, &collection).await;
        assert_eq!(sink.write(&[punch()]).await.unwrap(), [Outcome::AlreadyStored]);
        assert_eq!(documents(&address, &collection).await, first);
        assert_eq!((sink.requests(), sink.reads()), (2, 0));
    });
}

#[test]
fn the_true_instant_is_stored_where_it_is_asked_for() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let options = options(&address, &collection).time(TimeReading::Instant).ids(IdScheme::Full);
        let sink = FirestoreSink::open(options);
        let utc = DateTime::from_timestamp(1_742_783_215, 0).unwrap();
        let mut zoned = sample(2).remove(1);
        zoned.instant = Some(Instant { utc, zone: "Indian/Maldives".parse().unwrap() });
        let outcomes = sink.write(&[punch(), zoned.clone()]).await.unwrap();
        assert!(
            matches!(&outcomes[0], Outcome::Rejected { reason } if reason.contains("set its zone")),
            "{outcomes:?}"
        );
        assert_eq!(outcomes[1], Outcome::Stored);
        let stored = documents(&address, &collection).await;
        assert_eq!(stored[&zoned.id.to_string()]["timestamp"], "timestamp 1742783215");
        assert_eq!(stored.len(), 1);
    });
}

#[test]
fn a_batch_beyond_the_service_s_limit_goes_out_in_requests_of_500() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let sink = sink(&address, &collection);
        assert_eq!(sink.write(&sample(1201)).await.unwrap(), vec![Outcome::Stored; 1201]);
        assert_eq!(documents(&address, &collection).await.len(), 1201);
        assert_eq!((sink.requests(), sink.reads()), (3, 0));
    });
}

#[test]
fn one_event_that_the_service_refuses_is_rejected_alone() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let sink = sink(&address, &collection);
        let mut batch = sample(40);
        batch[17].user_id = "7".repeat(1 << 20);
        let outcomes = sink.write(&batch).await.unwrap();
        for (place, outcome) in outcomes.iter().enumerate() {
            let rejected = matches!(outcome, Outcome::Rejected { reason } if !reason.is_empty());
            assert!(if place == 17 { rejected } else { *outcome == Outcome::Stored }, "{place}: {outcome:?}");
        }
        assert_eq!(documents(&address, &collection).await.len(), 39);
    });
}

#[test]
fn a_probe_leaves_nothing_and_reads_nothing() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let sink = sink(&address, &collection);
        sink.probe().await.unwrap();
        assert!(documents(&address, &collection).await.is_empty());
        assert_eq!((sink.requests(), sink.reads()), (1, 0));
    });
}

#[test]
fn a_subcollection_and_a_named_database_are_written_to() {
    with_emulator(|address| async move {
        let collection = format!("schools/north/{}", new_collection());
        let options = FirestoreOptions::new("test", support::PROJECT, &collection).unwrap();
        let sink = FirestoreSink::open(options.emulator(&address).unwrap().database("second").unwrap());
        assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
        let id = sink.capabilities().ids.id_of(&sample(2)[1]);
        assert_eq!(sink.lookup(&[id]).await.unwrap(), [true]);
        assert_eq!(sink.reads(), 1, "a lookup is billed by the id");
    });
}

#[test]
fn the_full_layout_keeps_the_five_fields_as_they_are_and_the_key_beside_an_id_of_the_python_tool() {
    with_emulator(|address| async move {
        let [compatible, full] = [new_collection(), new_collection()];
        assert_eq!(sink(&address, &compatible).write(&[punch()]).await.unwrap(), [Outcome::Stored]);
        let sink = FirestoreSink::open(options(&address, &full).layout(Layout::Full));
        assert_eq!(sink.write(&[punch()]).await.unwrap(), [Outcome::Stored]);
        let mut five = documents(&address, &compatible).await.remove("c91ba4e201d3ced99e49930da8bf5444").unwrap();
        let mut all = documents(&address, &full).await.remove("c91ba4e201d3ced99e49930da8bf5444").unwrap();
        assert_eq!(all["_src.event_id"], format!("string {}", punch().id));
        all.retain(|name, _| !name.starts_with("_src."));
        assert!(all.remove("uploadedAt").is_some() && five.remove("uploadedAt").is_some());
        assert_eq!(all, five);
    });
}

#[test]
fn a_document_of_the_compatible_layout_gets_no_map_later() {
    with_emulator(|address| async move {
        let collection = new_collection();
        sink(&address, &collection).write(&[punch()]).await.unwrap();
        let before = documents(&address, &collection).await;
        let full = FirestoreSink::open(options(&address, &collection).layout(Layout::Full));
        assert_eq!(full.write(&[punch()]).await.unwrap(), [Outcome::AlreadyStored]);
        assert_eq!(documents(&address, &collection).await, before);
    });
}
