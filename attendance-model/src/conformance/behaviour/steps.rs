//! The steps of which the promises are made: a fresh target, a write, a look at what is stored.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use crate::conformance::harness::{Harness, View};
use crate::conformance::sample::{event, sample_punch};
use crate::{AttendanceEvent, Capabilities, Outcome, Sink, SinkError};

/// Events of each kind that a failure shows.
const EXAMPLES: usize = 3;
/// The number of calls after which a failure counts.
const TRIES: u64 = 60;

pub(super) async fn probed<H: Harness>() -> H {
    let harness = H::fresh().await;
    persist(|| harness.sink().probe()).await;
    harness
}

/// The batch goes into a fresh target and is there.
pub(super) async fn keeps<H: Harness>(batch: &[AttendanceEvent]) {
    let harness = probed::<H>().await;
    wrote(&harness, batch, &vec![Outcome::Stored; batch.len()]).await;
    holds(&harness, batch).await;
}

/// The target holds these events and no others; of several with one document id the first.
pub(super) async fn holds<H: Harness>(harness: &H, events: &[AttendanceEvent]) {
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
pub(super) fn difference(stored: &[View], expected: &[View]) -> Option<String> {
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
pub(super) fn without<'v>(these: &'v [View], others: &[View]) -> Vec<&'v View> {
    let mut others = others.iter().peekable();
    let is_new = |view: &&View| {
        while others.next_if(|other| other < view).is_some() {}
        others.next_if_eq(view).is_none()
    };
    these.iter().filter(is_new).collect()
}

/// Writes a batch to the harness's sink, which must answer so; a lost answer may make "stored" of an event "stored
/// already".
pub(super) async fn wrote<H: Harness>(harness: &H, batch: &[AttendanceEvent], expected: &[Outcome]) {
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

pub(super) async fn write(sink: &dyn Sink, batch: &[AttendanceEvent]) -> Vec<Outcome> {
    let outcomes = persist(|| sink.write(batch)).await;
    assert_eq!(outcomes.len(), batch.len(), "one outcome per event");
    outcomes
}

/// Writes everything, in batches of the sink's size, as many at once as it says; says how many it stored.
pub(super) async fn write_all(sink: &dyn Sink, events: &[AttendanceEvent]) -> usize {
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
pub(super) async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
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
pub(super) async fn persist<T, F>(mut call: impl FnMut() -> F) -> T
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

pub(super) fn two() -> [AttendanceEvent; 2] {
    [sample_punch(0), sample_punch(1)].map(|punch| event(punch, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample::sample_range;

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
