//! The table of witnesses: A length word, B size, C count, D record numbers; each alone, in pairs, and all together.

use super::{EIGHT_A, EIGHT_B, FORTY, FORTY_NINE, SIXTEEN, is_wide, layouts};
use crate::logs::{Kind, Log, evidence, given_out, spool};
use zk_proto::proof::{Counts, Doubt, Evidence, Remembered, Witnesses, prove};
use zk_proto::record::AttendanceLayout;

const RECORDS: u32 = 200;

/// The result for a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Proven,
    /// Proven after a second, identical reading in a new session.
    Second,
    Refused,
}

use Outcome::{Proven, Refused, Second};

/// The witnesses that hold, the result for an unknown terminal, and the result for one whose layout is remembered.
///
/// One row is less strict than "A, B and C": record numbers that run on support the width too, as `docs/proof.md`
/// says.
const NUMBERED: [(&str, Outcome, Outcome); 16] = [
    ("", Refused, Refused),
    ("A", Refused, Refused),
    ("B", Refused, Refused),
    ("C", Refused, Refused),
    ("D", Refused, Refused),
    ("AB", Second, Second),
    ("AC", Proven, Proven),
    ("AD", Second, Second),
    ("BC", Proven, Proven),
    ("BD", Second, Second),
    ("CD", Proven, Proven),
    ("ABC", Proven, Proven),
    ("ABD", Second, Second),
    ("ACD", Proven, Proven),
    ("BCD", Proven, Proven),
    ("ABCD", Proven, Proven),
];

/// The same for layouts without a record number, whose absence does no harm.
const WITHOUT_NUMBERS: [(&str, Outcome, Outcome); 8] = [
    ("", Refused, Refused),
    ("A", Refused, Refused),
    ("B", Refused, Refused),
    ("C", Refused, Refused),
    ("AB", Second, Second),
    ("AC", Proven, Proven),
    ("BC", Proven, Proven),
    ("ABC", Proven, Proven),
];

/// Layout A of 8 bytes.
const LAYOUT_A: [(&str, Outcome, Outcome); 8] = [
    ("", Refused, Refused),
    ("A", Refused, Refused),
    ("B", Refused, Refused),
    ("C", Refused, Refused),
    ("AB", Second, Second),
    ("AC", Refused, Refused),
    ("BC", Refused, Refused),
    ("ABC", Proven, Proven),
];

/// Widths that nobody has reported. Stricter than the rules: the count alone does not support such a width.
const ALL_THREE: [(&str, Outcome, Outcome); 8] = [
    ("", Refused, Refused),
    ("A", Refused, Refused),
    ("B", Refused, Refused),
    ("C", Refused, Refused),
    ("AB", Refused, Refused),
    ("AC", Refused, Refused),
    ("BC", Refused, Refused),
    ("ABC", Proven, Proven),
];

/// A log and its set, in which only the named witnesses hold.
fn staged(layout: AttendanceLayout, records: u32, holding: &str) -> (Log, Vec<u8>, Evidence) {
    let holds = |witness| holding.contains(witness);
    let log = Log::new(layout, records, Kind::Usual, holds('D'), 5);
    // Not a whole number of records of any width, but less than arrived.
    let word = if holds('A') { log.bytes.len() as u32 } else { 1 };
    let mut set = [&word.to_le_bytes()[..], &log.bytes].concat();
    if !holds('B') {
        set.extend_from_slice(&[0x5A; 7]);
    }
    let counts = Counts::steady(if holds('C') { records } else { records + 11 });
    let evidence = evidence(set.len(), counts);
    (log, set, evidence)
}

fn holding(witnesses: Witnesses) -> String {
    let each = [
        ('A', witnesses.length_word),
        ('B', witnesses.size),
        ('C', witnesses.count),
        ('D', witnesses.numbers == Some(true)),
    ];
    each.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

fn result(layout: AttendanceLayout, records: u32, names: &str, remembered: Remembered) -> Outcome {
    let (log, set, evidence) = staged(layout, records, names);
    let evidence = evidence.remembered(remembered);
    let row = format!("{layout} {names:?} {remembered:?}");
    let unproven = match prove(spool(&set), &evidence) {
        Ok(proven) => {
            assert_eq!((proven.layout(), holding(proven.witnesses())), (Some(layout), names.to_owned()), "{row}");
            assert_eq!(proven.trailing(), if names.contains('B') { 0 } else { 7 }, "{row}");
            assert_eq!(given_out(proven), log.bytes, "{row}");
            return Proven;
        }
        Err(unproven) => unproven,
    };
    let Some(earlier) = unproven.needs_second_reading() else { return Refused };
    assert!(matches!(unproven.doubts(), [Doubt::CountFails { .. }]), "{row}: {unproven}");
    let again = evidence.clone().earlier(Some(earlier));
    assert_eq!(given_out(prove(spool(&set), &again).unwrap()), log.bytes, "{row}");
    let mut other = set.clone();
    // The last byte of an id, or its low byte: as plausible as before.
    other[4 + 100 * layout.width() + if is_wide(layout) { 2 } else { 0 }] ^= 1;
    assert_eq!(prove(spool(&other), &again).unwrap_err().doubts(), [Doubt::ReadingsDiffer], "{row}");
    let always_off = evidence.remembered(Remembered { count_off: true, ..remembered });
    assert_eq!(given_out(prove(spool(&set), &always_off).unwrap()), log.bytes, "{row}");
    Second
}

fn walk(layout: AttendanceLayout, rows: &[(&str, Outcome, Outcome)]) {
    for (names, fresh, known) in rows {
        assert_eq!(result(layout, RECORDS, names, Remembered::default()), *fresh, "{layout} {names:?}");
        let remembered = Remembered { layout: Some(layout), ..Remembered::default() };
        assert_eq!(result(layout, RECORDS, names, remembered), *known, "{layout} {names:?} remembered");
    }
}

#[test]
fn two_witnesses_prove_a_numbered_layout_and_a_failing_count_asks_for_a_second_equal_reading() {
    walk(FORTY, &NUMBERED);
    walk(FORTY_NINE, &NUMBERED);
}

#[test]
fn numbers_that_a_layout_does_not_have_are_not_held_against_it() {
    walk(SIXTEEN, &WITHOUT_NUMBERS);
    walk(EIGHT_B, &WITHOUT_NUMBERS);
}

#[test]
fn layout_a_of_eight_bytes_needs_word_and_size_and_the_count_or_a_second_reading() {
    walk(EIGHT_A, &LAYOUT_A);
}

#[test]
fn a_width_that_nobody_has_reported_needs_word_size_and_count_until_it_is_remembered() {
    for (names, fresh, _) in ALL_THREE {
        assert_eq!(result(AttendanceLayout::Wide(52), RECORDS, names, Remembered::default()), fresh, "{names:?}");
    }
    // Stricter than the rules: fewer than five records are not proven at all.
    for (records, expected) in [(4, Refused), (5, Proven)] {
        assert_eq!(result(AttendanceLayout::Wide(52), records, "ABC", Remembered::default()), expected, "{records}");
    }
}

/// Stricter than the rules: so few records need more than two witnesses.
#[test]
fn fewer_than_five_short_records_need_word_size_and_count() {
    for layout in [EIGHT_B, SIXTEEN] {
        for records in 2..=6 {
            for (names, ..) in WITHOUT_NUMBERS {
                let enough = names == "ABC" || (records >= 5 && matches!(names, "AC" | "BC"));
                let expected = if enough { Proven } else { Refused };
                assert_eq!(
                    result(layout, records, names, Remembered::default()),
                    expected,
                    "{layout} {records} {names:?}"
                );
            }
        }
    }
}

#[test]
fn the_count_may_lie_between_the_two_that_were_read() {
    for layout in layouts() {
        let (log, set, steady) = staged(layout, RECORDS, "ABC");
        let between = [(200, 200), (199, 200), (200, 207), (203, 198)];
        for (before, after) in between {
            let counts = Counts { before: Some(before), after: Some(after) };
            let proven = prove(spool(&set), &steady.clone().counts(counts)).unwrap();
            assert!(proven.witnesses().count, "{layout} {before} {after}");
            assert_eq!(given_out(proven), log.bytes);
        }
        for (before, after) in [(201, 207), (150, 199)] {
            let counts = Counts { before: Some(before), after: Some(after) };
            assert!(prove(spool(&set), &steady.clone().counts(counts)).is_err(), "{layout} {before} {after}");
        }
    }
}

/// Stricter than the rules: zero is a whole number of records, but proves nothing.
#[test]
fn a_length_word_of_zero_is_no_witness() {
    let (log, mut set, evidence) = staged(FORTY, RECORDS, "ABC");
    set[..4].fill(0);
    let proven = prove(spool(&set), &evidence).unwrap();
    assert_eq!(holding(proven.witnesses()), "BC");
    assert_eq!(given_out(proven), log.bytes);
}

#[test]
fn a_length_word_above_the_bytes_that_arrived_is_no_witness() {
    let (log, mut set, evidence) = staged(FORTY, RECORDS, "ABC");
    set[..4].copy_from_slice(&(log.bytes.len() as u32 + 40).to_le_bytes());
    assert_eq!(holding(prove(spool(&set), &evidence).unwrap().witnesses()), "BC");
}

/// The cut by twelve bytes of which a client without proof makes records.
#[test]
fn the_twelve_byte_cut_breaks_every_witness_and_half_a_log_of_empty_ids_breaks_none() {
    let log = Log::new(FORTY, RECORDS, Kind::HalfEmptyIds, true, 9);
    let set = log.set();
    let counts = Counts::steady(RECORDS);
    let proven = prove(spool(&set), &evidence(set.len(), counts)).unwrap();
    assert_eq!(holding(proven.witnesses()), "ABCD");
    assert_eq!(proven.tally().neutral, u64::from(RECORDS) / 2);
    assert_eq!(given_out(proven), log.bytes);
    let cut = &set[12..];
    let unproven = prove(spool(cut), &evidence(cut.len(), counts)).unwrap_err();
    let as_forty = unproven.doubts().iter().find_map(|reason| match reason {
        Doubt::Witnesses { layout: zk_proto::proof::Shape::Attendance(FORTY), witnesses } => Some(*witnesses),
        _ => None,
    });
    // Numbers are not even checked if nothing else holds.
    assert_eq!(as_forty.map(holding), Some(String::new()), "{unproven}");
}

/// A set with only empty ids or reset dates needs word, size and count, and then goes to quarantine.
#[test]
fn a_set_of_neutral_records_alone_needs_word_size_and_count() {
    for layout in [EIGHT_B, SIXTEEN, FORTY, FORTY_NINE] {
        for names in ["ABC", "AB", "AC", "BC"] {
            let (mut log, set, evidence) = staged(layout, RECORDS, names);
            let (mut resets, mut empty) = (set.clone(), set);
            let end = log.bytes.len();
            for (row, (reset, empty)) in resets[4..4 + end]
                .chunks_mut(layout.width())
                .zip(empty[4..4 + end].chunks_mut(layout.width()))
                .enumerate()
            {
                super::set_time(super::fields(layout), reset, row as u32 * 60);
                super::clear_id(super::fields(layout), empty);
            }
            for (which, set) in [("resets", resets), ("empty", empty)] {
                let proof = prove(spool(&set), &evidence);
                // Stricter than the rules: minutes and flags of short records, read as the top byte of a time, make
                // likely dates. So a log of such resets alone may be refused.
                if names == "ABC" && which == "resets" && !super::is_wide(layout) {
                    assert!(proof.map_or(true, |proven| given_out(proven) == set[4..]), "{layout}");
                } else if names == "ABC" {
                    let proven = proof.unwrap_or_else(|unproven| panic!("{layout} {which}: {unproven}"));
                    assert_eq!(proven.tally().neutral, u64::from(RECORDS), "{layout}");
                    log.bytes = set[4..].to_vec();
                    assert_eq!(given_out(proven), log.bytes);
                } else {
                    assert!(proof.is_err(), "{layout} {names} {which}");
                }
            }
        }
    }
}

#[test]
fn a_set_of_nothing_but_the_clocks_reset_is_called_neutral() {
    let log = super::log_with(FORTY, 40, |row, fields, record| super::set_time(fields, record, row as u32 * 60));
    let set = log.set();
    assert!(prove(spool(&set), &evidence(set.len(), Counts::steady(40))).unwrap().is_neutral());
}
