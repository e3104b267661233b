//! Raw punch in, event or rejection out: a pure function of its arguments.

use std::{fmt, mem};

use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::undecodable::{is_undecodable, without_undecodable};
use crate::validate::broken_rules;
use crate::{AttendanceEvent, Context, EventId, Instant, LocalTime, Policy, RawPunch, Reason, Rules};

/// A punch that is not delivered, with the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The punch as it was read.
    pub punch: RawPunch,
    /// The rule. Of several, one that cannot be set comes first, then the order of [`Reason::ALL`].
    pub reason: Reason,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RawPunch { device_name, user_id, local_time, .. } = &self.punch;
        write!(f, "{}: user id {user_id:?} at {local_time} on {device_name}", self.reason)
    }
}

/// Makes an event of a punch.
///
/// # Errors
/// [`Rejection`], with the punch unchanged, when it breaks a rule whose policy is [`Policy::Quarantine`].
// Both arms own the record, and are of nearly the same size; a box would only cost an allocation.
#[expect(clippy::result_large_err)]
pub fn normalize(mut punch: RawPunch, context: &Context<'_>) -> Result<AttendanceEvent, Rejection> {
    let Some((read, flag)) = other_user_id(&punch, context.rules) else { return judge(punch, context) };
    let as_it_was = mem::replace(&mut punch.user_id, read);
    match judge(punch, context) {
        Ok(mut event) => {
            event.flags.extend(flag);
            event.flags.sort_unstable();
            Ok(event)
        }
        Err(mut rejection) => {
            rejection.punch.user_id = as_it_was;
            Err(rejection)
        }
    }
}

/// The user id that the rules give a punch in place of its own, as the Python tool read it, and the flag for that.
fn other_user_id(punch: &RawPunch, rules: &Rules) -> Option<(String, Option<Reason>)> {
    if let Some(slot) = punch.unknown_slot() {
        return match rules.policy_of(Reason::UnknownSlot) {
            Policy::Accept => Some((slot.to_string(), None)),
            Policy::Flag => Some((slot.to_string(), Some(Reason::UnknownSlot))),
            Policy::Quarantine => None,
        };
    }
    let accepted = rules.policy_of(Reason::UndecodableUserId) == Policy::Accept;
    (accepted && is_undecodable(&punch.user_id)).then(|| (without_undecodable(&punch.user_id), None))
}

#[expect(clippy::result_large_err)] // As `normalize`.
fn judge(punch: RawPunch, context: &Context<'_>) -> Result<AttendanceEvent, Rejection> {
    let mut flags = Vec::new();
    for reason in broken_rules(&punch, context) {
        match context.rules.policy_of(reason) {
            Policy::Accept => {}
            Policy::Flag => flags.push(reason),
            Policy::Quarantine => return Err(Rejection { punch, reason }),
        }
    }
    let LocalTime::Real(local_time) = punch.local_time else {
        return Err(Rejection { punch, reason: Reason::ImpossibleTime });
    };
    // Zero is below the limit of 2,000,000,000.
    let local_time = local_time.with_nanosecond(0).unwrap_or(local_time);
    let instant = context.zone.map(|zone| {
        let (instant, remarkable) = instant_of(local_time, zone);
        flags.extend(remarkable);
        instant
    });
    flags.sort_unstable();
    Ok(AttendanceEvent {
        id: EventId::full(&punch.device_serial, &punch.user_id, local_time, punch.punch_state, punch.verify_mode),
        device_serial: punch.device_serial,
        device_name: punch.device_name,
        user_id: punch.user_id,
        local_time,
        instant,
        verify_mode: punch.verify_mode,
        punch_state: punch.punch_state,
        work_code: punch.work_code,
        source: punch.source,
        flags,
        clock_drift_ms: punch.clock_drift_ms,
        raw: punch.raw,
    })
}

/// The moment of a wall clock's time, and the remark on it.
///
/// A time that was shown twice is the earlier moment. One that was never shown is read by the offset that held before
/// the clocks were set forward: it is what a terminal shows that nobody has set forward yet.
pub(crate) fn instant_of(local: NaiveDateTime, zone: Tz) -> (Instant, Option<Reason>) {
    let (offset, remarkable) = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => (offset, None),
        MappedLocalTime::Ambiguous(earlier, _) => (earlier, Some(Reason::AmbiguousLocalTime)),
        MappedLocalTime::None => (offset_before_gap(local, zone), Some(Reason::SkippedLocalTime)),
    };
    let utc = local.checked_sub_offset(offset.fix()).unwrap_or(local);
    (Instant { utc: Utc.from_utc_datetime(&utc), zone }, remarkable)
}

/// The last offset before the gap that the time is in. The widest gap is the day that islands skipped when they
/// changed sides of the date line.
fn offset_before_gap(local: NaiveDateTime, zone: Tz) -> <Tz as TimeZone>::Offset {
    (1..=25)
        .filter_map(|hours| local.checked_sub_signed(TimeDelta::hours(hours)))
        .find_map(|before| zone.offset_from_local_datetime(&before).latest())
        .unwrap_or_else(|| zone.offset_from_utc_datetime(&local))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::conformance::sample_punch;
    use crate::validate::{MAX_ID_CHARS, MAX_RAW_BYTES};
    use crate::{PunchState, VerifyMode};

    fn at(year: i32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(year, month, day).unwrap().and_hms_opt(hour, minute, second).unwrap()
    }

    #[expect(clippy::result_large_err)] // As `normalize` itself.
    fn judged(punch: RawPunch, rules: &Rules, zone: Option<Tz>) -> Result<AttendanceEvent, Rejection> {
        normalize(punch, &Context { zone, rules, host_now: at(2025, 6, 1, 12, 0, 0) })
    }

    fn reason_of(punch: RawPunch) -> Reason {
        judged(punch, &Rules::default(), None).unwrap_err().reason
    }

    fn flags_of(punch: RawPunch) -> Vec<Reason> {
        judged(punch, &Rules::default(), None).unwrap().flags
    }

    fn with_user_id(user_id: &str) -> RawPunch {
        RawPunch { user_id: user_id.to_owned(), ..sample_punch(0) }
    }

    fn with_time(time: NaiveDateTime) -> RawPunch {
        RawPunch { local_time: time.into(), ..sample_punch(0) }
    }

    #[test]
    fn an_ordinary_punch_becomes_an_event_without_flags() {
        let event = judged(sample_punch(41), &Rules::default(), None).unwrap();
        assert_eq!((event.user_id.as_str(), event.flags.len(), event.instant), ("42", 0, None));
    }

    #[test]
    fn a_user_id_of_no_person_waits_in_quarantine() {
        assert_eq!(reason_of(with_user_id("")), Reason::EmptyUserId);
        assert_eq!(reason_of(with_user_id("A12")), Reason::NonNumericUserId);
        assert_eq!(reason_of(with_user_id("00")), Reason::NonPositiveUserId);
    }

    #[test]
    fn an_id_with_bytes_that_are_no_text_is_nobody_elses() {
        for id in ["5\u{FFFD}D2", "\u{FFFD}D25", "\u{FFFD}D2", "5\u{3}"] {
            assert_eq!(reason_of(with_user_id(id)), Reason::UndecodableUserId, "{id:?}");
        }
        let flag = Rules::default().policy(Reason::UndecodableUserId, Policy::Flag).unwrap();
        let event = judged(with_user_id("5\u{FFFD}D2"), &flag, None).unwrap();
        assert_eq!((event.user_id.as_str(), event.flags), ("5\u{FFFD}D2", vec![Reason::UndecodableUserId]));
    }

    #[test]
    fn the_python_tools_reading_of_such_an_id_is_a_setting() {
        let accept = Rules::default().policy(Reason::UndecodableUserId, Policy::Accept).unwrap();
        let as_python = |id: &str| {
            judged(with_user_id(id), &accept, None).map(|event| (event.user_id, event.flags)).map_err(Box::new)
        };
        assert_eq!(as_python("5\u{FFFD}D2"), Ok(("5".to_owned(), vec![])));
        assert_eq!(as_python("\u{FFFD}D25"), Ok(("5".to_owned(), vec![])));
        for (id, reason) in [("\u{FFFD}D2", Reason::EmptyUserId), ("5\u{3}", Reason::NonNumericUserId)] {
            let rejection = as_python(id).unwrap_err();
            assert_eq!((rejection.reason, rejection.punch), (reason, with_user_id(id)), "{id:?}");
        }
    }

    #[test]
    fn the_number_of_a_slot_is_nobodys_id_unless_a_rule_says_so() {
        let punch = RawPunch { uid: Some(7), raw: vec![0; 8], ..with_user_id("") };
        assert_eq!(reason_of(punch.clone()), Reason::UnknownSlot);
        let as_python = |policy| {
            let rules = Rules::default().policy(Reason::UnknownSlot, policy).unwrap();
            judged(punch.clone(), &rules, None).map(|event| (event.user_id, event.flags)).unwrap()
        };
        assert_eq!(as_python(Policy::Accept), ("7".to_owned(), vec![]));
        assert_eq!(as_python(Policy::Flag), ("7".to_owned(), vec![Reason::UnknownSlot]));
        // Refused for another reason, it still waits without an id.
        let accept = Rules::default().policy(Reason::UnknownSlot, Policy::Accept).unwrap().allow_list(["8".to_owned()]);
        let rejection = judged(punch.clone(), &accept, None).unwrap_err();
        assert_eq!((rejection.reason, rejection.punch), (Reason::NotOnAllowList, punch));
    }

    #[test]
    fn the_number_0_is_no_user_id_and_the_text_0_is_one() {
        let slot = RawPunch { uid: Some(0), raw: vec![0; 8], ..with_user_id("0") };
        let number = RawPunch { id_is_number: true, raw: vec![0; 16], ..with_user_id("0") };
        let text = RawPunch { raw: vec![0; 40], ..with_user_id("0") };
        assert_eq!(
            [slot, number, text].map(reason_of),
            [Reason::EmptyUserId, Reason::EmptyUserId, Reason::NonPositiveUserId]
        );
        // Somebody whom the terminal keeps in its slot 0.
        let user = RawPunch { uid: Some(0), raw: vec![0; 8], ..with_user_id("42") };
        assert!(judged(user, &Rules::default(), None).is_ok());
    }

    #[test]
    fn a_rejection_gives_the_punch_back_unchanged_and_says_why() {
        let rejection = judged(with_user_id("A12"), &Rules::default(), None).unwrap_err();
        assert_eq!(rejection.punch, with_user_id("A12"));
        let text = "non_numeric_user_id: user id \"A12\" at 2025-05-18 07:01:09 on front-gate";
        assert_eq!(rejection.to_string(), text);
    }

    #[test]
    fn a_date_that_no_calendar_has_is_quarantined_whatever_else_is_wrong() {
        let local_time = LocalTime::Impossible("2025-02-30 07:00:00".to_owned());
        assert_eq!(reason_of(RawPunch { local_time, ..with_user_id("") }), Reason::ImpossibleTime);
        assert_eq!(reason_of(with_time(at(10_000, 1, 1, 0, 0, 0))), Reason::ImpossibleTime);
    }

    #[test]
    fn text_that_no_backend_holds_is_undecodable() {
        assert_eq!(reason_of(with_user_id("4\u{0}2")), Reason::Undecodable);
        assert_eq!(reason_of(with_user_id(&"7".repeat(MAX_ID_CHARS + 1))), Reason::Undecodable);
        assert_eq!(flags_of(with_user_id(&"\u{664}".repeat(MAX_ID_CHARS))), []);
        let named = RawPunch { device_name: "a\0".to_owned(), ..sample_punch(0) };
        assert_eq!(reason_of(named), Reason::Undecodable);
        assert_eq!(reason_of(RawPunch { raw: vec![0; MAX_RAW_BYTES + 1], ..sample_punch(0) }), Reason::Undecodable);
    }

    #[test]
    fn a_time_before_the_earliest_is_flagged_and_that_time_is_not() {
        assert_eq!(flags_of(with_time(at(2000, 6, 1, 7, 0, 0))), [Reason::ClockResetTime]);
        assert_eq!(flags_of(with_time(at(2009, 12, 31, 23, 59, 59))), [Reason::ClockResetTime]);
        assert_eq!(flags_of(with_time(at(2010, 1, 1, 0, 0, 0))), []);
        let rules = Rules::default().earliest(at(2000, 1, 2, 0, 0, 0));
        assert_eq!(judged(with_time(at(2000, 6, 1, 7, 0, 0)), &rules, None).unwrap().flags, []);
    }

    #[test]
    fn a_time_before_what_is_usual_at_the_terminal_is_flagged() {
        let mut rules = Rules::default();
        rules.set_usual_since(Some(at(2023, 5, 1, 0, 0, 0)));
        let flags = |time| judged(with_time(time), &rules, None).unwrap().flags;
        assert_eq!(flags(at(2018, 1, 1, 0, 5, 0)), [Reason::ClockResetTime]);
        assert_eq!(flags(at(2023, 5, 1, 0, 0, 0)), []);
    }

    #[test]
    fn a_day_ahead_of_the_host_is_not_the_future_and_a_second_more_is() {
        assert_eq!(flags_of(with_time(at(2025, 6, 2, 12, 0, 0))), []);
        assert_eq!(flags_of(with_time(at(2025, 6, 2, 12, 0, 1))), [Reason::FutureTime]);
    }

    #[test]
    fn codes_outside_the_tables_are_flagged() {
        let punch = RawPunch { punch_state: PunchState(6), verify_mode: VerifyMode(17), ..sample_punch(0) };
        assert_eq!(flags_of(punch), [Reason::UnknownState, Reason::UnknownVerifyMode]);
        let punch = RawPunch { punch_state: PunchState(255), verify_mode: VerifyMode(25), ..sample_punch(0) };
        assert_eq!(flags_of(punch), []);
    }

    #[test]
    fn a_policy_decides_what_a_broken_rule_comes_to() {
        let set = |policy| Rules::default().policy(Reason::NonNumericUserId, policy).unwrap();
        assert_eq!(judged(with_user_id("A12"), &set(Policy::Accept), None).unwrap().flags, []);
        let flagged = judged(with_user_id("A12"), &set(Policy::Flag), None).unwrap();
        assert_eq!(flagged.flags, [Reason::NonNumericUserId]);
        let strict = Rules::default().policy(Reason::UnknownState, Policy::Quarantine).unwrap();
        let punch = RawPunch { punch_state: PunchState(48), ..sample_punch(0) };
        assert_eq!(judged(punch, &strict, None).unwrap_err().reason, Reason::UnknownState);
    }

    #[test]
    fn with_an_allow_list_others_wait_in_quarantine() {
        let rules = Rules::default().allow_list(["42".to_owned()]);
        assert!(judged(with_user_id("42"), &rules, None).is_ok());
        assert_eq!(judged(with_user_id("0042"), &rules, None).unwrap_err().reason, Reason::NotOnAllowList);
    }

    #[test]
    fn a_zone_sets_the_moment_beside_the_wall_clock() {
        let moment = |zone, time| {
            let event = judged(with_time(time), &Rules::default(), Some(zone)).unwrap();
            assert_eq!(event.local_time, time);
            (event.instant.unwrap().utc.to_string(), event.flags)
        };
        let maldives = moment(Tz::Indian__Maldives, at(2025, 5, 18, 7, 1, 9));
        assert_eq!(maldives, ("2025-05-18 02:01:09 UTC".to_owned(), vec![]));
        let twice = moment(Tz::Europe__Berlin, at(2024, 10, 27, 2, 30, 0));
        assert_eq!(twice, ("2024-10-27 00:30:00 UTC".to_owned(), vec![Reason::AmbiguousLocalTime]));
        let never = moment(Tz::Europe__Berlin, at(2024, 3, 31, 2, 30, 0));
        assert_eq!(never, ("2024-03-31 01:30:00 UTC".to_owned(), vec![Reason::SkippedLocalTime]));
        let skipped_day = moment(Tz::Pacific__Apia, at(2011, 12, 30, 23, 59, 59));
        assert_eq!(skipped_day, ("2011-12-31 09:59:59 UTC".to_owned(), vec![Reason::SkippedLocalTime]));
    }

    #[test]
    fn fractions_of_a_second_are_cut_off() {
        let time = at(2025, 5, 18, 7, 1, 9);
        let event = judged(with_time(time + TimeDelta::milliseconds(999)), &Rules::default(), None).unwrap();
        assert_eq!(event.local_time, time);
    }

    fn any_punch() -> impl Strategy<Value = RawPunch> {
        let time = prop_oneof![
            (0_i64..4_200_000_000)
                .prop_map(|seconds| LocalTime::Real(at(1990, 1, 1, 0, 0, 0) + TimeDelta::seconds(seconds))),
            ".{0,20}".prop_map(LocalTime::Impossible),
        ];
        let user_id = prop_oneof!["[0-9]{1,9}", ".{0,80}", "[+-]?[ _0-9\u{660}-\u{669}]{0,6}"];
        (user_id, time, any::<(u8, u8, Option<u32>)>(), prop::collection::vec(any::<u8>(), 0..300)).prop_map(
            |(user_id, local_time, (mode, state, work_code), raw)| RawPunch {
                user_id,
                local_time,
                verify_mode: VerifyMode(mode),
                punch_state: PunchState(state),
                work_code,
                raw,
                ..sample_punch(0)
            },
        )
    }

    proptest! {
        #[test]
        fn normalizing_twice_gives_the_same(punch in any_punch()) {
            let rules = Rules::default();
            let once = judged(punch.clone(), &rules, Some(Tz::Europe__Berlin));
            prop_assert_eq!(&once, &judged(punch, &rules, Some(Tz::Europe__Berlin)));
        }

        #[test]
        fn an_event_keeps_what_was_read(punch in any_punch()) {
            match judged(punch.clone(), &Rules::default(), None) {
                Ok(event) => {
                    prop_assert_eq!(&event.user_id, &punch.user_id);
                    prop_assert_eq!(event.raw, punch.raw);
                    prop_assert!(crate::PersonId::new(&event.user_id).is_ok());
                    prop_assert!(event.flags.is_sorted_by(|a, b| a < b));
                }
                Err(rejection) => prop_assert_eq!(rejection.punch, punch),
            }
        }
    }
}
