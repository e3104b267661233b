//! The proof of logs in every layout: whole logs are accepted, cut logs never give a wrong record.

mod logs;

use logs::{Cut, KINDS, Kind, Log, evidence, given_out, spool};
use zk_proto::proof::{
    Counts, Doubt, Evidence, Known, Preview, Proven, Remembered, Unproven, prove, prove_previewed, prove_tail,
};
use zk_proto::record::{AttendanceLayout, FieldOrder};
use zk_proto::{DeviceTime, Spool};

const NARROW: [AttendanceLayout; 3] = [AttendanceLayout::EightA, AttendanceLayout::EightB, AttendanceLayout::Sixteen];
const WIDE: [AttendanceLayout; 2] = [AttendanceLayout::Wide(40), AttendanceLayout::Wide(49)];

/// Returns logs of one layout in every size and of every kind, the small ones several times.
fn logs(layout: AttendanceLayout, sizes: &[u32]) -> impl Iterator<Item = (Kind, Log)> {
    let numbered: &[bool] = if layout.width() < 40 { &[false] } else { &[false, true] };
    let kinds = KINDS.into_iter().flat_map(|kind| numbered.iter().map(move |running| (kind, *running)));
    kinds.flat_map(move |(kind, running)| {
        sizes.iter().map(move |size| (kind, Log::new(layout, *size, kind, running, u64::from(*size) * 7919)))
    })
}

#[test]
fn a_whole_log_is_taken() {
    for layout in NARROW.into_iter().chain(WIDE) {
        for (kind, log) in logs(layout, &[1, 2, 3, 5, 10, 50, 500]) {
            // An undocumented mode that occurs once is unknown. One record of layout A is too little, and so are a
            // few after a reset of the clock.
            let rare_modes = kind == Kind::UnknownModes && log.records < 50;
            let lone_a = layout == AttendanceLayout::EightA && log.records < 3;
            let only_resets = kind == Kind::ResetClock && log.records < 5;
            if rare_modes || lone_a || only_resets {
                continue;
            }
            let set = log.set();
            let proven = prove(spool(&set), &evidence(set.len(), Counts::steady(log.records)));
            let proven = proven.unwrap_or_else(|unproven| panic!("{layout} {kind:?} {}: {unproven}", log.records));
            assert_eq!((proven.layout(), proven.records()), (Some(layout), log.records.into()));
            assert_eq!(given_out(proven), log.bytes, "{layout} {kind:?} {}", log.records);
        }
    }
}

#[test]
fn a_long_log_is_judged_block_by_block() {
    let directory = tempfile::tempdir().unwrap();
    let set = Log::new(AttendanceLayout::Wide(40), 100_000, Kind::Usual, true, 1).set();
    let mut spool = Spool::in_directory(64 << 10, directory.path());
    for (number, piece) in set.chunks(0xFFC0).enumerate() {
        spool.write_at(number as u64 * 0xFFC0, piece).unwrap();
    }
    // Everything is judged, but a wrong count asks for a second reading, and the spool is returned.
    let unproven = prove(spool, &evidence(set.len(), Counts::steady(100_009))).unwrap_err();
    assert!(unproven.needs_second_reading().is_some(), "{unproven}");
    let in_use = unproven.into_spool().memory_in_use();
    assert!(in_use < 512 << 10, "{in_use} bytes for {}", set.len());
}

#[test]
fn a_punch_during_the_transfer_does_not_matter() {
    for layout in NARROW.into_iter().chain(WIDE) {
        for (_, log) in logs(layout, &[50]) {
            for counts in [(50, 51), (49, 50)] {
                let counts = Counts { before: Some(counts.0), after: Some(counts.1) };
                let set = log.set();
                assert_eq!(given_out(prove(spool(&set), &evidence(set.len(), counts)).unwrap()), log.bytes);
            }
        }
    }
}

#[test]
fn counts_that_moved_far_give_few_short_records_no_other_width() {
    for records in 1..=8 {
        for seed in 1..=50 {
            let log = Log::new(AttendanceLayout::Sixteen, records, Kind::Usual, false, seed);
            let counts = Counts { before: Some(records * 2 + 1), after: Some(records) };
            let set = log.set();
            if let Ok(proven) = prove(spool(&set), &evidence(set.len(), counts)) {
                assert_eq!(proven.layout(), Some(AttendanceLayout::Sixteen), "{records} {seed}");
            }
        }
    }
}

#[test]
fn three_people_and_half_of_the_ids_missing_are_enough_but_for_rare_times() {
    let mut refused = 0;
    for records in [5, 8, 50, 500] {
        for seed in 1..=50 {
            let log = Log::new(AttendanceLayout::EightB, records, Kind::Usual, false, seed);
            let mut set = log.set();
            for (row, record) in set[4..].chunks_mut(8).enumerate() {
                let uid = if row % 2 == 1 { 0 } else { row as u8 / 2 % 3 + 1 };
                record[..2].copy_from_slice(&[uid, 0]);
            }
            match prove(spool(&set), &evidence(set.len(), Counts::steady(records))) {
                Ok(proven) => assert_eq!(given_out(proven), set[4..]),
                // Some misaligned times make recent dates by chance.
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused <= 4, "{refused} of 200");
}

#[test]
fn dates_that_run_on_make_up_for_the_missing_ids_of_a_small_log() {
    let mut refused = 0;
    for records in [4, 5, 6, 8, 10] {
        for seed in 1..=40 {
            let log = Log::new(AttendanceLayout::EightB, records, Kind::HalfEmptyCards, false, seed);
            let set = log.set();
            match prove(spool(&set), &evidence(set.len(), Counts::steady(records))) {
                Ok(proven) => assert_eq!(given_out(proven), log.bytes),
                // Some misaligned times make recent dates in order by chance.
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused <= 12, "{refused} of 200");
}

#[test]
fn firmware_with_the_fields_the_other_way_round_is_taken_when_that_is_set() {
    for (_, log) in logs(AttendanceLayout::Sixteen, &[5, 50, 500]).filter(|(kind, _)| *kind == Kind::Usual) {
        let mut set = log.set();
        let fields = AttendanceLayout::Sixteen.fields();
        for record in set[4..].chunks_mut(16) {
            record.swap(fields.state.at, fields.mode.at);
        }
        let counts = Counts::steady(log.records);
        let as_set = evidence(set.len(), counts).order(FieldOrder::VerifyFirst);
        assert_eq!(given_out(prove(spool(&set), &as_set).unwrap()), set[4..]);
    }
}

/// Checks that every cut of every log is refused, or gives the true records.
fn no_cut_gives_a_wrong_record(layout: AttendanceLayout, sizes: &[u32]) {
    no_cut_gives_a_wrong_record_in_order(layout, sizes, FieldOrder::StateFirst);
}

fn no_cut_gives_a_wrong_record_in_order(layout: AttendanceLayout, sizes: &[u32], order: FieldOrder) {
    for (kind, log) in logs(layout, sizes) {
        for cut in Cut::ALL {
            for by in 1..layout.width() {
                let undecidable = cut == Cut::RecordsShifted && layout.width() < 40 && log.records <= 3;
                if undecidable {
                    continue;
                }
                for filling in [&[0][..], &log.next] {
                    let (bytes, announced) = cut.apply(&log, by, filling);
                    for counts in [Counts::steady(log.records), Counts::steady(0)] {
                        let evidence = evidence(announced, counts).order(order);
                        let Ok(proven) = prove(spool(&bytes), &evidence) else { continue };
                        if !proven.is_neutral() {
                            assert_eq!(given_out(proven), log.bytes, "{layout} {} {kind:?} {cut:?} {by}", log.records);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn no_cut_of_8_bytes_a_gives_a_wrong_record() {
    no_cut_gives_a_wrong_record(AttendanceLayout::EightA, &[1, 2, 3, 5, 10, 50]);
}

#[test]
fn no_cut_of_8_bytes_b_gives_a_wrong_record() {
    no_cut_gives_a_wrong_record(AttendanceLayout::EightB, &[1, 2, 3, 5, 10, 50]);
}

#[test]
fn no_cut_of_16_bytes_gives_a_wrong_record() {
    no_cut_gives_a_wrong_record(AttendanceLayout::Sixteen, &[1, 2, 3, 5, 10, 50]);
    no_cut_gives_a_wrong_record_in_order(AttendanceLayout::Sixteen, &[1, 2, 3, 5, 10], FieldOrder::VerifyFirst);
}

#[test]
fn the_configured_order_names_the_fields_and_is_no_evidence() {
    for (kind, log) in logs(AttendanceLayout::Sixteen, &[5, 50, 500]) {
        if kind == Kind::UnknownModes && log.records < 50 {
            continue;
        }
        let set = log.set();
        let first = |order| {
            let evidence = evidence(set.len(), Counts::steady(log.records)).order(order);
            let mut proven = prove(spool(&set), &evidence).unwrap_or_else(|unproven| panic!("{kind:?}: {unproven}"));
            let record = proven.next_batch(1).unwrap().remove(0);
            assert_eq!(given_out(proven).len() + 16, log.bytes.len());
            (record.punch_state.0, record.verify_mode.0)
        };
        let (state, mode) = first(FieldOrder::StateFirst);
        assert_eq!(first(FieldOrder::VerifyFirst), (mode, state), "{kind:?}");
    }
}

/// Half of the ids are missing, and a cut moves the low byte of the others to the flags of layout B: bits 6 and 7
/// show it.
#[test]
fn a_cut_that_moves_ids_into_the_flags_of_layout_b_is_recognized_by_the_unused_bits() {
    for layout in [AttendanceLayout::EightA, AttendanceLayout::EightB] {
        for kind in [Kind::HalfEmptyIds, Kind::HalfEmptyCards] {
            for (records, seed) in [20, 25, 40, 50].into_iter().flat_map(|size| (1..=60).map(move |seed| (size, seed)))
            {
                let log = Log::new(layout, records, kind, false, seed * 7_000_033 + u64::from(records) * 7919);
                for (cut, filling) in [(Cut::RecordsShifted, &[0][..]), (Cut::SetShifted, &log.next)] {
                    let (bytes, announced) = cut.apply(&log, 6, filling);
                    let proof = prove(spool(&bytes), &evidence(announced, Counts::steady(records)));
                    assert!(proof.is_err(), "{layout} {kind:?} {cut:?} {records} {seed}");
                }
            }
        }
    }
}

#[test]
fn no_cut_of_40_bytes_gives_a_wrong_record() {
    no_cut_gives_a_wrong_record(AttendanceLayout::Wide(40), &[1, 2, 3, 5, 10]);
}

#[test]
fn no_cut_of_49_bytes_gives_a_wrong_record() {
    no_cut_gives_a_wrong_record(AttendanceLayout::Wide(49), &[1, 2, 3, 5, 10]);
}

#[test]
fn no_cut_of_5000_records_gives_a_wrong_record() {
    for layout in NARROW.into_iter().chain(WIDE) {
        for kind in [Kind::Usual, Kind::HalfEmptyIds] {
            let log = Log::new(layout, 5000, kind, kind == Kind::Usual, 5);
            for (by, cut) in (1..layout.width()).zip(Cut::ALL.into_iter().cycle()) {
                let (bytes, announced) = cut.apply(&log, by, &log.next);
                let proven = prove(spool(&bytes), &evidence(announced, Counts::steady(log.records)));
                assert!(proven.is_err(), "{layout} {kind:?} {cut:?} {by}");
            }
        }
    }
}

/// Describes the result of a proof.
fn outcome(proof: Result<Proven, Unproven>) -> String {
    match proof {
        Ok(proven) => format!("{:?} {:?} {:?}", proven.layout(), proven.witnesses(), proven.tally()),
        Err(unproven) => format!("{:?} {}", unproven.doubts(), unproven.needs_second_reading().is_some()),
    }
}

#[test]
fn a_preview_changes_no_result() {
    for layout in NARROW.into_iter().chain(WIDE) {
        for (kind, log) in logs(layout, &[1, 4, 5, 64, 65, 700]) {
            let whole = (log.set(), log.set().len());
            let cut = Cut::RecordsShifted.apply(&log, layout.width() / 2, &[0]);
            for (bytes, announced) in [whole, cut] {
                for counts in [Counts::steady(log.records), Counts::steady(0), Counts::default()] {
                    let evidence = evidence(announced, counts);
                    let plain = outcome(prove(spool(&bytes), &evidence));
                    for part in [1, 7, 1008, 65_472] {
                        let mut preview = Preview::new(evidence.clone());
                        for (number, chunk) in bytes.chunks(part).enumerate() {
                            preview.push((number * part) as u64, chunk);
                        }
                        let previewed = outcome(prove_previewed(spool(&bytes), &evidence, &preview));
                        assert_eq!(previewed, plain, "{layout} {kind:?} {} in parts of {part}", log.records);
                    }
                }
            }
        }
    }
}

#[test]
fn a_count_twice_too_high_makes_no_short_records_of_long_ones() {
    for (kind, log) in logs(AttendanceLayout::Sixteen, &[1, 2, 4, 5, 6, 8, 10, 20, 50, 98]) {
        let set = log.set();
        if let Ok(proven) = prove(spool(&set), &evidence(set.len(), Counts::steady(log.records * 2))) {
            assert!(proven.is_neutral(), "{} {kind:?} as {:?}", log.records, proven.layout());
        }
    }
}

#[test]
fn a_slip_in_the_middle_is_no_proof() {
    for layout in NARROW.into_iter().chain(WIDE) {
        let log = Log::new(layout, 1000, Kind::Usual, false, 3);
        for by in 1..layout.width() {
            let mut set = log.set();
            let slip = 4 + 700 * layout.width();
            set.drain(slip..slip + by);
            set.extend_from_slice(&log.next[..by]);
            let proven = prove(spool(&set), &evidence(set.len(), Counts::steady(1000)));
            assert!(proven.is_err(), "{layout} {by}");
        }
    }
}

/// A terminal that counts 0 although it has records.
fn without_count(layout: AttendanceLayout, running: bool) -> (Log, Vec<u8>, Evidence) {
    let log = Log::new(layout, 30, Kind::Usual, running, 11);
    let set = log.set();
    let evidence = evidence(set.len(), Counts::steady(0));
    (log, set, evidence)
}

#[test]
fn a_count_that_fails_asks_for_a_second_reading_that_is_the_same() {
    let (log, set, mut evidence) = without_count(AttendanceLayout::Wide(49), true);
    let first = prove(spool(&set), &evidence).unwrap_err();
    evidence.earlier = first.needs_second_reading();
    assert!(evidence.earlier.is_some());
    assert_eq!(given_out(prove(spool(&set), &evidence).unwrap()), log.bytes);

    let mut other = set.clone();
    other[4 + 10 * 49 + 2] ^= 1;
    assert_eq!(prove(spool(&other), &evidence).unwrap_err().doubts(), [Doubt::ReadingsDiffer]);
}

#[test]
fn a_punch_between_two_readings_is_no_difference() {
    let (log, set, mut first) = without_count(AttendanceLayout::Wide(40), true);
    let earlier = prove(spool(&set), &first).unwrap_err().needs_second_reading();
    let mut longer = ((log.bytes.len() + 40) as u32).to_le_bytes().to_vec();
    longer.extend_from_slice(&log.bytes);
    longer.extend_from_slice(&log.next);
    (first.earlier, first.announced) = (earlier, longer.len() as u64);
    assert_eq!(prove(spool(&longer), &first).unwrap().records(), 31);
}

#[test]
fn bytes_that_firmware_leaves_after_an_id_make_no_difference() {
    let (_, set, mut evidence) = without_count(AttendanceLayout::Wide(40), true);
    evidence.earlier = prove(spool(&set), &evidence).unwrap_err().needs_second_reading();
    let mut other = set.clone();
    other[4 + 25] = 0x77;
    assert!(prove(spool(&other), &evidence).is_ok());
}

#[test]
fn a_terminal_whose_count_is_always_off_is_remembered() {
    let (log, set, mut evidence) = without_count(AttendanceLayout::Wide(40), false);
    assert!(prove(spool(&set), &evidence).unwrap_err().needs_second_reading().is_some());
    evidence.remembered = Remembered { layout: Some(log.layout), count_off: true, ..Remembered::default() };
    assert_eq!(given_out(prove(spool(&set), &evidence).unwrap()), log.bytes);
}

#[test]
fn bytes_after_the_records_are_reported() {
    let log = Log::new(AttendanceLayout::Wide(40), 20, Kind::Usual, false, 2);
    let mut set = log.set();
    set.extend_from_slice(&[0x5A; 24]);
    let proven = prove(spool(&set), &evidence(set.len(), Counts::steady(20))).unwrap();
    assert_eq!((proven.trailing(), proven.records()), (24, 20));
    assert_eq!(given_out(proven), log.bytes);
}

#[test]
fn a_length_word_of_zero_leaves_size_and_count() {
    let log = Log::new(AttendanceLayout::Wide(40), 20, Kind::Usual, false, 2);
    let set = [&[0; 4], &log.bytes[..]].concat();
    assert_eq!(given_out(prove(spool(&set), &evidence(set.len(), Counts::steady(20))).unwrap()), log.bytes);
}

#[test]
fn a_width_that_nobody_reported_is_proven_by_sizes_and_count() {
    let log = Log::new(AttendanceLayout::Wide(52), 20, Kind::Usual, false, 2);
    let set = log.set();
    let proven = prove(spool(&set), &evidence(set.len(), Counts::steady(20))).unwrap();
    assert_eq!(proven.layout(), Some(AttendanceLayout::Wide(52)));
    assert_eq!(given_out(proven), log.bytes);
    assert!(prove(spool(&set), &evidence(set.len(), Counts::steady(19))).is_err());
}

#[test]
fn an_empty_log_is_proven_by_a_count_of_zero_alone() {
    for set in [&[][..], &[0; 4]] {
        let proven = prove(spool(set), &evidence(set.len(), Counts::steady(0))).unwrap();
        assert_eq!((proven.records(), proven.layout()), (0, None));
        let unproven = prove(spool(set), &evidence(set.len(), Counts::steady(3))).unwrap_err();
        assert_eq!(unproven.doubts(), [Doubt::Empty]);
    }
    assert!(prove(spool(&[]), &evidence(0, Counts::default())).is_err());
    for counts in [(0, 40), (40, 0)].map(|(before, after)| Counts { before: Some(before), after: Some(after) }) {
        assert!(prove(spool(&[]), &evidence(0, counts)).is_err(), "one of them says that there is a log");
    }
}

#[test]
fn memory_that_was_never_written_is_no_log() {
    for layout in NARROW.into_iter().chain(WIDE) {
        let mut set = ((100 * layout.width()) as u32).to_le_bytes().to_vec();
        set.resize(4 + 100 * layout.width(), 0);
        assert!(prove(spool(&set), &evidence(set.len(), Counts::steady(100))).is_err());
        set[4..].fill(0xFF);
        assert!(prove(spool(&set), &evidence(set.len(), Counts::steady(100))).is_err());
    }
}

#[test]
fn damaged_packets_are_no_proof_unless_the_terminal_is_known_for_them() {
    let log = Log::new(AttendanceLayout::Wide(40), 20, Kind::Usual, false, 2);
    let set = log.set();
    let mut evidence = evidence(set.len(), Counts::steady(20));
    evidence.damaged_packets = 2;
    assert_eq!(prove(spool(&set), &evidence).unwrap_err().doubts(), [Doubt::Damaged { packets: 2 }]);
    evidence.remembered.checksums_wrong = true;
    assert!(prove(spool(&set), &evidence).is_ok());
}

#[test]
fn a_dead_clock_is_no_reason_to_refuse() {
    let log = Log::new(AttendanceLayout::Wide(40), 200, Kind::ResetClock, false, 4);
    let set = log.set();
    let proven = prove(spool(&set), &evidence(set.len(), Counts::steady(200))).unwrap();
    assert!(!proven.is_neutral());
    assert_eq!(given_out(proven), log.bytes);
}

#[test]
fn an_unproven_transfer_says_why_in_words() {
    let log = Log::new(AttendanceLayout::Wide(40), 20, Kind::Usual, false, 2);
    let set = &log.set()[12..];
    let unproven = prove(spool(set), &evidence(set.len(), Counts::steady(20))).unwrap_err();
    let words = unproven.to_string();
    assert!(words.starts_with("transfer of 792 bytes is not proven (the terminal counts 20): "), "{words}");
    assert!(words.contains("as 40-byte records"), "{words}");
}

#[test]
fn an_overlap_longer_than_what_is_known_is_no_tail() {
    let log = Log::new(AttendanceLayout::Wide(40), 20, Kind::Usual, false, 2);
    let set = log.set();
    let evidence = evidence(set.len(), Counts::steady(20));
    for records in [0, 1, u64::MAX] {
        let known = Known { records, overlap: log.bytes[..120].to_vec(), layout: log.layout };
        let tail = prove_tail(spool(&set), 800, &known, &evidence);
        assert!(tail.is_err(), "{records}");
    }
}

/// A log of 40-byte records, of which some have a date that does not exist.
fn with_bad(records: u32, bad: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut set = Log::new(AttendanceLayout::Wide(40), records, Kind::Usual, false, 77).set();
    let impossible = DeviceTime::new(2026, 1, 30, 7, 0, 0).unwrap().0 + 31 * 86_400;
    assert!(!DeviceTime(impossible).exists(), "30 February");
    for record in bad {
        set[4 + record * 40 + AttendanceLayout::Wide(40).fields().time..][..4]
            .copy_from_slice(&impossible.to_le_bytes());
    }
    set
}

/// If many in a row are bad, a second reading has to be the same.
fn is_proven(set: &[u8]) -> bool {
    let records = (set.len() as u32 - 4) / 40;
    logs::prove_twice(set, &evidence(set.len(), Counts::steady(records))).is_ok()
}

#[test]
fn four_of_five_records_have_to_be_good() {
    for (records, bad, proven) in [(10, 2, true), (10, 3, false), (500, 100, true), (500, 105, false)] {
        // Spread out, so that only their share counts.
        let every = records as usize / bad;
        assert_eq!(is_proven(&with_bad(records, (0..bad).map(|n| n * every))), proven, "{bad} of {records}");
    }
}

#[test]
fn of_fewer_than_five_all_but_one_have_to_be_good() {
    for (records, bad, proven) in [(4, 1, true), (4, 2, false), (3, 1, true), (2, 1, true), (1, 1, false)] {
        assert_eq!(is_proven(&with_bad(records, 0..bad)), proven, "{bad} of {records}");
    }
}

#[test]
fn nowhere_may_64_in_a_row_have_more_bad_ones_than_good_ones() {
    for (bad, proven) in [(32, true), (33, false)] {
        assert_eq!(is_proven(&with_bad(1000, 400..400 + bad)), proven, "{bad} in a row");
    }
}

#[test]
fn two_witnesses_are_enough_and_one_is_not() {
    let log = Log::new(AttendanceLayout::Wide(40), 200, Kind::Usual, true, 5);
    let set = log.set();
    let stray = [&set[..], &[0x5A; 7]].concat();
    let wrong_word = [&1u32.to_le_bytes()[..], &set[4..]].concat();
    let wrong_word_and_stray = [&wrong_word[..], &[0x5A; 7]].concat();
    let (right, none) = (Counts::steady(200), Counts::steady(50));
    let holding = |set: &[u8], counts| prove(spool(set), &evidence(set.len(), counts)).map(|proven| proven.witnesses());
    // Length word and count; size and count.
    assert!(!holding(&stray, right).unwrap().size);
    assert!(!holding(&wrong_word, right).unwrap().length_word);
    // Without the count a second reading is needed, although all others hold.
    let unproven = holding(&set, none).unwrap_err();
    assert!(unproven.needs_second_reading().is_some(), "{unproven}");
    // The numbers alone.
    let unproven = holding(&wrong_word_and_stray, none).unwrap_err();
    assert!(unproven.needs_second_reading().is_none(), "{unproven}");
}
