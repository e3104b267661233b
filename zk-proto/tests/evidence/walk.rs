//! The walk over every cut of the head, with states that no document names, without a count, with a wrong one, and with a user
//! table: never a wrong record, and no healthy log is refused that has twenty records, or whose people are in the table.

use crate::evidence::people::everybody;
use crate::logs::{Cut, Kind, Log, evidence, given_out, spool};
use zk_proto::proof::{Counts, Evidence, People, Proven, Unproven, prove};
use zk_proto::record::AttendanceLayout;

const SIZES: [u32; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 19, 20, 21, 30, 50];
/// What the keys of a terminal are set to. The last ones look like the top byte of a time of today.
const STATES: [&[u8]; 5] = [&[0, 1], &[15, 16], &[8, 9], &[0, 8, 9, 1], &[49, 50]];

/// An ordinary log with these states in turn.
fn log_of(layout: AttendanceLayout, records: u32, states: &[u8], seed: u64) -> Log {
    let running = matches!(layout, AttendanceLayout::Wide(_)) && seed % 2 == 0;
    let mut log = Log::new(layout, records, Kind::Usual, running, seed * 104_729 + u64::from(records));
    let place = match layout {
        AttendanceLayout::EightA => Some(7),
        AttendanceLayout::EightB => None,
        AttendanceLayout::Sixteen => Some(8),
        AttendanceLayout::Wide(_) => Some(31),
    };
    let Some(place) = place else { return log };
    let next = log.next.chunks_mut(layout.width());
    for (row, record) in log.bytes.chunks_mut(layout.width()).chain(next).enumerate() {
        record[place] = states[row % states.len()];
    }
    log
}

/// Right, missing in every way, and wrong.
fn counts(records: u32) -> Vec<Counts> {
    let wrong = [0, records + 5, records.saturating_sub(5), records / 2, records * 2, records + 1, records - 1];
    let told = [records].into_iter().chain(wrong).map(Counts::steady);
    told.chain([Counts::default()]).collect()
}

/// Reads the same twice where that is asked for.
fn proof_of(bytes: &[u8], evidence: &Evidence) -> Result<Proven, Unproven> {
    let unproven = match prove(spool(bytes), evidence) {
        Ok(proven) => return Ok(proven),
        Err(unproven) => unproven,
    };
    match unproven.needs_second_reading() {
        earlier @ Some(_) => prove(spool(bytes), &Evidence { earlier, ..evidence.clone() }),
        None => Err(unproven),
    }
}

fn healthy_logs_are_taken(layout: AttendanceLayout) {
    let people = everybody();
    for (records, states) in SIZES.into_iter().flat_map(|records| STATES.map(|states| (records, states))) {
        for seed in 1..=6 {
            let log = log_of(layout, records, states, seed);
            let set = log.set();
            // Fewer than twenty records of 8 bytes show too little, whoever their small numbers are.
            let thin = layout.needs_users() && records < 20;
            if thin && states != [0, 1] && layout == AttendanceLayout::EightA {
                continue;
            }
            for counts in counts(records).into_iter().take(if thin { 1 } else { usize::MAX }) {
                let known = [Some(people.clone()), None].into_iter();
                // Of states that look like the top byte of a time, without the table, each may be one.
                let told = states != [49, 50] || layout == AttendanceLayout::EightB;
                for people in known.filter(|people| people.is_some() || told && records >= 20) {
                    let named = people.is_some();
                    let evidence = Evidence { people, ..evidence(set.len(), counts) };
                    let case = format!("{layout} {records} {states:?} {counts:?} named {named} seed {seed}");
                    let proven = proof_of(&set, &evidence).unwrap_or_else(|unproven| panic!("{case}: {unproven}"));
                    assert_eq!(proven.layout(), Some(layout), "{case}");
                    assert!(!proven.is_neutral(), "{case}");
                    assert_eq!(given_out(proven), log.bytes, "{case}");
                }
            }
        }
    }
}

/// So few records say too little by their bytes, where all sizes agree and are all wrong, and nobody knows the people.
fn cannot_be_told(log: &Log, cut: Cut, counts: Counts, people: Option<&People>) -> bool {
    let narrow = !matches!(log.layout, AttendanceLayout::Wide(_));
    let few = if log.layout.needs_users() { 20 } else { 3 };
    // The count of twice as many makes records of 8 bytes of those of 16, and that of half as many the contrary.
    let counted =
        [log.records, log.records * 2, log.records / 2].into_iter().any(|records| counts.allow(records.into()));
    let unknown = people.is_none() && narrow && log.records < few && counted;
    // One record, with a state that may be the top byte of a time.
    let single = log.layout == AttendanceLayout::Sixteen && log.records == 1 && [49, 50].contains(&log.bytes[8]);
    // One record that the count makes two of 8 bytes of, whose small numbers are anybody's.
    let split = log.layout == AttendanceLayout::Sixteen && log.records == 1 && counts.allow(2);
    cut == Cut::RecordsShifted && (unknown || single || split)
}

/// In few records of 8 bytes, other bytes name people by chance.
fn is_told_but_for_a_chance(log: &Log, cut: Cut) -> bool {
    cut == Cut::RecordsShifted && log.layout.needs_users() && log.records < 20
}

fn no_cut_gives_a_wrong_record(layout: AttendanceLayout) {
    let people = everybody();
    let (mut cuts, mut wrong, mut by_chance) = (0, Vec::new(), (0, 0));
    for (turn, records) in SIZES.into_iter().enumerate() {
        for (kind, states) in STATES.into_iter().enumerate() {
            let log = log_of(layout, records, states, (turn + kind) as u64);
            for by in 1..layout.width() {
                for (which, counts) in counts(records).into_iter().enumerate() {
                    // The cuts that leave length word and size in agreement are the ones that matter: each of them each time.
                    let other = Cut::ALL[(by + which + turn) % 4];
                    for cut in [other, Cut::SetShifted, Cut::RecordsShifted] {
                        let filling = if (by + which + kind) % 2 == 0 { &[0][..] } else { &log.next };
                        let (bytes, announced) = cut.apply(&log, by, filling);
                        for people in [None, Some(people.clone())] {
                            if cannot_be_told(&log, cut, counts, people.as_ref()) {
                                continue;
                            }
                            let named = people.is_some();
                            let evidence = Evidence { people, ..evidence(announced, counts) };
                            let chance = is_told_but_for_a_chance(&log, cut);
                            cuts += 1;
                            by_chance.1 += u32::from(chance);
                            let Ok(proven) = proof_of(&bytes, &evidence) else { continue };
                            if proven.is_neutral() || given_out(proven) == log.bytes {
                                continue;
                            }
                            if chance {
                                by_chance.0 += 1;
                            } else {
                                wrong.push(format!("{records} {states:?} {cut:?} {by} {counts:?} named {named}"));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(cuts > 20_000, "{layout}: {cuts} cuts");
    let (taken, of) = by_chance;
    assert!(taken * 100 <= of.max(1), "{layout}: {taken} of {of} that are told but for a chance");
    assert!(wrong.is_empty(), "{layout}: {} of {cuts} cuts are taken for right: {wrong:#?}", wrong.len());
}

macro_rules! walks {
    ($($layout:expr, $healthy:ident, $cut:ident;)*) => {
        $(
            #[test]
            fn $healthy() {
                healthy_logs_are_taken($layout);
            }

            #[test]
            fn $cut() {
                no_cut_gives_a_wrong_record($layout);
            }
        )*
    };
}

walks! {
    AttendanceLayout::EightA, healthy_logs_of_8_bytes_a_are_taken, no_cut_of_8_bytes_a_gives_a_wrong_record;
    AttendanceLayout::EightB, healthy_logs_of_8_bytes_b_are_taken, no_cut_of_8_bytes_b_gives_a_wrong_record;
    AttendanceLayout::Sixteen, healthy_logs_of_16_bytes_are_taken, no_cut_of_16_bytes_gives_a_wrong_record;
    AttendanceLayout::Wide(40), healthy_logs_of_40_bytes_are_taken, no_cut_of_40_bytes_gives_a_wrong_record;
    AttendanceLayout::Wide(49), healthy_logs_of_49_bytes_are_taken, no_cut_of_49_bytes_gives_a_wrong_record;
}
