//! A walk over small logs: every size from 1 to 50 records, every layout, every cut of its head, kinds and fillings by turns.

mod logs;

use logs::{Cut, KINDS, Kind, Log, evidence, given_out, spool};
use zk_proto::proof::{Counts, prove};
use zk_proto::record::AttendanceLayout;

const LAYOUTS: [AttendanceLayout; 5] = [
    AttendanceLayout::EightA,
    AttendanceLayout::EightB,
    AttendanceLayout::Sixteen,
    AttendanceLayout::Wide(40),
    AttendanceLayout::Wide(49),
];
const SIZES: std::ops::RangeInclusive<u32> = 1..=50;

/// What the docs of `proof` name as undecidable: sizes that agree and are all wrong, over few short records.
fn cannot_be_told(layout: AttendanceLayout, records: u32, cut: Cut) -> bool {
    cut == Cut::RecordsShifted && layout.width() < 40 && records <= 3
}

/// Whole logs that the docs of `proof` name as refused until more punches join them.
fn may_be_refused(layout: AttendanceLayout, kind: Kind, records: u32) -> bool {
    let half_empty = matches!(kind, Kind::HalfEmptyIds | Kind::HalfEmptyCards);
    (kind == Kind::UnknownModes && records < 50)
        || (layout == AttendanceLayout::EightA && records < 3)
        || (kind == Kind::ResetClock && records < 10)
        || (layout.needs_users() && half_empty)
}

fn walk(layout: AttendanceLayout) {
    let (mut cuts, mut refused) = (0, 0);
    for records in SIZES {
        for (turn, kind) in KINDS.into_iter().enumerate() {
            let running = layout.width() >= 40 && (records as usize + turn) % 2 == 0;
            let log = Log::new(layout, records, kind, running, u64::from(records) * 104_729 + turn as u64);
            let set = log.set();
            match prove(spool(&set), &evidence(set.len(), Counts::steady(records))) {
                Ok(proven) => assert_eq!(given_out(proven), log.bytes, "{layout} {kind:?} {records}"),
                Err(unproven) => {
                    assert!(may_be_refused(layout, kind, records), "{layout} {kind:?} {records}: {unproven}");
                    refused += 1;
                }
            }
            for by in 1..layout.width() {
                // Each size meets every byte, each kind every cut; what sizes and bytes leave open goes by turns.
                let cut = Cut::ALL[(by + turn + records as usize) % Cut::ALL.len()];
                let filling = if (by + records as usize) % 2 == 0 { &[0][..] } else { &log.next };
                if cannot_be_told(layout, records, cut) {
                    continue;
                }
                let (bytes, announced) = cut.apply(&log, by, filling);
                cuts += 1;
                let Ok(proven) = prove(spool(&bytes), &evidence(announced, Counts::steady(records))) else { continue };
                if !proven.is_neutral() {
                    assert_eq!(given_out(proven), log.bytes, "{layout} {records} {kind:?} {cut:?} {by}");
                }
            }
        }
    }
    assert!(cuts > 50 * KINDS.len() * (layout.width() - 2), "{layout}: {cuts} cuts");
    assert!(refused * 5 < 50 * KINDS.len(), "{layout}: {refused} whole logs refused");
}

#[test]
fn small_logs_of_8_bytes_a() {
    walk(LAYOUTS[0]);
}

#[test]
fn small_logs_of_8_bytes_b() {
    walk(LAYOUTS[1]);
}

#[test]
fn small_logs_of_16_bytes() {
    walk(LAYOUTS[2]);
}

#[test]
fn small_logs_of_40_bytes() {
    walk(LAYOUTS[3]);
}

#[test]
fn small_logs_of_49_bytes() {
    walk(LAYOUTS[4]);
}
