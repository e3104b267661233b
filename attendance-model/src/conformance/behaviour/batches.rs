//! A sink takes batches: each event is stored once, and the outcomes say so in order.

use super::steps::{holds, persist, probed, two, write, wrote};
use crate::conformance::harness::Harness;
use crate::conformance::sample::sample;
use crate::{AttendanceEvent, Outcome};

/// The sink has a name and a target, and takes at least one event at a time.
pub async fn it_describes_itself<H: Harness>() {
    let harness = H::fresh().await;
    let sink = harness.sink();
    assert!(!sink.name().is_empty(), "a name for people");
    assert!(!sink.target().is_empty(), "a target");
    assert_eq!(sink.target(), harness.another().target(), "the same target has one name");
    assert!(sink.capabilities().batch >= 1, "a batch holds at least one event");
    assert!(sink.capabilities().concurrency >= 1, "at least one write at a time");
}

/// `probe` prepares what is missing, and stores nothing.
pub async fn a_probe_of_a_fresh_target_prepares_it_and_can_be_repeated<H: Harness>() {
    let harness = H::fresh().await;
    for _ in 0..2 {
        persist(|| harness.sink().probe()).await;
    }
    assert_eq!(harness.stored().await, []);
}

/// Stored events are the events that were written.
pub async fn a_batch_is_stored_field_by_field<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(3);
    wrote(&harness, &batch, &vec![Outcome::Stored; 3]).await;
    holds(&harness, &batch).await;
}

/// An empty batch yields no outcome.
pub async fn an_empty_batch_is_no_failure<H: Harness>() {
    let harness = probed::<H>().await;
    assert_eq!(write(harness.sink(), &[]).await, []);
    holds(&harness, &[]).await;
}

/// As many events as `capabilities().batch` says go in one write.
pub async fn a_batch_of_the_stated_size_is_taken_at_once<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(harness.sink().capabilities().batch);
    wrote(&harness, &batch, &vec![Outcome::Stored; batch.len()]).await;
    holds(&harness, &batch).await;
}

/// Writing again stores nothing new and is no failure.
pub async fn a_repeated_batch_is_stored_once<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(3);
    write(harness.sink(), &batch).await;
    assert_eq!(write(harness.sink(), &batch).await, vec![Outcome::AlreadyStored; 3]);
    holds(&harness, &batch).await;
}

/// Of a batch that was written in part before, the rest is stored.
pub async fn overlapping_batches_are_stored_once<H: Harness>() {
    let harness = probed::<H>().await;
    let all = sample(5);
    write(harness.sink(), &all[..3]).await;
    let [old, new] = [Outcome::AlreadyStored, Outcome::Stored];
    wrote(&harness, &all[1..], &[old.clone(), old, new.clone(), new]).await;
    holds(&harness, &all).await;
}

/// The first of two in one batch is stored, the second was.
pub async fn an_event_twice_in_one_batch_is_stored_once<H: Harness>() {
    let harness = probed::<H>().await;
    let [first, second] = two();
    let batch = [first.clone(), second.clone(), first.clone()];
    wrote(&harness, &batch, &[Outcome::Stored, Outcome::Stored, Outcome::AlreadyStored]).await;
    holds(&harness, &[first, second]).await;
}

/// Outcomes are in the order of the events.
pub async fn outcomes_come_in_the_order_of_the_batch<H: Harness>() {
    let harness = probed::<H>().await;
    let mut batch = sample(6);
    let known: Vec<_> = batch.iter().step_by(2).cloned().collect();
    write(harness.sink(), &known).await;
    batch.reverse();
    let [old, new] = [Outcome::AlreadyStored, Outcome::Stored];
    let expected = [new.clone(), old.clone(), new.clone(), old.clone(), new, old];
    wrote(&harness, &batch, &expected).await;
}

/// Create if absent: never an update.
pub async fn what_is_stored_is_not_changed_by_a_later_write<H: Harness>() {
    let harness = probed::<H>().await;
    let [event, _] = two();
    write(harness.sink(), std::slice::from_ref(&event)).await;
    let renamed = AttendanceEvent { device_name: "back-gate".to_owned(), work_code: Some(7), ..event.clone() };
    assert_eq!(write(harness.sink(), &[renamed]).await, [Outcome::AlreadyStored]);
    holds(&harness, &[event]).await;
}

/// Another process finds what this one stored.
pub async fn another_sink_on_the_same_target_knows_what_is_stored<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(3);
    write(harness.sink(), &batch).await;
    let another = harness.another();
    persist(|| another.probe()).await;
    assert_eq!(write(&*another, &batch).await, vec![Outcome::AlreadyStored; 3]);
    holds(&harness, &batch).await;
}
