//! Answers by document id and by day, and the events that share a document.

use std::collections::HashSet;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::steps::{holds, persist, probed, write, wrote};
use crate::conformance::harness::Harness;
use crate::conformance::sample::{at, event, sample, sample_punch};
use crate::{Capabilities, IdScheme, LocalTime, Outcome, PunchState, RawPunch};

/// `lookup` by document id: one answer per id, in order, repeated ids included; or an error, if the sink says that it
/// cannot tell.
pub async fn lookup_answers_in_the_order_of_the_question<H: Harness>() {
    let harness = probed::<H>().await;
    let sink = harness.sink();
    let batch = sample(4);
    write(sink, &batch[..2]).await;
    let ids: Vec<_> = batch.iter().map(|event| sink.capabilities().ids.id_of(event)).collect();
    let question = [ids[2], ids[0], ids[3], ids[1], ids[0]];
    if !sink.capabilities().looks_up {
        assert!(sink.lookup(&question).await.is_err(), "a sink that cannot tell says so");
        return;
    }
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
