//! The promises, one function each.

use std::collections::HashSet;

use chrono_tz::Tz;

use super::harness::{Harness, View};
use super::sample::{at, event, sample, sample_punch};
use crate::{
    AttendanceEvent, EventId, IdScheme, LocalTime, Outcome, PunchState, RawPunch, Sink, SinkError, Source, VerifyMode,
};

/// The sink says what it is and takes at least one event at a time.
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
    harness.sink().probe().await.expect("the first probe");
    harness.sink().probe().await.expect("the second probe");
    assert_eq!(harness.stored().await, []);
}

/// What is stored is what was written.
pub async fn a_batch_is_stored_field_by_field<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(3);
    assert_eq!(write(harness.sink(), &batch).await, vec![Outcome::Stored; 3]);
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
    assert_eq!(write(harness.sink(), &batch).await, vec![Outcome::Stored; batch.len()]);
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
    assert_eq!(write(harness.sink(), &all[1..]).await, [old.clone(), old, new.clone(), new]);
    holds(&harness, &all).await;
}

/// The first of two in one batch is stored, the second was.
pub async fn an_event_twice_in_one_batch_is_stored_once<H: Harness>() {
    let harness = probed::<H>().await;
    let [first, second] = two();
    let batch = [first.clone(), second.clone(), first.clone()];
    let outcomes = write(harness.sink(), &batch).await;
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Stored, Outcome::AlreadyStored]);
    holds(&harness, &[first, second]).await;
}

/// Each outcome stands where its event stood.
pub async fn outcomes_come_in_the_order_of_the_batch<H: Harness>() {
    let harness = probed::<H>().await;
    let mut batch = sample(6);
    let known: Vec<_> = batch.iter().step_by(2).cloned().collect();
    write(harness.sink(), &known).await;
    batch.reverse();
    let [old, new] = [Outcome::AlreadyStored, Outcome::Stored];
    let expected = [new.clone(), old.clone(), new.clone(), old.clone(), new, old];
    assert_eq!(write(harness.sink(), &batch).await, expected);
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

/// Idempotence does not live in one process's memory.
pub async fn another_sink_on_the_same_target_knows_what_is_stored<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(3);
    write(harness.sink(), &batch).await;
    let another = harness.another();
    another.probe().await.expect("a probe of a target in use");
    assert_eq!(write(&*another, &batch).await, vec![Outcome::AlreadyStored; 3]);
    holds(&harness, &batch).await;
}

/// Two at once: every event is there once, and neither writer fails for good.
pub async fn two_writers_of_the_same_events_store_each_once<H: Harness>() {
    let harness = probed::<H>().await;
    let batch = sample(harness.sink().capabilities().batch.min(200));
    let another = harness.another();
    another.probe().await.expect("a probe of a target in use");
    let (first, second) = tokio::join!(write(harness.sink(), &batch), write(&*another, &batch));
    for (first, second) in first.iter().zip(&second) {
        assert!(
            !(*first == Outcome::Stored && *second == Outcome::Stored),
            "both writers say that they stored the same event"
        );
    }
    holds(&harness, &batch).await;
}

/// Text is kept to the character, whatever its script.
pub async fn text_of_every_script_and_length_is_kept<H: Harness>() {
    let harness = probed::<H>().await;
    // Twelve Arabic letters of two bytes each fill the 24 bytes that a terminal has for a user id.
    let arabic = "\u{645}\u{62d}\u{645}\u{62f}\u{639}\u{628}\u{62f}\u{627}\u{644}\u{644}\u{647}\u{64a}";
    assert_eq!(arabic.len(), 24);
    let user_ids = [
        &"7".repeat(64),
        "0042",
        " 42 ",
        "42",
        "\u{664}\u{662}",
        "1_000",
        "+42",
        "A'; DROP TABLE x; --",
        "a\"b\\c,d\ne\tf",
    ];
    let names = [
        arabic,
        &"\u{1f600}".repeat(128),
        "caf\u{e9}",
        "cafe\u{301}",
        "a,\"b\";c",
        "\u{feff}bom",
        "",
        "%s {} $1 ?",
        "x",
    ];
    let batch: Vec<_> = user_ids
        .iter()
        .zip(names)
        .enumerate()
        .map(|(number, (user_id, name))| {
            let punch = RawPunch { device_name: name.to_owned(), ..sample_punch(number) };
            let event = event(punch, None);
            // Ids such as these are delivered only under a policy that accepts them; a sink takes them all the same.
            let id =
                EventId::full(&event.device_serial, user_id, event.local_time, event.punch_state, event.verify_mode);
            AttendanceEvent { id, user_id: (*user_id).to_owned(), ..event }
        })
        .collect();
    assert_eq!(write(harness.sink(), &batch).await, vec![Outcome::Stored; batch.len()]);
    holds(&harness, &batch).await;
}

/// Wall clocks from the reset to the last that a terminal can show.
pub async fn times_at_the_edges_of_the_calendar_are_kept<H: Harness>() {
    let times =
        [at(2000, 1, 1, 0, 0, 0), at(2024, 2, 29, 23, 59, 59), at(2099, 12, 31, 23, 59, 59), at(2038, 1, 19, 3, 14, 8)];
    let batch = times.map(|time| event(RawPunch { local_time: LocalTime::Real(time), ..sample_punch(0) }, None));
    keeps::<H>(&batch).await;
}

/// The wall clock and the moment beside it, where the clocks are set back, forward, or a day is skipped.
pub async fn times_at_a_change_of_the_clocks_are_kept<H: Harness>() {
    let zoned = |zone: Tz, time| event(RawPunch { local_time: LocalTime::Real(time), ..sample_punch(0) }, Some(zone));
    keeps::<H>(&[
        zoned(Tz::Indian__Maldives, at(2025, 5, 18, 0, 30, 0)),
        zoned(Tz::Europe__Berlin, at(2024, 10, 27, 2, 30, 0)),
        zoned(Tz::Europe__Berlin, at(2024, 3, 31, 2, 30, 0)),
        zoned(Tz::Pacific__Apia, at(2011, 12, 30, 12, 0, 0)),
    ])
    .await;
}

/// No work code and work code 0 are two things.
pub async fn an_absent_work_code_is_not_zero<H: Harness>() {
    let codes = [None, Some(0), Some(1), Some(u32::MAX)];
    let batch: Vec<_> = codes
        .into_iter()
        .enumerate()
        .map(|(number, work_code)| event(RawPunch { work_code, ..sample_punch(number) }, None))
        .collect();
    keeps::<H>(&batch).await;
}

/// The fields that say how an event came to us.
pub async fn flags_drift_source_and_bytes_are_kept<H: Harness>() {
    let punches = [
        RawPunch { source: Source::Live, clock_drift_ms: None, raw: vec![], ..sample_punch(0) },
        RawPunch {
            source: Source::Push,
            clock_drift_ms: Some(i64::from(i32::MIN)),
            raw: (0..=254).collect(),
            ..sample_punch(1)
        },
        RawPunch {
            verify_mode: VerifyMode(255),
            punch_state: PunchState(48),
            local_time: LocalTime::Real(at(2000, 1, 1, 0, 0, 1)),
            ..sample_punch(2)
        },
    ];
    let batch = punches.map(|punch| event(punch, None));
    assert_eq!(batch[2].flags.len(), 3);
    keeps::<H>(&batch).await;
}

/// `lookup` by document id: one answer per id, in order, repeated ids included.
pub async fn lookup_answers_in_the_order_of_the_question<H: Harness>() {
    let harness = probed::<H>().await;
    let sink = harness.sink();
    let batch = sample(4);
    write(sink, &batch[..2]).await;
    let ids: Vec<_> = batch.iter().map(|event| sink.capabilities().ids.id_of(event)).collect();
    let answers = sink.lookup(&[ids[2], ids[0], ids[3], ids[1], ids[0]]).await.expect("a lookup");
    assert_eq!(answers, [false, true, false, true, true]);
    assert!(sink.lookup(&[]).await.expect("an empty lookup").is_empty());
}

/// In and out, and two terminals, in one second: events of their own under `full`, one document under `iclock-sync-v1`.
pub async fn punches_of_one_second_are_apart_or_merged_by_the_scheme<H: Harness>() {
    let harness = probed::<H>().await;
    let punches = [
        sample_punch(0),
        RawPunch { punch_state: PunchState(1), ..sample_punch(0) },
        RawPunch { device_serial: "OID7040067012100055".to_owned(), ..sample_punch(0) },
    ];
    let batch = punches.map(|punch| event(punch, None));
    let later = match harness.sink().capabilities().ids {
        IdScheme::Full => Outcome::Stored,
        IdScheme::IclockSyncV1 => Outcome::AlreadyStored,
    };
    assert_eq!(write(harness.sink(), &batch).await, [Outcome::Stored, later.clone(), later]);
    holds(&harness, &batch).await;
}

async fn probed<H: Harness>() -> H {
    let harness = H::fresh().await;
    harness.sink().probe().await.expect("a probe of a fresh target");
    harness
}

/// The batch goes into a fresh target and is there.
async fn keeps<H: Harness>(batch: &[AttendanceEvent]) {
    let harness = probed::<H>().await;
    assert_eq!(write(harness.sink(), batch).await, vec![Outcome::Stored; batch.len()]);
    holds(&harness, batch).await;
}

/// The target holds these events and no others; of several with one document id the first.
async fn holds<H: Harness>(harness: &H, events: &[AttendanceEvent]) {
    let ids = harness.sink().capabilities().ids;
    let mut seen = HashSet::new();
    let mut expected: Vec<View> =
        events.iter().filter(|event| seen.insert(ids.id_of(event))).map(|event| harness.view(event)).collect();
    let mut stored = harness.stored().await;
    expected.sort();
    stored.sort();
    assert_eq!(stored, expected, "stored (left) is not what was written (right)");
}

/// Writes as an engine does: again after a transient failure, up to ten times.
async fn write(sink: &dyn Sink, batch: &[AttendanceEvent]) -> Vec<Outcome> {
    let mut failure: Option<SinkError> = None;
    for _ in 0..10 {
        match sink.write(batch).await {
            Ok(outcomes) => {
                assert_eq!(outcomes.len(), batch.len(), "one outcome per event");
                return outcomes;
            }
            Err(error) if error.is_transient() => failure = Some(error),
            Err(error) => panic!("a write failed for good: {error:?}"),
        }
        tokio::task::yield_now().await;
    }
    panic!("a write failed ten times: {failure:?}");
}

fn two() -> [AttendanceEvent; 2] {
    [sample_punch(0), sample_punch(1)].map(|punch| event(punch, None))
}
