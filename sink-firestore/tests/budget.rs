//! The daily budget and the ramp, kept on an emulator where a test asks for it.

mod support;

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Sink};
use chrono::{TimeDelta, Utc};
use sink_firestore::{FirestoreOptions, FirestoreSink};

use support::{documents, new_collection, options, with_emulator};

fn limited(address: &str, collection: &str, writes: u64) -> FirestoreOptions {
    options(address, collection).daily_writes(NonZeroU64::new(writes).unwrap()).emulator_as_service()
}

#[test]
fn what_the_day_does_not_hold_is_deferred_in_order_and_follows_on_the_next() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let today = FirestoreSink::open(limited(&address, &collection, 30));
        today.probe().await.unwrap();
        let outcomes = today.write(&sample(40)).await.unwrap();
        // The probe was the first of the thirty.
        assert_eq!(outcomes[..29], vec![Outcome::Stored; 29]);
        assert_eq!(outcomes[29..], vec![Outcome::Deferred; 11]);
        assert_eq!(documents(&address, &collection).await.len(), 29);
        assert_eq!(today.write(&sample(40)).await.unwrap(), vec![Outcome::Deferred; 40]);
        // The next day: a sink that has spent nothing yet.
        let tomorrow = FirestoreSink::open(limited(&address, &collection, 30));
        assert_eq!(tomorrow.write(&sample(40)[29..]).await.unwrap(), vec![Outcome::Stored; 11]);
        assert_eq!(documents(&address, &collection).await.len(), 40);
    });
}

#[test]
fn a_write_that_finds_its_document_there_counts_and_a_repeated_event_does_not() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let sink = FirestoreSink::open(limited(&address, &collection, 5));
        let [first, second] = <[_; 2]>::try_from(sample(2)).unwrap();
        let twice = [first.clone(), first.clone(), second.clone()];
        let expected = [Outcome::Stored, Outcome::AlreadyStored, Outcome::Stored];
        assert_eq!(sink.write(&twice).await.unwrap(), expected);
        assert_eq!(sink.budget().unwrap().spent().writes, 2);
        assert_eq!(sink.write(&twice).await.unwrap(), vec![Outcome::AlreadyStored; 3]);
        assert_eq!(sink.budget().unwrap().spent().writes, 4);
        let deferred = [Outcome::AlreadyStored, Outcome::AlreadyStored, Outcome::Deferred];
        assert_eq!(sink.write(&twice).await.unwrap(), deferred);
    });
}

#[test]
fn four_writers_share_the_day_and_no_write_too_many_is_sent() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let sink = FirestoreSink::open(limited(&address, &collection, 100));
        let events = sample(160);
        let writes = events.chunks(40).map(|batch| sink.write(batch));
        let outcomes: Vec<_> =
            futures::future::join_all(writes).await.into_iter().flat_map(|outcomes| outcomes.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|&outcome| *outcome == Outcome::Stored).count(), 100);
        assert_eq!(outcomes.iter().filter(|&outcome| *outcome == Outcome::Deferred).count(), 60);
        assert_eq!(documents(&address, &collection).await.len(), 100);
    });
}

#[test]
fn a_service_that_cannot_be_reached_costs_nothing_of_the_day() {
    support::bounded(async {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let sink = FirestoreSink::open(limited(&free, "logs", 30));
        assert!(sink.probe().await.is_err());
        assert!(sink.write(&sample(20)).await.unwrap_err().is_transient());
        assert_eq!(sink.budget().unwrap().spent().writes, 0);
    });
}

#[test]
fn the_day_ends_at_midnight_in_los_angeles() {
    let sink = FirestoreSink::open(limited("127.0.0.1:1", "logs", 30));
    let (budget, now) = (sink.budget().unwrap(), "2026-11-28T07:59:00Z".parse().unwrap());
    assert_eq!(budget.per_day(), 30);
    assert_eq!(budget.resets_at(now) - now, TimeDelta::minutes(1));
    assert!(budget.resets_at(Utc::now()) - Utc::now() <= TimeDelta::hours(25));
}

#[test]
fn an_emulator_has_no_budget_unless_a_test_asks_for_it() {
    let options = options("127.0.0.1:1", "logs").daily_writes(NonZeroU64::MIN);
    assert!(FirestoreSink::open(options).budget().is_none());
}

#[test]
fn waiting_for_the_ramp_takes_nothing_from_a_request_s_time() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let options = options(&address, &collection).emulator_as_service();
        let sink = FirestoreSink::open(options.timeout(Duration::from_secs(1)).unwrap());
        let (events, began) = (sample(1600), Instant::now());
        // 400 at once, and then each when the writes before it have had their time, at 500 a second: the last after 2.4
        // s.
        let writes = futures::future::join_all(events.chunks(400).map(|batch| sink.write(batch))).await;
        for outcomes in writes {
            assert_eq!(outcomes.unwrap(), vec![Outcome::Stored; 400]);
        }
        let took = began.elapsed();
        assert!((Duration::from_millis(2300)..Duration::from_secs(20)).contains(&took), "{took:?}");
    });
}
