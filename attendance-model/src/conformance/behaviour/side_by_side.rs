//! Writes at the same time, and writes that nobody waits for.

use std::time::Duration;

use super::steps::{holds, join_all, persist, probed, write, write_all};
use crate::Outcome;
use crate::conformance::harness::Harness;
use crate::conformance::sample::sample;

/// Two at once: every event is there once, and neither writer fails for good.
pub async fn two_writers_of_the_same_events_store_each_once<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(harness.sink().capabilities().batch.min(200));
    let another = harness.another();
    persist(|| another.probe()).await;
    let (first, second) = tokio::join!(write(harness.sink(), &batch), write(&*another, &batch));
    for (first, second) in first.iter().zip(&second) {
        assert!(
            !(*first == Outcome::Stored && *second == Outcome::Stored),
            "both writers say that they stored the same event"
        );
    }
    holds(&harness, &batch).await;
}

/// Two that write a big log at once, batch by batch, each as many at once as the sink takes.
pub async fn two_writers_of_a_big_log_store_each_once<H: Harness>() {
    let harness = probed::<H>().await;
    let events = sample(H::BIG_LOG);
    let another = harness.another();
    persist(|| another.probe()).await;
    let (first, second) = tokio::join!(write_all(harness.sink(), &events), write_all(&*another, &events));
    if H::LOSES_ANSWERS {
        assert!(first + second <= events.len(), "{first} and {second} events are said to be stored");
    } else {
        assert_eq!(first + second, events.len(), "{first} and {second} events are said to be stored");
    }
    holds(&harness, &events).await;
}

/// Batches that are written at the same time end like batches in turn.
pub async fn as_many_writes_at_once_as_it_says_are_taken<H: Harness>() {
    let harness = probed::<H>().await;
    let capabilities = harness.sink().capabilities();
    let batch = capabilities.batch.min(200);
    let events = sample(batch * capabilities.concurrency.min(8));
    let outcomes = join_all(events.chunks(batch).map(|batch| write(harness.sink(), batch))).await;
    let stored = outcomes.iter().flatten().filter(|outcome| **outcome == Outcome::Stored).count();
    assert!(stored == events.len() || (H::LOSES_ANSWERS && stored < events.len()), "{stored} stored");
    holds(&harness, &events).await;
}

/// A caller may stop waiting at any moment. The part that was stored is whole, and the next write stores the rest.
pub async fn a_write_that_is_dropped_half_way_is_completed_by_another<H: Harness>() {
    let harness = probed::<H>().await;
    let events = sample(harness.sink().capabilities().batch.min(500) * 6);
    for (number, batch) in events.chunks(events.len() / 6).enumerate() {
        // At once, then later and later: before, while and after it reaches the target.
        let patience = Duration::from_micros([0, 100, 500, 2_000, 5_000, 20_000][number % 6]);
        let _ = tokio::time::timeout(patience, harness.sink().write(batch)).await;
        write(harness.sink(), batch).await;
    }
    holds(&harness, &events).await;
}
