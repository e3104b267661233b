//! Second readings, remainders at the end, and pinned layouts.

use crate::logs::{Kind, Log, evidence, given_out, spool};
use zk_proto::proof::{Counts, Doubt, Evidence, Remembered, prove};
use zk_proto::record::AttendanceLayout;

const WIDE: AttendanceLayout = AttendanceLayout::Wide(40);

fn log(layout: AttendanceLayout) -> Log {
    Log::new(layout, 300, Kind::Usual, false, 77)
}

fn known(set: &[u8]) -> Evidence {
    evidence(set.len(), Counts::steady(300))
}

/// A set with a number of noise records in a row.
fn with_noise(log: &Log, from: usize, records: usize) -> Vec<u8> {
    let (mut set, width) = (log.set(), log.layout.width());
    set[4 + from * width..4 + (from + records) * width].fill(0xEE);
    set
}

#[test]
fn a_few_bad_records_apart_need_no_second_reading() {
    let set = with_noise(&log(WIDE), 100, 7);
    assert_eq!(prove(spool(&set), &known(&set)).unwrap().records(), 300);
}

#[test]
fn eight_bad_records_in_a_row_need_an_identical_second_reading() {
    for layout in [WIDE, AttendanceLayout::Wide(49), AttendanceLayout::Sixteen] {
        let log = log(layout);
        let set = with_noise(&log, 100, 8);
        let first = prove(spool(&set), &known(&set)).unwrap_err();
        let earlier = first.needs_second_reading();
        assert!(earlier.is_some(), "{layout:?}: {first}");
        assert!(matches!(first.doubts(), [Doubt::BadOnes { first: 100, records: 8, .. }]), "{layout:?}: {first}");

        let again = known(&set).earlier(earlier);
        assert_eq!(given_out(prove(spool(&set), &again).unwrap()), set[4..], "{layout:?}: the same twice");

        // The first transfer was damaged, or the second one at another place.
        let clean = log.set();
        assert_eq!(given_out(prove(spool(&clean), &again).unwrap()), clean[4..], "{layout:?}: clean at last");
        let elsewhere = with_noise(&log, 150, 8);
        let differs = prove(spool(&elsewhere), &again).unwrap_err();
        assert_eq!(differs.doubts(), [Doubt::ReadingsDiffer], "{layout:?}");
    }
}

#[test]
fn bad_records_that_were_read_twice_are_remembered_and_need_no_third_reading() {
    let set = with_noise(&log(WIDE), 100, 8);
    let earlier = prove(spool(&set), &known(&set)).unwrap_err().needs_second_reading();
    let proven = prove(spool(&set), &known(&set).earlier(earlier)).unwrap();
    let remembered = Remembered { confirmed: proven.confirmed(), ..Remembered::default() };
    assert!(remembered.confirmed.is_some());
    let later = known(&set).remembered(remembered);
    assert_eq!(prove(spool(&set), &later).unwrap().records(), 300);
    // Other bad records were read once only.
    let elsewhere = with_noise(&log(WIDE), 150, 8);
    assert!(prove(spool(&elsewhere), &later).unwrap_err().needs_second_reading().is_some());
}

#[test]
fn sixty_four_bad_records_in_a_row_are_refused_however_often_they_come() {
    let set = with_noise(&log(WIDE), 100, 64);
    let first = prove(spool(&set), &known(&set)).unwrap_err();
    let again = known(&set).earlier(first.needs_second_reading());
    let second = prove(spool(&set), &again).unwrap_err();
    assert!(second.doubts().iter().any(|reason| matches!(reason, Doubt::BadRun { .. })), "{second}");
}

/// A set with a number of stray bytes after the records, which its length word includes.
fn with_remainder(log: &Log, bytes: usize) -> Vec<u8> {
    let mut set = log.set();
    set.extend((0..bytes).map(|n| (n * 37) as u8));
    let word = (set.len() - 4) as u32;
    set[..4].copy_from_slice(&word.to_le_bytes());
    set
}

#[test]
fn a_remainder_that_the_length_word_counts_in_is_left_out_and_reported() {
    for layout in [WIDE, AttendanceLayout::Wide(49), AttendanceLayout::Sixteen] {
        let log = log(layout);
        let set = with_remainder(&log, 13);
        let first = prove(spool(&set), &known(&set));
        let proven = match first {
            Ok(proven) => proven,
            Err(unproven) => {
                let again = known(&set).earlier(unproven.needs_second_reading());
                prove(spool(&set), &again).unwrap_or_else(|unproven| panic!("{layout:?}: {unproven}"))
            }
        };
        assert_eq!((proven.records(), proven.trailing()), (300, 13), "{layout:?}");
        assert_eq!(given_out(proven), log.bytes, "{layout:?}");
    }
}

#[test]
fn a_remainder_excuses_no_cut() {
    for layout in [WIDE, AttendanceLayout::Wide(49), AttendanceLayout::Sixteen] {
        let log = log(layout);
        for cut in 1..layout.width() {
            let mut set = with_remainder(&log, 13);
            set.drain(4..4 + cut);
            let word = (set.len() - 4) as u32;
            set[..4].copy_from_slice(&word.to_le_bytes());
            let mut evidence = known(&set);
            for _ in 0..2 {
                match prove(spool(&set), &evidence) {
                    Ok(proven) => panic!("{layout:?}, cut by {cut}: {} records", proven.records()),
                    Err(unproven) => evidence.earlier = unproven.needs_second_reading(),
                }
            }
        }
    }
}

#[test]
fn a_pinned_layout_is_the_only_one_that_is_considered() {
    let log = log(AttendanceLayout::Sixteen);
    let set = log.set();
    let pinned = |layout| known(&set).pinned(Some(layout));
    assert_eq!(given_out(prove(spool(&set), &pinned(AttendanceLayout::Sixteen)).unwrap()), log.bytes);
    let other = prove(spool(&set), &pinned(WIDE)).unwrap_err();
    assert!(!other.doubts().is_empty(), "{other}");
}

/// Reads the log twice while the terminal shows a reset clock, without people and with them.
fn while_reset(set: &[u8], counts: Counts) -> Vec<Result<AttendanceLayout, String>> {
    let terminal_now = Some(zk_proto::DeviceTime(18_000));
    [None, Some(crate::evidence::people::everybody())]
        .map(|people| {
            let evidence = evidence(set.len(), counts).terminal_now(terminal_now).people(people);
            let proof = crate::logs::prove_twice(set, &evidence);
            proof.map(|proven| proven.layout().unwrap()).map_err(|unproven| unproven.to_string())
        })
        .into()
}

#[test]
fn a_reset_clock_makes_no_two_records_of_one() {
    for code in [0u32, 5, 4_711] {
        let mut log = log(AttendanceLayout::Sixteen);
        let at = AttendanceLayout::Sixteen.fields().work_code.unwrap();
        log.bytes.chunks_mut(16).for_each(|record| record[at..].copy_from_slice(&code.to_le_bytes()));
        let set = log.set();
        for counts in [Counts::steady(300), Counts::steady(600), Counts::steady(305), Counts::default()] {
            // A count twice as high makes records of 8 bytes of them. Those always need the user table: see
            // `prove_names`.
            let needs_people = usize::from(counts == Counts::steady(600));
            for read in while_reset(&set, counts).into_iter().skip(needs_people) {
                assert!(read.is_err() || read == Ok(AttendanceLayout::Sixteen), "{code}, {counts:?}: {read:?}");
            }
        }
        // With people and a right count, it is accepted.
        assert_eq!(while_reset(&set, Counts::steady(300))[1], Ok(AttendanceLayout::Sixteen), "work code {code}");
    }
}

#[test]
fn a_single_punch_that_can_be_read_in_two_ways_is_refused() {
    // The punch of slot 270 in layout A without its first byte is slot 257 in layout B at another time.
    let shifted = [0x01, 0x01, 0xe5, 0xd8, 0xaa, 0x31, 0x0f, 0x2d];
    // The punch of slot 22 in layout B without its first byte is slot 256 in layout A at the same time.
    let other = [0x00, 0x01, 0x00, 0x3c, 0xf7, 0x2e, 0x32, 0x00];
    for record in [shifted, other] {
        let set = [&8u32.to_le_bytes()[..], &record].concat();
        for counts in [Counts::steady(1), Counts::steady(6), Counts::default()] {
            let people = Some(crate::evidence::people::everybody());
            let evidence = evidence(set.len(), counts).people(people);
            assert!(crate::logs::prove_twice(&set, &evidence).is_err(), "{record:02x?} {counts:?}");
        }
    }
}
