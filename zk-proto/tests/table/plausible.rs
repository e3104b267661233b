//! Good, neutral and bad records, and how many of each a set may have.

use super::{EIGHT_A, EIGHT_B, FORTY, SIXTEEN, clear_id, fields, layouts, log_with, set_time};
use crate::logs::{Log, evidence, given_out, host_now, prove_twice, spool};
use zk_proto::DeviceTime;
use zk_proto::proof::{Counts, Doubt, Evidence, Tally, prove};

const RECORDS: u32 = 40;
const CHANGED: usize = 20;
const DAY: u32 = 86_400;

fn tally(good: u64, neutral: u64, bad: u64) -> Tally {
    Tally { good, neutral, bad }
}

const GOOD: Tally = Tally { good: 40, neutral: 0, bad: 0 };
const NEUTRAL: Tally = Tally { good: 39, neutral: 1, bad: 0 };
const BAD: Tally = Tally { good: 39, neutral: 0, bad: 1 };

fn whole(log: &Log) -> (Vec<u8>, Evidence) {
    let set = log.set();
    let evidence = evidence(set.len(), Counts::steady(log.records));
    (set, evidence)
}

/// Judges the one record that `change` changes: with word, size and count, and with size and count alone.
fn judged(layout: zk_proto::record::AttendanceLayout, sizes_agree: bool, change: impl Fn(&mut [u8])) -> Tally {
    let log = log_with(layout, RECORDS, |row, _, record| {
        if row == CHANGED {
            change(record);
        }
    });
    let (mut set, evidence) = whole(&log);
    if !sizes_agree {
        set[..4].fill(0);
    }
    let proven = prove(spool(&set), &evidence).unwrap_or_else(|unproven| panic!("{layout}: {unproven}"));
    assert_eq!(proven.layout(), Some(layout));
    proven.tally()
}

#[test]
fn a_date_is_good_from_the_day_after_the_reset_to_a_day_past_the_later_clock() {
    let limit = host_now().0 + DAY;
    let thirtieth_of_february = DeviceTime::new(2026, 2, 28, 7, 0, 0).unwrap().0 + 2 * DAY;
    // The date; its class with size and count; its class with the length word too, when it only has to exist.
    let rows = [
        (0, NEUTRAL, NEUTRAL),
        (DAY - 1, NEUTRAL, NEUTRAL),
        (DAY, GOOD, GOOD),
        (host_now().0, GOOD, GOOD),
        (limit, GOOD, GOOD),
        (limit + 1, BAD, GOOD),
        (DeviceTime::new(2036, 1, 1, 0, 0, 0).unwrap().0, BAD, GOOD),
        (thirtieth_of_february, BAD, BAD),
        (u32::MAX, BAD, BAD),
    ];
    for layout in layouts() {
        for (time, without_word, with_word) in rows {
            let change = |record: &mut [u8]| set_time(fields(layout), record, time);
            assert_eq!(judged(layout, true, change), with_word, "{layout} {time}");
            if layout != EIGHT_A {
                assert_eq!(judged(layout, false, change), without_word, "{layout} {time} without the word");
            }
        }
    }
}

#[test]
fn the_later_of_the_two_clocks_sets_the_limit() {
    for (terminal, expected) in
        [(None, BAD), (Some(host_now().0 - 1000 * DAY), BAD), (Some(host_now().0 + 9 * DAY), GOOD)]
    {
        let log = log_with(FORTY, RECORDS, |row, fields, record| {
            if row == CHANGED {
                set_time(fields, record, host_now().0 + 5 * DAY);
            }
        });
        let (mut set, evidence) = whole(&log);
        set[..4].fill(0);
        let evidence = evidence.terminal_now(terminal.map(DeviceTime));
        assert_eq!(prove(spool(&set), &evidence).unwrap().tally(), expected, "{terminal:?}");
    }
}

#[test]
fn the_date_of_the_reset_is_good_while_the_terminals_own_clock_says_so() {
    for (terminal, expected) in [(Some(500), GOOD), (Some(DAY), NEUTRAL), (None, NEUTRAL)] {
        let log = log_with(FORTY, RECORDS, |row, fields, record| {
            if row == CHANGED {
                set_time(fields, record, 300);
            }
        });
        let (set, evidence) = whole(&log);
        let evidence = evidence.terminal_now(terminal.map(DeviceTime));
        assert_eq!(prove(spool(&set), &evidence).unwrap().tally(), expected, "{terminal:?}");
    }
}

#[test]
fn a_state_is_0_to_5_or_255() {
    for layout in [EIGHT_A, SIXTEEN, FORTY] {
        for state in 0..=u8::MAX {
            let expected = if state <= 5 || state == 255 { GOOD } else { BAD };
            let change = |record: &mut [u8]| record[fields(layout).state.unwrap()] = state;
            assert_eq!(judged(layout, true, change), expected, "{layout} {state}");
        }
    }
    for state in 0..8 {
        let expected = if state <= 5 { GOOD } else { BAD };
        assert_eq!(judged(EIGHT_B, true, |record| EIGHT_B.fields().state.set(record, state)), expected, "{state}");
    }
}

#[test]
fn a_verify_mode_that_occurs_once_is_one_of_the_documented() {
    for layout in [EIGHT_A, SIXTEEN, FORTY] {
        for mode in 0..=u8::MAX {
            let expected = if matches!(mode, 0..=16 | 25 | 101 | 104) { GOOD } else { BAD };
            let change = |record: &mut [u8]| record[fields(layout).mode.unwrap()] = mode;
            assert_eq!(judged(layout, true, change), expected, "{layout} {mode}");
        }
    }
}

#[test]
fn at_most_four_other_modes_are_taken_when_they_recur() {
    for layout in [EIGHT_A, SIXTEEN, FORTY] {
        for (others, proven) in [(1, true), (4, true), (5, true), (6, false)] {
            // All records have one of them. Four of five are 80 %, four of six are not.
            let log = log_with(layout, 120, |row, fields, record| {
                record[fields.mode.unwrap()] = 200 + (row % others) as u8;
            });
            let (set, evidence) = whole(&log);
            match prove(spool(&set), &evidence) {
                Ok(it) => {
                    assert!(proven, "{layout} {others}");
                    assert_eq!(it.tally().bad, if others == 5 { 24 } else { 0 }, "{layout}");
                    assert_eq!(given_out(it), log.bytes);
                }
                Err(unproven) => assert!(!proven, "{layout} {others}: {unproven}"),
            }
        }
    }
}

#[test]
fn an_id_is_printable_up_to_a_nul_or_the_fields_end() {
    let texts: [(&[u8], Tally); 9] = [
        (b"1", GOOD),
        (b"A-7", GOOD),
        (b"123456789012345678901234", GOOD),
        ("\u{664}\u{662}".as_bytes(), GOOD),
        (b"7\0\x01\xFF", GOOD),
        (b"", NEUTRAL),
        (b"\0garbage", NEUTRAL),
        (b"7\x01", BAD),
        (b"7\xFF", BAD),
    ];
    for (text, expected) in texts {
        let change = |record: &mut [u8]| {
            clear_id(fields(FORTY), record);
            record[fields(FORTY).id.range()][..text.len()].copy_from_slice(text);
        };
        assert_eq!(judged(FORTY, true, change), expected, "{text:?}");
    }
}

#[test]
fn a_number_for_an_id_is_not_zero() {
    for layout in [EIGHT_A, EIGHT_B, SIXTEEN] {
        assert_eq!(judged(layout, true, |record| clear_id(fields(layout), record)), NEUTRAL, "{layout}");
    }
}

/// Stricter than the rules: memory that was never written is all zero.
#[test]
fn a_record_without_id_date_state_and_mode_is_bad() {
    for layout in layouts() {
        assert_eq!(judged(layout, true, |record| record.fill(0)), BAD, "{layout}");
    }
}

#[test]
fn of_those_not_neutral_80_percent_are_good_and_of_fewer_than_five_all_but_one_and_at_least_one() {
    let rows = [
        // Good, neutral, bad, and whether that is enough.
        (8, 0, 2, true),
        (7, 0, 2, false),
        (4, 0, 1, true),
        (3, 0, 2, false),
        (3, 0, 1, true),
        (2, 0, 2, false),
        (1, 0, 1, true),
        (0, 0, 1, false),
        (0, 9, 1, false),
        (1, 9, 0, true),
        (2, 9, 1, true),
        (8, 9, 2, true),
        (7, 9, 2, false),
        (16, 40, 4, true),
        (15, 40, 4, false),
    ];
    for (good, neutral, bad, enough) in rows {
        let log = log_with(FORTY, good + neutral + bad, |row, fields, record| match row as u32 {
            row if row < bad => set_time(fields, record, u32::MAX),
            row if row < bad + neutral => clear_id(fields, record),
            _ => {}
        });
        let (set, evidence) = whole(&log);
        let row = format!("{good} good, {neutral} neutral, {bad} bad");
        match prove(spool(&set), &evidence) {
            Ok(proven) => {
                assert!(enough, "{row}");
                assert_eq!(proven.tally(), tally(good.into(), neutral.into(), bad.into()), "{row}");
            }
            Err(unproven) => {
                assert!(!enough, "{row}: {unproven}");
                let counted = tally(good.into(), neutral.into(), bad.into());
                let implausible =
                    |reason: &Doubt| matches!(reason, Doubt::Implausible { tally, .. } if *tally == counted);
                assert!(unproven.doubts().iter().any(implausible), "{row}: {unproven}");
            }
        }
    }
}

#[test]
fn nowhere_have_64_in_a_row_more_bad_ones_than_good_ones() {
    // From record 500 on: bad ones, then neutral ones, which fill the 64 and count for neither side.
    for (bad, neutral, enough) in [(32, 0, true), (33, 0, false), (20, 24, true), (20, 25, false), (1, 63, false)] {
        let log = log_with(FORTY, 1000, |row, fields, record| match row {
            500.. if row < 500 + bad => set_time(fields, record, u32::MAX),
            500.. if row < 500 + bad + neutral => clear_id(fields, record),
            _ => {}
        });
        let (set, evidence) = whole(&log);
        match prove_twice(&set, &evidence) {
            Ok(proven) => {
                assert!(enough, "{bad} {neutral}");
                assert_eq!(given_out(proven), log.bytes);
            }
            Err(unproven) => {
                assert!(!enough, "{bad} {neutral}: {unproven}");
                assert!(unproven.doubts().iter().any(|reason| matches!(reason, Doubt::BadRun { .. })), "{unproven}");
            }
        }
    }
}

#[test]
fn a_log_in_another_order_is_taken_at_the_second_reading() {
    for layout in layouts() {
        for records in [5, 50, 500] {
            let mut log = log_with(layout, records, |_, _, _| ());
            let backwards: Vec<u8> = log.bytes.chunks(layout.width()).rev().flatten().copied().collect();
            log.bytes = backwards;
            let (set, evidence) = whole(&log);
            // The clock may have been set back; but parts of the log may also have changed places on the way.
            assert!(prove(spool(&set), &evidence).is_err(), "{layout} {records}");
            let proven = prove_twice(&set, &evidence);
            let proven = proven.unwrap_or_else(|unproven| panic!("{layout} {records}: {unproven}"));
            assert_eq!(given_out(proven), log.bytes, "{layout} {records}");
        }
    }
}

/// With fewer than five records, misaligned fields look neutral too easily.
#[test]
fn one_of_fewer_than_five_has_a_likely_date_and_an_id_or_at_most_one_of_them_is_missing() {
    let recent = host_now().0 - 100 * DAY;
    // The date, the presence of an id, and whether a record of this kind alone is proven.
    let rows = [
        (recent, true, true),
        (recent, false, true),
        (DeviceTime::new(2010, 1, 1, 0, 0, 0).unwrap().0, true, true),
        (DeviceTime::new(2010, 1, 1, 0, 0, 0).unwrap().0, false, false),
        (DeviceTime::new(2004, 1, 1, 0, 0, 0).unwrap().0, true, false),
        (256, true, true),
        (255, true, false),
        (256, false, false),
    ];
    for layout in [FORTY, SIXTEEN] {
        for (time, has_id, proven) in rows {
            let set = |records| {
                let log = log_with(layout, records, |_, fields, record| {
                    set_time(fields, record, time);
                    if !has_id {
                        clear_id(fields, record);
                    }
                });
                let (set, evidence) = whole(&log);
                prove(spool(&set), &evidence)
            };
            for records in [1, 4] {
                assert_eq!(set(records).is_ok(), proven, "{layout} {records} of {time}, id: {has_id}");
            }
            assert!(set(5).is_ok(), "{layout} of {time}, id: {has_id}");
        }
    }
}

#[test]
fn an_id_of_fewer_than_five_is_ascii() {
    for (records, proven) in [(1, false), (4, false), (5, true)] {
        let log = log_with(FORTY, records, |_, fields, record| {
            clear_id(fields, record);
            record[fields.id.range()][..4].copy_from_slice("\u{664}\u{662}".as_bytes());
        });
        let (set, evidence) = whole(&log);
        assert_eq!(prove(spool(&set), &evidence).is_ok(), proven, "{records}");
    }
}
