//! The garbage finder on a collection of the emulator: its finds and its deletions.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use attendance_model::conformance::{Fault, Proxy, sample_with};
use attendance_model::legacy::field;
use attendance_model::{AttendanceEvent, Sink};
use chrono::NaiveDateTime;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use sink_firestore::garbage::{Deletion, Find, GarbageFinder, Reason, Report, Scope};
use sink_firestore::{FirestoreSink, Layout};

use support::{Fields, documents, new_collection, options, put, sink, with_emulator};

/// From the Python tool's own bug report: 2025-09-01 15:25:52, as in its document.
const A_TIME: i64 = 1_756_740_352;
const DAY: i64 = 86_400;

/// A document of the Python tool.
fn document(staff_id: &str, timestamp: i64, uploaded_at: i64) -> Fields {
    vec![
        (field::STAFF_ID, ValueType::StringValue(staff_id.to_owned())),
        (field::TIMESTAMP, support::moment(timestamp)),
        (field::STATUS, ValueType::IntegerValue(1)),
        (field::WORK_CODE, ValueType::IntegerValue(0)),
        (field::UPLOADED_AT, support::moment(uploaded_at)),
    ]
}

fn finder(address: &str, collection: &str) -> GarbageFinder {
    GarbageFinder::open(options(address, collection))
}

/// Everything that a search finds.
async fn all(finder: &GarbageFinder, scope: Scope) -> (Vec<Find>, Report) {
    let (mut search, mut finds) = (finder.search(scope), Vec::new());
    while let Some(page) = search.next_page().await.unwrap() {
        assert!(page.len() <= 1000, "memory holds a page");
        finds.extend(page);
    }
    (finds, search.report().clone())
}

fn ids(finds: &[Find]) -> BTreeSet<String> {
    finds.iter().map(|find| find.id().to_owned()).collect()
}

#[test]
fn seven_hundred_of_three_thousand_are_found_shown_and_deleted_and_no_other() {
    with_emulator(|address| async move {
        let (collection, mut all_of_it, mut garbage) = (new_collection(), BTreeMap::new(), BTreeSet::new());
        for number in 0..3000_i64 {
            let id = format!("{number:032x}");
            let time = A_TIME + number;
            let fields = match number % 30 {
                3 | 7 | 11 | 23 => document("", time, time + 60),
                13 | 17 | 19 => document("42", time, time - DAY - 1),
                _ => document("42", time, time + 60),
            };
            if [3, 7, 11, 13, 17, 19, 23].contains(&(number % 30)) {
                garbage.insert(id.clone());
            }
            all_of_it.insert(id, fields);
        }
        assert_eq!(garbage.len(), 700);
        put(&address, &collection, all_of_it).await;
        let before = documents(&address, &collection).await;

        let finder = finder(&address, &collection);
        let cost = finder.cost(Scope::All).await.unwrap();
        assert_eq!((cost.documents, cost.reads, finder.reads()), (3000, 3001, 3));
        let (finds, report) = all(&finder, Scope::All).await;
        assert_eq!(finder.reads(), 3 + cost.reads, "what was said beforehand");
        assert_eq!(ids(&finds), garbage);
        assert_eq!((report.documents, report.total(), report.odd), (3000, 700, 0));
        let counts = [(Reason::EmptyStaffId, 400), (Reason::LaterThanUpload, 300)];
        assert_eq!(report.finds, BTreeMap::from(counts));
        assert!(report.examples.values().all(|examples| examples.len() == 10));
        assert_eq!(documents(&address, &collection).await, before, "a search changes nothing");

        assert_eq!(finder.delete(&finds).await.unwrap(), vec![Deletion::Deleted; 700]);
        let mut expected = before;
        expected.retain(|id, _| !garbage.contains(id));
        assert_eq!(documents(&address, &collection).await, expected, "the others are untouched");
        let (again, report) = all(&finder, Scope::All).await;
        assert_eq!((again.len(), report.documents), (0, 2300));
        assert_eq!(finder.delete(&finds).await.unwrap(), vec![Deletion::Changed; 700], "asked again, nothing happens");
    });
}

#[test]
fn the_documents_of_the_bug_report_are_found_by_the_index_alone() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let polluted = ["00003e2c00a363fff3a25881ccb3e36e", "000b3b87dd02baa497dfa32a63f348f4"];
        let mut stored = BTreeMap::from([
            (polluted[0].to_owned(), document("", A_TIME, A_TIME)),
            (polluted[1].to_owned(), document("", 1_756_382_464, A_TIME)),
            ("late".to_owned(), document("42", A_TIME + 3 * DAY, A_TIME)),
        ]);
        stored.extend((0..50).map(|number| (format!("sound-{number}"), document("42", A_TIME, A_TIME))));
        put(&address, &collection, stored).await;
        let finder = finder(&address, &collection);
        assert_eq!(finder.cost(Scope::EmptyStaffIds).await.unwrap().documents, 2);
        assert_eq!(finder.reads(), 1);
        let (finds, _) = all(&finder, Scope::EmptyStaffIds).await;
        assert_eq!(ids(&finds), polluted.map(str::to_owned).into());
        assert_eq!(finder.reads(), 3, "a read for each find, none for the others");
        let times = finds.iter().map(|find| find.timestamp().unwrap().to_string());
        assert_eq!(times.collect::<Vec<_>>(), ["2025-09-01 15:25:52 UTC", "2025-08-28 12:01:04 UTC"]);
        // Their ids are what the tool makes of an empty staff id.
        for find in finds {
            let event = sample_with(|event| {
                event.user_id = String::new();
                event.local_time = find.timestamp().unwrap().naive_utc();
            });
            assert_eq!(attendance_model::IdScheme::IclockSyncV1.id_of(&event).to_string(), find.id());
        }
    });
}

#[test]
fn a_document_that_somebody_corrected_after_it_was_found_stays() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let three = ["a", "b", "c"].map(|id| (id.to_owned(), document("", A_TIME, A_TIME)));
        put(&address, &collection, three.into()).await;
        let finder = finder(&address, &collection);
        let (finds, _) = all(&finder, Scope::All).await;
        let corrected = ("b".to_owned(), document("42", A_TIME, A_TIME));
        put(&address, &collection, [corrected].into()).await;
        let deletions = finder.delete(&finds).await.unwrap();
        assert_eq!(deletions, [Deletion::Deleted, Deletion::Changed, Deletion::Deleted]);
        let left = documents(&address, &collection).await;
        assert_eq!(left.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(left["b"]["staffId"], "string 42");
        assert_eq!(all(&finder, Scope::All).await.0.len(), 0);
    });
}

#[test]
fn what_the_sink_writes_is_no_garbage_in_any_zone() {
    with_emulator(|address| async move {
        let (collection, now) = (new_collection(), chrono::Utc::now().naive_utc());
        let at = |hours: i64| -> NaiveDateTime { now + chrono::TimeDelta::hours(hours) };
        let events: Vec<AttendanceEvent> =
            (-14..=14).map(|hours| sample_with(|event| event.local_time = at(hours))).collect();
        sink(&address, &collection).write(&events).await.unwrap();
        let finder = finder(&address, &collection);
        let (finds, report) = all(&finder, Scope::All).await;
        assert_eq!((finds.len(), report.documents), (0, 29));
    });
}

#[test]
fn what_is_not_of_the_tool_s_shape_is_told_and_never_found() {
    with_emulator(|address| async move {
        let (collection, full) = (new_collection(), new_collection());
        let without = |name: &str| {
            let mut fields = document("42", A_TIME + 9 * DAY, A_TIME);
            fields.retain(|(field, _)| *field != name);
            fields
        };
        let odd = [field::STAFF_ID, field::TIMESTAMP, field::UPLOADED_AT];
        put(&address, &collection, odd.map(|name| (name.to_owned(), without(name))).into()).await;
        let found = finder(&address, &collection);
        let (finds, report) = all(&found, Scope::All).await;
        assert_eq!((finds.len(), report.odd), (0, 3));
        assert_eq!(report.odd_examples, ["staffId", "timestamp", "uploadedAt"]);
        // An event of the full layout whose terminal's clock was wrong is flagged in the document itself.
        let future = chrono::Utc::now().naive_utc() + chrono::TimeDelta::days(400);
        let event = sample_with(|event| event.local_time = future);
        let sink = FirestoreSink::open(options(&address, &full).layout(Layout::Full));
        sink.write(&[event]).await.unwrap();
        let (finds, report) = all(&finder(&address, &full), Scope::All).await;
        assert_eq!((finds.len(), report.documents), (0, 1));
    });
}

#[test]
fn a_search_that_was_broken_off_goes_on_where_it_was() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let stored = (0..2500).map(|number| (format!("{number:05}"), document("", A_TIME, A_TIME))).collect();
        put(&address, &collection, stored).await;
        let finder = finder(&address, &collection);
        let mut first = finder.search(Scope::EmptyStaffIds);
        let page = first.next_page().await.unwrap().unwrap();
        assert_eq!((page.len(), first.position()), (1000, Some("00999")));
        let mut second = finder.search(Scope::EmptyStaffIds).after(first.position().unwrap());
        let mut rest = Vec::new();
        while let Some(page) = second.next_page().await.unwrap() {
            rest.extend(page);
        }
        assert_eq!((rest.len(), rest[0].id()), (1500, "01000"));
    });
}

#[test]
fn a_wire_that_breaks_hides_no_find_and_deletes_nothing_else() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let staff_id = |number: i32| if number % 3 == 0 { "" } else { "42" };
        let stored = (0..1500).map(|number| (format!("{number:05}"), document(staff_id(number), A_TIME, A_TIME)));
        put(&address, &collection, stored.collect()).await;
        let (mut failures, mut connections) = (0, 0);
        for seed in 0..8 {
            let proxy = Proxy::start(&address).await.unwrap();
            proxy.set(Fault::Storm { seed });
            let finder = finder(&proxy.address(), &collection);
            let (mut search, mut finds) = (finder.search(Scope::All), Vec::new());
            loop {
                match search.next_page().await {
                    Ok(Some(page)) => finds.extend(page),
                    Ok(None) => break,
                    Err(error) => {
                        assert!(error.is_transient() && failures < 50, "{error:?}");
                        failures += 1;
                    }
                }
            }
            // Half is deleted in the first storm, the rest in the second.
            let (expected, documents) = [(500, 1500), (250, 1250)].get(seed as usize).copied().unwrap_or((0, 1000));
            assert_eq!((ids(&finds).len(), finds.len()), (expected, expected), "seed {seed}");
            assert_eq!(search.report().documents, documents, "seed {seed}");
            finds.truncate(250);
            while let Err(error) = finder.delete(&finds).await {
                assert!(error.is_transient() && failures < 50, "{error:?}");
                failures += 1;
            }
            connections += proxy.connections();
        }
        assert!(connections > 8, "the wire broke: {connections} connections");
        let left = documents(&address, &collection).await;
        assert_eq!(
            (left.len(), left.values().filter(|document| document["staffId"] == "string 42").count()),
            (1000, 1000)
        );
    });
}

#[test]
fn a_collection_below_a_document_is_searched_and_its_neighbours_are_not() {
    with_emulator(|address| async move {
        let name = new_collection();
        let [below, beside] = [format!("schools/north/{name}"), format!("schools/south/{name}")];
        put(&address, &below, [("a".to_owned(), document("", A_TIME, A_TIME))].into()).await;
        put(&address, &beside, [("b".to_owned(), document("", A_TIME, A_TIME))].into()).await;
        put(&address, &name, [("c".to_owned(), document("", A_TIME, A_TIME))].into()).await;
        for scope in [Scope::All, Scope::EmptyStaffIds] {
            let (finds, _) = all(&finder(&address, &below), scope).await;
            assert_eq!(ids(&finds), ["a".to_owned()].into(), "{scope:?}");
        }
    });
}

#[test]
fn an_empty_collection_costs_one_read() {
    with_emulator(|address| async move {
        let finder = finder(&address, &new_collection());
        assert_eq!(finder.cost(Scope::All).await.unwrap().reads, 1);
        let (finds, report) = all(&finder, Scope::All).await;
        assert_eq!((finds.len(), report, finder.reads()), (0, Report::default(), 2));
    });
}
