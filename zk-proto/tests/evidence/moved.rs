//! Parts of a log that stand in the wrong place: all sizes agree, and most records are sound.

use crate::logs::{Kind, Log, evidence, given_out, prove_twice, spool};
use zk_proto::proof::{Counts, Doubt, Evidence, prove};
use zk_proto::record::AttendanceLayout;

const LAYOUTS: [AttendanceLayout; 5] = [
    AttendanceLayout::EightA,
    AttendanceLayout::EightB,
    AttendanceLayout::Sixteen,
    AttendanceLayout::Wide(40),
    AttendanceLayout::Wide(49),
];

fn log(layout: AttendanceLayout) -> (Log, Vec<u8>, Evidence) {
    let log = Log::new(layout, 2_000, Kind::Usual, false, 7);
    let set = log.set();
    let evidence = evidence(set.len(), Counts::steady(2_000));
    (log, set, evidence)
}

#[test]
fn an_answer_that_comes_twice_and_pushes_the_last_one_out_is_refused() {
    for layout in LAYOUTS {
        let (log, set, evidence) = log(layout);
        for (chunk, at) in [(1_024, 1), (1_024, 7), (4_096, 2), (8_192, 0)] {
            let mut wrong = set.clone();
            let twice = set[at * chunk..(at + 1) * chunk].to_vec();
            wrong.splice((at + 1) * chunk..(at + 1) * chunk, twice);
            wrong.truncate(set.len());
            let unproven = prove_twice(&wrong, &evidence).unwrap_err();
            if chunk % layout.width() == 0 {
                let is_repeat = |doubt: &Doubt| matches!(doubt, Doubt::Repeated { .. });
                assert!(unproven.doubts().iter().any(is_repeat), "{layout} {chunk} {at}: {unproven}");
            }
        }
        assert_eq!(given_out(prove(spool(&set), &evidence).unwrap()), log.bytes, "{layout}");
    }
}

/// What changed places once is right in the second reading, so it is enough that there has to be one.
#[test]
fn parts_that_changed_places_are_not_believed_at_the_first_reading() {
    for layout in LAYOUTS {
        let (_, set, evidence) = log(layout);
        for (part, at) in [(1_024, 0), (1_024, 1), (1_024, 9), (512, 3), (4_096, 0), (4_096, 1)] {
            let mut wrong = set.clone();
            let (first, second) = wrong[at * part..(at + 2) * part].split_at_mut(part);
            first.swap_with_slice(second);
            assert!(prove(spool(&wrong), &evidence).is_err(), "{layout}: {part} bytes from {}", at * part);
        }
    }
}

/// A terminal that always sends two packets in the wrong order: the second reading is the same.
#[test]
fn parts_that_change_places_each_time_are_refused() {
    for layout in LAYOUTS {
        let (_, set, evidence) = log(layout);
        let parts = set.len() / 1_024;
        for (part, at) in (0..parts - 1).map(|at| (1, at)).chain([(2, 1), (2, 3), (4, 0), (4, 1)]) {
            let part = part * 1_024;
            let mut wrong = set.clone();
            let end = wrong.len().min((at + 2) * part);
            wrong[at * part..end].rotate_left(part);
            let what = format!("{layout}: {part} bytes from {}", at * part);
            let Err(unproven) = prove_twice(&wrong, &evidence) else { panic!("{what}") };
            // Where bytes of two records meet that do not fit, other rules refuse it first.
            let is_swapped = |doubt: &Doubt| matches!(doubt, Doubt::Swapped { .. });
            assert!(
                at == 0 || !matches!(layout.width(), 8 | 16) || unproven.doubts().iter().any(is_swapped),
                "{what}: {unproven}"
            );
        }
    }
}

#[test]
fn a_terminal_that_answers_every_question_with_the_first_chunk_is_refused() {
    for layout in LAYOUTS {
        let (_, set, evidence) = log(layout);
        let wrong: Vec<u8> = set[..4_096].iter().copied().cycle().take(set.len()).collect();
        assert!(prove_twice(&wrong, &evidence).is_err(), "{layout}");
    }
}

/// What is wrong once is right in the second reading, so it is enough that there has to be one.
#[test]
fn a_part_that_moved_is_not_believed_at_the_first_reading() {
    for layout in LAYOUTS {
        let (_, set, evidence) = log(layout);
        let width = layout.width();
        for by in (1..width).chain([width + 4]) {
            let mut wrong = set.clone();
            wrong.copy_within(4_096 + by..5_120 + by, 4_096);
            assert!(prove(spool(&wrong), &evidence).is_err(), "{layout}, {by} bytes");
        }
    }
}

#[test]
fn bytes_lost_near_the_end_are_found_even_if_they_are_lost_each_time() {
    for layout in LAYOUTS {
        let (log, set, evidence) = log(layout);
        let width = layout.width();
        // Two records of which one is cut show too little.
        let rows = [3, 4, 5, 6, 7, 9, 12, 16, 20, 30, 40, 63];
        for (by, of_the_last) in (1..width).flat_map(|by| rows.map(move |records| (by, records))) {
            let at = set.len() - of_the_last * width;
            let mut wrong = set.clone();
            wrong.drain(at..at + by);
            wrong.resize(set.len(), 0);
            let Ok(proven) = prove_twice(&wrong, &evidence) else { continue };
            // A byte that was lost among zeros of the record is none that is missed.
            assert_eq!(given_out(proven), log.bytes, "{layout}, {by} bytes, {of_the_last} records before the end");
        }
    }
}

/// The first punches after a holiday, and those of a clock that was ahead and is right again.
#[test]
fn last_punches_that_are_late_are_believed_at_the_second_reading() {
    for layout in LAYOUTS {
        for (late_by, last, readings) in [(21 * 86_400, 1, 1), (21 * 86_400, 2, 2), (3 * 372 * 86_400, 7, 2)] {
            let (mut log, ..) = log(layout);
            let time = layout.fields().time;
            for record in log.bytes.chunks_mut(layout.width()).rev().take(last) {
                let later = u32::from_le_bytes(*record[time..].first_chunk().unwrap()) + late_by;
                record[time..time + 4].copy_from_slice(&later.to_le_bytes());
            }
            let set = log.set();
            let evidence = evidence(set.len(), Counts::steady(2_000));
            let what = format!("{layout}: {last} later by {late_by} s");
            assert_eq!(prove(spool(&set), &evidence).is_ok(), readings == 1, "{what}");
            assert_eq!(given_out(prove_twice(&set, &evidence).unwrap()), log.bytes, "{what}");
        }
    }
}

/// A clock that was reset for a while, and people who were deleted: read twice, and believed.
#[test]
fn a_log_that_is_like_that_is_taken_at_the_second_reading() {
    for layout in [AttendanceLayout::Sixteen, AttendanceLayout::Wide(40), AttendanceLayout::Wide(49)] {
        let (mut log, ..) = log(layout);
        let fields = layout.fields();
        for (row, record) in log.bytes.chunks_mut(layout.width()).enumerate().skip(900).take(40) {
            record[fields.time..fields.time + 4].copy_from_slice(&(500 + 9 * row as u32).to_le_bytes());
        }
        let set = log.set();
        let evidence = evidence(set.len(), Counts::steady(2_000));
        let first = prove(spool(&set), &evidence).unwrap_err();
        assert!(matches!(first.doubts(), [Doubt::BadOnes { first: 900, records: 40, .. }]), "{first}");
        assert_eq!(given_out(prove_twice(&set, &evidence).unwrap()), log.bytes, "{layout}");
    }
}

/// A clock that was two days ahead, and set right before the weekend: the records after it fit whole before those that
/// it dated, like a part that changed places with them, but not at the borders of packets.
#[test]
fn a_clock_that_was_ahead_and_set_right_is_believed() {
    const DAY: u32 = 86_400;
    for layout in LAYOUTS {
        let (mut log, ..) = log(layout);
        let time = layout.fields().time;
        for (row, record) in log.bytes.chunks_mut(layout.width()).enumerate() {
            let later = match row {
                900..950 => 2 * DAY,
                1_000.. => 3 * DAY,
                _ => 0,
            };
            let was = u32::from_le_bytes(record[time..time + 4].try_into().unwrap());
            record[time..time + 4].copy_from_slice(&(was + later).to_le_bytes());
        }
        let set = log.set();
        let evidence = evidence(set.len(), Counts::steady(2_000));
        assert!(prove(spool(&set), &evidence).is_err(), "{layout}: read twice");
        assert_eq!(given_out(prove_twice(&set, &evidence).unwrap()), log.bytes, "{layout}");
    }
}

/// Years back, each record by itself is as sound as the others.
#[test]
fn records_of_another_year_are_not_believed_at_the_first_reading() {
    const THREE_YEARS: u32 = 3 * 12 * 31 * 86_400;
    for layout in LAYOUTS {
        for (from, records) in [(900, 8), (900, 40), (960, 64), (960, 256)] {
            let (mut log, ..) = log(layout);
            let time = layout.fields().time;
            for record in log.bytes.chunks_mut(layout.width()).skip(from).take(records) {
                let earlier = u32::from_le_bytes(record[time..time + 4].try_into().unwrap()) - THREE_YEARS;
                record[time..time + 4].copy_from_slice(&earlier.to_le_bytes());
            }
            let set = log.set();
            let evidence = evidence(set.len(), Counts::steady(2_000));
            assert!(prove(spool(&set), &evidence).is_err(), "{layout}, {records} records");
            assert_eq!(given_out(prove_twice(&set, &evidence).unwrap()), log.bytes, "{layout}, {records} records");
        }
    }
}
