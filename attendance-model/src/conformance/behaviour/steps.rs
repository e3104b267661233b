//! The promises, one function each.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::harness::{Harness, View};
use super::sample::{at, event, sample, sample_punch};
use crate::{
    AttendanceEvent, Capabilities, EventId, IdScheme, LocalTime, Outcome, PunchState, RawPunch, Sink, SinkError,
    Source, VerifyMode,
};

/// Events of each kind that a failure shows.
const EXAMPLES: usize = 3;

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
pub async fn two_writers_of_fifty_thousand_events_store_each_once<H: Harness>() {
    let harness = probed::<H>().await;
    let events = sample(50_000);
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
pub async fn a_write_that_is_dropped_half_way_is_mended_by_another<H: Harness>() {
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

/// A sink that claims to keep every field does.
pub async fn it_keeps_what_it_says_that_it_keeps<H: Harness>() {
    let harness = probed::<H>().await;
    let [event, _] = two();
    wrote(&harness, std::slice::from_ref(&event), &[Outcome::Stored]).await;
    let (whole, stored) = (View::full(&event), harness.stored().await);
    let all_fields = stored.iter().all(|view| view.has_fields_of(&whole));
    assert_eq!(all_fields, harness.sink().capabilities().all_fields, "stored: {stored:?}");
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
    wrote(&harness, &batch, &vec![Outcome::Stored; batch.len()]).await;
    holds(&harness, &batch).await;
}

/// Wall clocks from the reset to the last that a terminal can show.
pub async fn times_at_the_edges_of_the_calendar_are_kept<H: Harness>() {
    let times =
        [at(2000, 1, 1, 0, 0, 0), at(2024, 2, 29, 23, 59, 59), at(2099, 12, 31, 23, 59, 59), at(2038, 1, 19, 3, 14, 8)];
    let batch = times.map(|time| event(RawPunch { local_time: LocalTime::Real(time), ..sample_punch(0) }, None));
    keeps::<H>(&batch).await;
}

/// The wall clock and its moment, when clocks are set back or forward, or a day is skipped.
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
    let question = [ids[2], ids[0], ids[3], ids[1], ids[0]];
    let answers = persist(|| sink.lookup(&question)).await;
    assert_eq!(answers, [false, true, false, true, true]);
    assert!(persist(|| sink.lookup(&[])).await.is_empty());
}

/// A day begins and ends by the terminal's wall clock, whatever the moment is in UTC. Documents are counted, and not
/// the events that share one.
pub async fn documents_are_counted_by_the_day_of_their_local_time<H: Harness>() {
    let harness = probed::<H>().await;
    let (sink, Capabilities { ids, days_at_once, .. }) = (harness.sink(), harness.sink().capabilities());
    let day = |month, day| at(2025, month, day, 0, 0, 0).date();
    if days_at_once == 0 {
        assert!(sink.count_by_day(&[day(5, 18)]).await.is_err(), "a sink that cannot count says so");
        return;
    }
    let times = [
        at(2025, 5, 18, 23, 59, 59),
        at(2025, 5, 19, 0, 0, 0),
        at(2025, 5, 19, 0, 30, 0),
        at(2025, 5, 19, 23, 59, 59),
        at(2025, 5, 20, 0, 0, 0),
        at(2000, 1, 1, 0, 0, 1),
        at(2099, 12, 31, 23, 59, 59),
    ];
    let mut batch = Vec::new();
    for zone in [None, Some(Tz::Indian__Maldives), Some(Tz::America__New_York)] {
        for time in times {
            let device_serial = format!("OID{}", batch.len());
            let punch = RawPunch { local_time: LocalTime::Real(time), device_serial, ..sample_punch(0) };
            batch.push(event(punch, zone));
        }
    }
    for part in batch.chunks(sink.capabilities().batch) {
        write(sink, part).await;
    }
    let question = [day(5, 19), day(5, 18), day(5, 17), day(5, 20), times[5].date(), times[6].date(), day(5, 19)];
    let mut documents = HashSet::new();
    let stored: Vec<_> = batch.iter().filter(|event| documents.insert(ids.id_of(event))).collect();
    let on = |day: &NaiveDate| stored.iter().filter(|event| event.local_time.date() == *day).count() as u64;
    let mut counted = Vec::new();
    for part in question.chunks(days_at_once) {
        counted.extend(persist(|| sink.count_by_day(part)).await);
    }
    assert_eq!(counted, question.iter().map(on).collect::<Vec<_>>());
    assert!(persist(|| sink.count_by_day(&[])).await.is_empty());
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
    wrote(&harness, &batch, &[Outcome::Stored, later.clone(), later]).await;
    holds(&harness, &batch).await;
}

/// The number of calls after which a failure counts.
const TRIES: u64 = 60;

async fn probed<H: Harness>() -> H {
    let harness = H::fresh().await;
    persist(|| harness.sink().probe()).await;
    harness
}

/// The batch goes into a fresh target and is there.
async fn keeps<H: Harness>(batch: &[AttendanceEvent]) {
    let harness = probed::<H>().await;
    wrote(&harness, batch, &vec![Outcome::Stored; batch.len()]).await;
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
    if let Some(difference) = difference(&stored, &expected) {
        panic!("{difference}");
    }
}

/// The events that are stored and should not be, and those that are missing, both in order: counts, and a few examples.
fn difference(stored: &[View], expected: &[View]) -> Option<String> {
    if stored == expected {
        return None;
    }
    let surplus = without(stored, expected);
    let missing = without(expected, stored);
    let examples = |title: &str, views: &[&View]| {
        let shown: String = views.iter().take(EXAMPLES).map(|view| format!("\n    {view:?}")).collect();
        format!("\n  {} {title}{shown}", views.len())
    };
    Some(format!(
        "the target holds {} events, {} were to be there{}{}",
        stored.len(),
        expected.len(),
        examples("are there and were not written so, such as", &surplus),
        examples("were written and are not there so, such as", &missing),
    ))
}

/// Those of `these` that `others` have not, as often as they have not; both are in order.
fn without<'v>(these: &'v [View], others: &[View]) -> Vec<&'v View> {
    let mut others = others.iter().peekable();
    let is_new = |view: &&View| {
        while others.next_if(|other| other < view).is_some() {}
        others.next_if_eq(view).is_none()
    };
    these.iter().filter(is_new).collect()
}

/// Writes a batch to the harness's sink, which must answer so; a lost answer may make "stored" of an event "stored
/// already".
async fn wrote<H: Harness>(harness: &H, batch: &[AttendanceEvent], expected: &[Outcome]) {
    let outcomes = write(harness.sink(), batch).await;
    let as_good = |(outcome, expected): (&Outcome, &Outcome)| {
        outcome == expected || (H::LOSES_ANSWERS && [outcome, expected] == [&Outcome::AlreadyStored, &Outcome::Stored])
    };
    let mut pairs = outcomes.iter().zip(expected).enumerate().filter(|(_, pair)| !as_good(*pair));
    if let Some((n, (outcome, expected))) = pairs.next() {
        let (more, all) = (pairs.count(), outcomes.len());
        panic!("the outcome of event {n} of {all} is {outcome:?} and not {expected:?}; {more} others differ too");
    }
}

async fn write(sink: &dyn Sink, batch: &[AttendanceEvent]) -> Vec<Outcome> {
    let outcomes = persist(|| sink.write(batch)).await;
    assert_eq!(outcomes.len(), batch.len(), "one outcome per event");
    outcomes
}

/// Writes everything, in batches of the sink's size, as many at once as it says; says how many it stored.
async fn write_all(sink: &dyn Sink, events: &[AttendanceEvent]) -> usize {
    let Capabilities { batch, concurrency, .. } = sink.capabilities();
    let batches = Mutex::new(events.chunks(batch));
    let writer = async || {
        let mut stored = 0;
        loop {
            // Nothing between taking and leaving the lock can panic.
            let next = batches.lock().expect("no writer panics with the lock").next();
            let Some(batch) = next else { break stored };
            stored += write(sink, batch).await.iter().filter(|outcome| **outcome == Outcome::Stored).count();
        }
    };
    join_all((0..concurrency).map(|_| writer())).await.into_iter().sum()
}

/// Runs futures side by side, in one task.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if futures.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

/// Calls as an engine does: again after a transient failure, though not forever.
async fn persist<T, F>(mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, SinkError>>,
{
    let mut failure: Option<SinkError> = None;
    for pause in 0..TRIES {
        match call().await {
            Ok(value) => return value,
            Err(error) if error.is_transient() => failure = Some(error),
            Err(error) => panic!("a call failed for good: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    panic!("a call failed {TRIES} times: {failure:?}");
}

fn two() -> [AttendanceEvent; 2] {
    [sample_punch(0), sample_punch(1)].map(|punch| event(punch, None))
}

#[cfg(test)]
mod tests {
    use super::super::sample::sample_range;
    use super::*;

    fn views(events: &[AttendanceEvent]) -> Vec<View> {
        let mut views: Vec<View> = events.iter().map(View::full).collect();
        views.sort();
        views
    }

    #[test]
    fn a_failure_over_many_events_is_told_in_a_few_lines() {
        let events = sample_range(0..5_000);
        let expected = views(&events);
        assert_eq!(difference(&expected, &expected), None);
        let changed: Vec<AttendanceEvent> =
            events.iter().map(|event| AttendanceEvent { user_id: "0".to_owned(), ..event.clone() }).collect();
        let told = difference(&views(&changed), &expected).unwrap();
        assert!(told.len() < 10_000 && told.lines().count() < 10, "{} bytes", told.len());
        assert!(told.contains("5000 are there") && told.contains("5000 were written"), "{told}");
    }

    #[test]
    fn what_is_missing_and_what_is_there_twice_is_counted() {
        let expected = views(&sample_range(0..10));
        let told = difference(&expected[1..], &expected).unwrap();
        assert!(told.contains("0 are there") && told.contains("1 were written"), "{told}");
        let mut twice = expected.clone();
        twice.insert(0, expected[0].clone());
        let told = difference(&twice, &expected).unwrap();
        assert!(told.contains("1 are there") && told.contains("0 were written"), "{told}");
    }
}
