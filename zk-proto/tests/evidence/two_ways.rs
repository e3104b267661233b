//! Short logs in which everything repeats: one person, one way to verify, one key. Cut, such a log of one layout can
//! have the very bytes of a healthy log of the other, whose people are in the table too.

use crate::evidence::people::everybody;
use crate::evidence::walk::first_seed;
use crate::logs::{Cut, Dice, Kind, Log, evidence, given_out, prove_twice};
use zk_proto::proof::Counts;
use zk_proto::record::AttendanceLayout;

const SIZES: [u32; 7] = [1, 2, 3, 4, 5, 10, 19];
/// The states that keys may be set to, the top bytes of times of today among them.
const STATES: [u8; 14] = [0, 1, 2, 4, 5, 8, 15, 31, 48, 49, 50, 51, 101, 250];
/// Slots with equal, small and zero bytes.
const SLOTS: [u16; 14] = [1, 2, 7, 31, 49, 50, 51, 101, 250, 255, 256, 257, 258, 300];

/// A log of one person, who always verifies in one way and presses one key.
fn log_of(layout: AttendanceLayout, records: u32, (slot, mode, state): (u16, u8, u8)) -> Log {
    let mut log =
        Log::new(layout, records, Kind::Usual, false, (first_seed() + u64::from(slot)) * 104_729 + u64::from(records));
    let fields = layout.fields();
    for record in log.bytes.chunks_mut(layout.width()).chain(log.next.chunks_mut(layout.width())) {
        record[fields.id.range()].copy_from_slice(&slot.to_le_bytes());
        record[2] = 0;
        fields.mode.set(record, mode);
        fields.state.set(record, state);
    }
    log
}

#[test]
fn no_cut_of_a_short_log_of_one_person_gives_a_wrong_record() {
    let people = everybody();
    let (mut cuts, mut wrong) = (0, Vec::new());
    let mut dice = Dice(271_828 + first_seed());
    for layout in [AttendanceLayout::EightA, AttendanceLayout::EightB] {
        for (records, slot) in SIZES.into_iter().flat_map(|records| SLOTS.map(|slot| (records, slot))) {
            for (mode, state) in [0, 1, 4, 15].into_iter().flat_map(|mode| STATES.map(|state| (mode, state))) {
                let log = log_of(layout, records, (slot, mode, state));
                for by in 1..layout.width() {
                    let counts = [Counts::steady(records), Counts::steady(records + 5), Counts::default()];
                    let counts = counts[dice.below(3) as usize];
                    for cut in [Cut::ALL[dice.below(4) as usize], Cut::SetShifted, Cut::RecordsShifted] {
                        let filling = if dice.below(2) == 0 { &[0][..] } else { &log.next };
                        let (bytes, announced) = cut.apply(&log, by, filling);
                        cuts += 1;
                        let evidence = evidence(announced, counts).people(Some(people.clone()));
                        let Ok(proven) = prove_twice(&bytes, &evidence) else { continue };
                        if proven.is_neutral() || given_out(proven) == log.bytes {
                            continue;
                        }
                        wrong.push(format!("{layout} {records} x {slot} {mode} {state} {cut:?} {by} {counts:?}"));
                    }
                }
            }
        }
    }
    assert!(cuts > 200_000, "{cuts} cuts");
    assert!(
        wrong.is_empty(),
        "{} of {cuts} cuts are taken for right: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(80)]
    );
}

#[test]
fn short_records_are_not_two_wide_ones_whose_ids_stand_before_other_bytes() {
    // Ten punches of slot 49 in layout A, cut by four bytes. Two wide records would both have the id 111.
    let mut records = vec![0x54, 0xeb, 0x31, 0x31];
    for time in [0x31eb_545f_u32, 0x31eb_5474, 0x31eb_5481, 0x31eb_54a3, 0x31eb_54c0, 0x31eb_54da, 0x31eb_54f1] {
        records.extend([0x31, 0, 15]);
        records.extend(time.to_le_bytes());
        records.push(0x31);
    }
    records.extend([0x31, 0, 15, 0x12, 0x55, 0xeb, 0x31, 0x31, 0x31, 0, 15, 0x1e, 0x55, 0xeb, 0x31, 0x31, 0, 0, 0, 0]);
    let mut set = (records.len() as u32).to_le_bytes().to_vec();
    set.extend_from_slice(&records);
    for counts in [Counts::steady(15), Counts::steady(5), Counts::default()] {
        let evidence = evidence(set.len(), counts).people(Some(everybody()));
        assert!(prove_twice(&set, &evidence).is_err(), "{counts:?}");
    }
}

#[test]
fn numbers_that_run_on_at_another_beginning_betray_a_cut() {
    // All numbers are printable, so that two bytes early they are part of an id. Keys are set to states that look like
    // the top byte of a time, which then is a date of the last four years.
    for layout in [AttendanceLayout::Wide(40), AttendanceLayout::Wide(49)] {
        let mut log = Log::new(layout, 21, Kind::Usual, true, 38 * 104_729 + 21);
        let fields = layout.fields();
        for (row, record) in log.bytes.chunks_mut(layout.width()).enumerate() {
            record[..2].copy_from_slice(&(0x584b + row as u16).to_le_bytes());
            fields.state.set(record, [49, 50][row % 2]);
            record[fields.time..fields.time + 4].copy_from_slice(&(0x3161_2d08 + 20 * row as u32).to_le_bytes());
        }
        let uncut = log.set();
        let evidence = evidence(uncut.len(), Counts::steady(21));
        let with_people = evidence.clone().people(Some(everybody()));
        assert_eq!(given_out(prove_twice(&uncut, &with_people).unwrap()), log.bytes, "{layout}");
        let (bytes, _) = Cut::RecordsShifted.apply(&log, layout.width() - 2, &[0]);
        let taken = prove_twice(&bytes, &evidence).map(|proven| proven.layout());
        assert!(taken.is_err(), "{layout}: {taken:?}");
    }
}
