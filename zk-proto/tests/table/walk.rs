//! A walk over every size from 1 to 50 in every layout, whole and with every cut of its head.
//!
//! Two functions list the exceptions, as does `docs/proof.md` under "What bytes cannot tell". If one has a case that
//! the other does not have, one of them is wrong.

use super::{EIGHT_A, EIGHT_B, FORTY, FORTY_NINE, SIXTEEN, fields, is_wide};
use crate::logs::{Cut, KINDS, Kind, Log, evidence, given_out, spool};
use zk_proto::proof::{Counts, Proven, Unproven, prove};
use zk_proto::record::AttendanceLayout;

const SIZES: std::ops::RangeInclusive<u32> = 1..=50;
/// Logs of each kind, layout and size that have to be accepted whole.
const SEEDS: u64 = 2;

/// The expected result for a whole log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whole {
    Taken,
    Refused,
    /// Some misaligned times and flags make better records by chance.
    Either,
}

/// Returns the expected result: some whole logs are refused until more punches join them.
fn whole(log: &Log) -> Whole {
    let (layout, records, kind) = (log.layout, log.records, log.kind);
    let resets = kind == Kind::ResetClock;
    let half_empty = matches!(kind, Kind::HalfEmptyIds | Kind::HalfEmptyCards);
    match () {
        () if kind == Kind::UnknownModes => {
            if too_many_lone_modes(log) {
                Whole::Refused
            } else {
                Whole::Taken
            }
        }
        () if resets && records <= 3 => Whole::Either,
        () if half_empty && layout.needs_users() => Whole::Either,
        () if half_empty && is_wide(layout) && log.running_numbers && records < 10 => Whole::Either,
        () => Whole::Taken,
    }
}

/// Returns true if too many records have an undocumented verify mode that no other record shares.
fn too_many_lone_modes(log: &Log) -> bool {
    let Some(at) = fields(log.layout).mode else { return false };
    let modes: Vec<u8> = log.bytes.chunks(log.layout.width()).map(|record| record[at]).collect();
    let lone = |mode: u8| mode > 25 && modes.iter().filter(|other| **other == mode).count() == 1;
    let bad = modes.iter().filter(|mode| lone(**mode)).count();
    if modes.len() < 5 { bad > 1 || bad == modes.len() } else { bad * 5 > modes.len() }
}

/// The expected result for a cut log, besides the true records and a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cuts {
    Recognized,
    /// Too few bytes to tell.
    Unrecognizable,
    /// Recognized, except by rare chance.
    Rarely,
}

/// Returns the expected result: some cuts leave bytes that a terminal might as well have stored.
fn expected_of(log: &Log, cut: Cut) -> Cuts {
    let (layout, records) = (log.layout, log.records);
    let eight = layout.needs_users();
    match cut {
        Cut::RecordsShifted if records <= if eight { 3 } else { 2 } && !is_wide(layout) => Cuts::Unrecognizable,
        Cut::RecordsShifted if eight && records < 20 => Cuts::Rarely,
        Cut::SetShifted if layout == EIGHT_A && (5..10).contains(&records) => Cuts::Rarely,
        _ => Cuts::Recognized,
    }
}

fn proof_of(bytes: &[u8], announced: usize, records: u32) -> Result<Proven, Unproven> {
    prove(spool(bytes), &evidence(announced, Counts::steady(records)))
}

fn healthy_logs_are_taken(layout: AttendanceLayout) {
    let numbered: &[bool] = if is_wide(layout) { &[false, true] } else { &[false] };
    let (mut either, mut refused_by_chance) = (0, 0);
    for records in SIZES {
        for (turn, kind) in KINDS.into_iter().enumerate() {
            for (running, seed) in numbered.iter().flat_map(|running| (1..=SEEDS).map(move |seed| (*running, seed))) {
                let log = Log::new(
                    layout,
                    records,
                    kind,
                    running,
                    seed * 1_000_003 + u64::from(records) * 7919 + turn as u64,
                );
                let case = format!("{layout} {kind:?} {records} running {running} seed {seed}");
                let set = log.set();
                let (expected, proof) = (whole(&log), proof_of(&set, set.len(), records));
                let proven = match proof {
                    Ok(proven) => proven,
                    Err(unproven) => {
                        assert_ne!(expected, Whole::Taken, "{case}: {unproven}");
                        (either, refused_by_chance) = match expected {
                            Whole::Either => (either + 1, refused_by_chance + 1),
                            _ => (either, refused_by_chance),
                        };
                        continue;
                    }
                };
                assert_ne!(expected, Whole::Refused, "{case}");
                either += u32::from(expected == Whole::Either);
                // Only the date of the reset: set aside. With one record of 8 bytes, not even the layout is known.
                let nothing_to_see = kind == Kind::ResetClock && records == 1;
                assert_eq!(proven.is_neutral(), nothing_to_see, "{case}");
                assert!(nothing_to_see || proven.layout() == Some(layout), "{case}: {:?}", proven.layout());
                assert_eq!(given_out(proven), log.bytes, "{case}");
            }
        }
    }
    assert!(
        refused_by_chance * 10 <= either.max(10),
        "{layout}: {refused_by_chance} of {either} that may be refused are"
    );
}

fn no_cut_gives_a_wrong_record(layout: AttendanceLayout) {
    let (mut cuts, mut rare, mut wrong) = (0u32, 0u32, 0u32);
    for records in SIZES {
        for (turn, kind) in KINDS.into_iter().enumerate() {
            let seed = u64::from(records) * 104_729 + turn as u64;
            let logs = [false, true].map(|running| Log::new(layout, records, kind, running && is_wide(layout), seed));
            for by in 1..layout.width() {
                // Each byte of each size meets every kind and, since there are fewer of them, every cut. Over all
                // bytes and sizes, each kind meets every cut.
                let cut = Cut::ALL[(records as usize + by + turn) % Cut::ALL.len()];
                let log = &logs[(records as usize + by / KINDS.len()) % 2];
                let expected = expected_of(log, cut);
                if expected == Cuts::Unrecognizable {
                    continue;
                }
                let fillings: &[&[u8]] = match cut {
                    Cut::SetShifted | Cut::RecordsShifted if !is_wide(layout) => &[&[0], &log.next],
                    // Wide records, of which there are many more, take the fillings by turns: each kind and cut takes
                    // both.
                    _ if (records as usize + by / Cut::ALL.len()) % 2 == 0 => &[&log.next],
                    _ => &[&[0]],
                };
                for filling in fillings {
                    let (bytes, announced) = cut.apply(log, by, filling);
                    cuts += 1;
                    rare += u32::from(expected == Cuts::Rarely);
                    let Ok(proven) = proof_of(&bytes, announced, records) else { continue };
                    let right = proven.layout() == Some(layout);
                    if proven.is_neutral() || (given_out(proven) == log.bytes && right) {
                        continue;
                    }
                    assert_eq!(expected, Cuts::Rarely, "{layout} {records} {kind:?} {cut:?} {by}");
                    wrong += 1;
                }
            }
        }
    }
    // Nine kinds of each size, cut at each byte; short records with two fillings if there are any. Cuts that nobody
    // can recognize are left out.
    let ways = if is_wide(layout) { 9 } else { 11 };
    assert!(cuts >= 50 * ways * (layout.width() as u32 - 1) - 120, "{layout}: {cuts} cuts");
    assert!(wrong * 100 <= rare, "{layout}: {wrong} of {rare} that are rarely taken for right are");
}

walks! {
    EIGHT_A, every_healthy_log_of_8_bytes_a_is_taken, no_cut_of_8_bytes_a_gives_a_wrong_record;
    EIGHT_B, every_healthy_log_of_8_bytes_b_is_taken, no_cut_of_8_bytes_b_gives_a_wrong_record;
    SIXTEEN, every_healthy_log_of_16_bytes_is_taken, no_cut_of_16_bytes_gives_a_wrong_record;
    FORTY, every_healthy_log_of_40_bytes_is_taken, no_cut_of_40_bytes_gives_a_wrong_record;
    FORTY_NINE, every_healthy_log_of_49_bytes_is_taken, no_cut_of_49_bytes_gives_a_wrong_record;
}

/// Each exception is real, and ends as soon as more punches join.
#[test]
fn each_excepted_log_is_refused_and_taken_once_more_punches_join() {
    let rows = [
        (SIXTEEN, Kind::ResetClock, 2, 38),
        (FORTY, Kind::ResetClock, 2, 56),
        (SIXTEEN, Kind::UnknownModes, 1, 2),
        (FORTY, Kind::UnknownModes, 1, 2),
    ];
    for (layout, kind, records, seed) in rows {
        let log = Log::new(layout, records, kind, false, seed);
        let set = log.set();
        assert!(proof_of(&set, set.len(), records).is_err(), "{layout} {kind:?} {records}");
        let log = Log::new(layout, 50, kind, false, seed);
        let set = log.set();
        assert_eq!(given_out(proof_of(&set, set.len(), 50).unwrap()), log.bytes, "{layout} {kind:?}");
    }
}

/// While the count moves, fewer than five short records may have another width.
#[test]
fn while_the_count_moves_few_short_records_wait_and_nothing_else_does() {
    for layout in [EIGHT_A, EIGHT_B, SIXTEEN, FORTY, FORTY_NINE] {
        let mut waited = 0;
        for records in SIZES {
            for (before, after) in [(records, records + 1), (records - 1, records)] {
                let log = Log::new(layout, records, Kind::Usual, false, u64::from(records) * 17 + 3);
                let set = log.set();
                let counts = Counts { before: Some(before), after: Some(after) };
                match prove(spool(&set), &evidence(set.len(), counts)) {
                    Ok(proven) => assert_eq!((proven.layout(), given_out(proven)), (Some(layout), log.bytes.clone())),
                    Err(unproven) => {
                        assert!(!is_wide(layout) && records < 5, "{layout} {records}: {unproven}");
                        waited += 1;
                    }
                }
            }
        }
        assert_eq!(waited > 0, !is_wide(layout), "{layout}");
    }
}
