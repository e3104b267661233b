//! A walk over every cut of the head, with undocumented states, without a count, with a wrong one, and with a user
//! table. No cut gives a wrong record. No healthy log is refused that has twenty records, or whose people are in the
//! table.

use crate::evidence::people::everybody;
use crate::logs::{Cut, Kind, Log, evidence, given_out, prove_twice};
use zk_proto::proof::Counts;
use zk_proto::record::AttendanceLayout;

const SIZES: [u32; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 19, 20, 21, 30, 50];
/// The states of a terminal's keys. The last two look like the top byte of a time of today.
const STATES: [&[u8]; 5] = [&[0, 1], &[15, 16], &[8, 9], &[0, 8, 9, 1], &[49, 50]];

/// An ordinary log with these states by turns.
fn log_of(layout: AttendanceLayout, records: u32, states: &[u8], seed: u64) -> Log {
    let running = matches!(layout, AttendanceLayout::Wide(_)) && seed % 2 == 0;
    let mut log = Log::new(layout, records, Kind::Usual, running, seed * 104_729 + u64::from(records));
    let state = layout.fields().state;
    if !state.is_whole_byte() {
        return log;
    }
    let next = log.next.chunks_mut(layout.width());
    for (row, record) in log.bytes.chunks_mut(layout.width()).chain(next).enumerate() {
        state.set(record, states[row % states.len()]);
    }
    log
}

/// Right, missing and wrong counts.
fn counts(records: u32) -> Vec<Counts> {
    let wrong = [0, records + 5, records.saturating_sub(5), records / 2, records * 2, records + 1, records - 1];
    let told = [records].into_iter().chain(wrong).map(Counts::steady);
    told.chain([Counts::default()]).collect()
}

fn healthy_logs_are_taken(layout: AttendanceLayout) {
    let people = everybody();
    for (records, states) in SIZES.into_iter().flat_map(|records| STATES.map(|states| (records, states))) {
        for seed in 1..=6 {
            let log = log_of(layout, records, states, seed);
            let set = log.set();
            for counts in counts(records) {
                let known = [Some(people.clone()), None].into_iter();
                // Without the table, a state that looks like the top byte of a time may be one.
                let told = states != [49, 50] || layout == AttendanceLayout::EightB;
                for people in known.filter(|people| people.is_some() || told && records >= 20) {
                    let named = people.is_some();
                    let evidence = evidence(set.len(), counts).people(people);
                    let case = format!("{layout} {records} {states:?} {counts:?} named {named} seed {seed}");
                    let proven = prove_twice(&set, &evidence).unwrap_or_else(|unproven| panic!("{case}: {unproven}"));
                    assert_eq!(proven.layout(), Some(layout), "{case}");
                    assert!(!proven.is_neutral(), "{case}");
                    assert_eq!(given_out(proven), log.bytes, "{case}");
                }
            }
        }
    }
}

/// `WALK_SEED` selects other logs, by hand.
pub(crate) fn first_seed() -> u64 {
    std::env::var("WALK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

fn no_cut_gives_a_wrong_record(layout: AttendanceLayout) {
    let people = everybody();
    let (mut cuts, mut wrong) = (0, Vec::new());
    for (turn, records) in SIZES.into_iter().enumerate() {
        for (kind, states) in STATES.into_iter().enumerate() {
            let log = log_of(layout, records, states, first_seed() + (turn + kind) as u64);
            for by in 1..layout.width() {
                for (which, counts) in counts(records).into_iter().enumerate() {
                    // The cuts after which length word and size still agree matter most, so each is made every time.
                    let other = Cut::ALL[(by + which + turn) % 4];
                    for cut in [other, Cut::SetShifted, Cut::RecordsShifted] {
                        let filling = if (by + which + kind) % 2 == 0 { &[0][..] } else { &log.next };
                        let (bytes, announced) = cut.apply(&log, by, filling);
                        for people in [None, Some(people.clone())] {
                            let named = people.is_some();
                            let evidence = evidence(announced, counts).people(people);
                            cuts += 1;
                            let Ok(proven) = prove_twice(&bytes, &evidence) else { continue };
                            // So few that the user table is needed; without one, nobody can tell.
                            if proven.people_would_help() {
                                continue;
                            }
                            if proven.is_neutral() || given_out(proven) == log.bytes {
                                continue;
                            }
                            wrong.push(format!("{records} {states:?} {cut:?} {by} {counts:?} named {named}"));
                        }
                    }
                }
            }
        }
    }
    assert!(cuts > 20_000, "{layout}: {cuts} cuts");
    assert!(wrong.is_empty(), "{layout}: {} of {cuts} cuts are taken for right: {wrong:#?}", wrong.len());
}

walks! {
    AttendanceLayout::EightA, healthy_logs_of_8_bytes_a_are_taken, no_cut_of_8_bytes_a_gives_a_wrong_record;
    AttendanceLayout::EightB, healthy_logs_of_8_bytes_b_are_taken, no_cut_of_8_bytes_b_gives_a_wrong_record;
    AttendanceLayout::Sixteen, healthy_logs_of_16_bytes_are_taken, no_cut_of_16_bytes_gives_a_wrong_record;
    AttendanceLayout::Wide(40), healthy_logs_of_40_bytes_are_taken, no_cut_of_40_bytes_gives_a_wrong_record;
    AttendanceLayout::Wide(49), healthy_logs_of_49_bytes_are_taken, no_cut_of_49_bytes_gives_a_wrong_record;
}
