//! A sink that keeps names has one row for each person at each terminal, with the newest name.

use chrono::{DateTime, TimeDelta, Utc};

use super::steps::{holds, persist, probed, write};
use crate::NamedPerson;
use crate::conformance::people::NamesHarness;
use crate::conformance::sample::sample;

/// A person at a terminal, whose name was first seen so many minutes after a fixed time.
fn person(serial: &str, user_id: &str, name: &str, minutes: i64) -> NamedPerson {
    let begin = DateTime::<Utc>::from_timestamp(1_747_550_000, 0).unwrap_or_default();
    NamedPerson::new((serial, "front-gate"), user_id, name, begin + TimeDelta::minutes(minutes))
}

/// Writes people, all of whom have to be stored.
async fn put<H: NamesHarness>(harness: &H, people: &[NamedPerson]) {
    assert_eq!(persist(|| harness.sink().write_names(people)).await, people.len());
}

#[track_caller]
fn assert_same(mut found: Vec<NamedPerson>, expected: &[NamedPerson]) {
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// The engine asks the capabilities, and nothing else.
pub async fn it_says_that_it_keeps_names<H: NamesHarness>() {
    let harness = H::fresh().await;
    assert!(harness.sink().capabilities().names);
    assert!(harness.another().capabilities().names);
}

/// Writing again changes nothing.
pub async fn people_are_stored_field_by_field_and_once<H: NamesHarness>() {
    let harness = probed::<H>().await;
    let people = [person("A1", "7", "Ahmed", 0), person("A1", "8", "Mariyam", 1), person("A1", "08", "", 2)];
    put(&harness, &people).await;
    assert_same(harness.people().await, &people);
    put(&harness, &people).await;
    put(&harness, &people[1..]).await;
    put(&harness, &[]).await;
    assert_same(harness.people().await, &people);
}

/// The row of the person stays one.
pub async fn a_newer_name_replaces_an_older_one<H: NamesHarness>() {
    let harness = probed::<H>().await;
    put(&harness, &[person("A1", "7", "Ahmed", 0), person("A1", "8", "Mariyam", 0)]).await;
    let renamed = NamedPerson { device_name: "back-gate".to_owned(), ..person("A1", "7", "Ahmed Ali", 5) };
    put(&harness, std::slice::from_ref(&renamed)).await;
    assert_same(harness.people().await, &[renamed, person("A1", "8", "Mariyam", 0)]);
}

/// A write that was late, or another program with an older ledger, brings no old name back.
pub async fn an_older_name_does_not_come_back<H: NamesHarness>() {
    let harness = probed::<H>().await;
    put(&harness, &[person("A1", "7", "Ahmed Ali", 5)]).await;
    put(&harness, &[person("A1", "7", "Ahmed", 0)]).await;
    let expected = if H::KEEPS_NEWEST { person("A1", "7", "Ahmed Ali", 5) } else { person("A1", "7", "Ahmed", 0) };
    assert_same(harness.people().await, &[expected]);
}

/// A user id means somebody else at another terminal, and ids are compared to the character.
pub async fn people_of_two_terminals_are_apart<H: NamesHarness>() {
    let harness = probed::<H>().await;
    let people = [
        person("A1", "7", "Ahmed", 0),
        person("B2", "7", "Mariyam", 0),
        person("A1", "nb7", "Zoe", 0),
        person("A1", "NB7", "Eva", 0),
        // Keys that are joined without care would be one.
        person("A", "17", "Ali", 0),
        person("A1_7", "1", "Hassan", 0),
        person("A1", "7_1", "Aishath", 0),
    ];
    put(&harness, &people).await;
    assert_same(harness.people().await, &people);
}

/// Text comes back to the character.
pub async fn names_of_every_script_and_length_are_kept<H: NamesHarness>() {
    let harness = probed::<H>().await;
    let longest = "é".repeat(NamedPerson::LONGEST);
    let names = ["އަޙްމަދު ޢަލީ", "محمد", "王小明", "O'Brien, \"Pat\"", "a;b\\c%_*", "🙂", &longest];
    let people: Vec<_> = names.iter().zip(1..).map(|(name, n)| person("A1", &n.to_string(), name, n)).collect();
    put(&harness, &people).await;
    assert_same(harness.people().await, &people);
}

/// Events and people know nothing of each other.
pub async fn names_touch_no_event<H: NamesHarness>() {
    let harness = probed::<H>().await;
    let batch = sample(3);
    write(harness.sink(), &batch).await;
    let people = [person("A1", "1", "Ahmed", 0)];
    put(&harness, &people).await;
    write(harness.sink(), &batch).await;
    holds(&harness, &batch).await;
    assert_same(harness.people().await, &people);
}

/// As many people as `capabilities().batch` says go in one call.
pub async fn a_batch_of_people_of_the_stated_size_is_taken_at_once<H: NamesHarness>() {
    let harness = probed::<H>().await;
    let count = harness.sink().capabilities().batch as i64;
    let people: Vec<_> = (0..count).map(|n| person("A1", &n.to_string(), &format!("Person {n}"), n)).collect();
    put(&harness, &people).await;
    assert_same(harness.people().await, &people);
}

/// Two programs may read the same terminals.
pub async fn two_writers_of_the_same_people_store_each_once<H: NamesHarness>() {
    let harness = probed::<H>().await;
    let another = harness.another();
    let people: Vec<_> = (0..50).map(|n| person("A1", &n.to_string(), &format!("Person {n}"), n)).collect();
    let (first, second) =
        tokio::join!(persist(|| harness.sink().write_names(&people)), persist(|| another.write_names(&people)),);
    assert_eq!((first, second), (people.len(), people.len()));
    assert_same(harness.people().await, &people);
}
