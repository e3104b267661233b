//! What is stored is what was written, in every field.

use chrono_tz::Tz;

use super::steps::{holds, keeps, probed, two, wrote};
use crate::conformance::harness::{Harness, View};
use crate::conformance::sample::{at, event, sample_punch};
use crate::{AttendanceEvent, EventId, LocalTime, Outcome, PunchState, RawPunch, Source, VerifyMode};

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
