//! The second table: tails, empty sets, missing bytes, gaps, wrong checksums.

use super::{FORTY, fields, is_wide, layouts, set_time};
use crate::logs::{Kind, Log, evidence, given_out, spool};
use zk_proto::Spool;
use zk_proto::proof::{Counts, Doubt, Evidence, Known, Proven, Remembered, Unproven, prove, prove_tail};
use zk_proto::record::AttendanceLayout;

const KNOWN: usize = 100;
const OVERLAP: usize = 16;

/// A log whose first records are known.
struct Grown {
    log: Log,
    known: Known,
    evidence: Evidence,
}

impl Grown {
    fn new(layout: AttendanceLayout, new: u32) -> Self {
        let log = Log::new(layout, KNOWN as u32 + new, Kind::Usual, false, 31);
        let width = layout.width();
        let overlap = log.bytes[(KNOWN - OVERLAP) * width..KNOWN * width].to_vec();
        let evidence = evidence(log.bytes.len() + 4, Counts::steady(log.records));
        Self { known: Known { records: KNOWN as u64, overlap, layout }, evidence, log }
    }

    fn new_records(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let width = self.log.layout.width();
        self.log.bytes[KNOWN * width..].chunks_mut(width)
    }

    fn tail(&self) -> Result<Proven, Unproven> {
        self.tail_of(self.log.bytes.len() as u32, &self.log.bytes[(KNOWN - OVERLAP) * self.log.layout.width()..])
    }

    /// Many bad records in a row have to be read twice.
    fn tail_twice(&mut self) -> Result<Proven, Unproven> {
        self.tail().or_else(|unproven| {
            self.evidence.earlier = unproven.needs_second_reading();
            self.tail()
        })
    }

    fn tail_of(&self, word: u32, bytes: &[u8]) -> Result<Proven, Unproven> {
        prove_tail(spool(bytes), word, &self.known, &self.evidence)
    }
}

#[test]
fn an_overlap_that_equals_the_stored_records_proves_the_records_after_it() {
    for layout in layouts() {
        for new in [0, 1, 2, 64, 200] {
            let grown = Grown::new(layout, new);
            let proven = grown.tail().unwrap_or_else(|unproven| panic!("{layout} {new}: {unproven}"));
            assert_eq!((proven.first_index(), proven.records()), (KNOWN as u64, new.into()));
            assert_eq!(given_out(proven), grown.log.bytes[KNOWN * layout.width()..], "{layout} {new}");
        }
    }
}

#[test]
fn an_overlap_that_differs_in_any_record_is_no_tail() {
    for layout in layouts() {
        for record in 0..OVERLAP {
            let mut grown = Grown::new(layout, 10);
            let at = record * layout.width() + fields(layout).time;
            grown.known.overlap[at] ^= 1;
            assert_eq!(grown.tail().unwrap_err().doubts(), [Doubt::OverlapDiffers], "{layout} {record}");
        }
    }
}

#[test]
fn bytes_after_a_nul_make_no_difference_in_an_overlap() {
    for layout in layouts().filter(|layout| is_wide(*layout)) {
        let mut grown = Grown::new(layout, 10);
        grown.known.overlap[25] = 0x77;
        assert!(grown.tail().is_ok(), "{layout}");
    }
}

/// A tail does not need 80 % good records: the overlap proves width and alignment.
#[test]
fn after_an_overlap_64_in_a_row_are_refused_and_nothing_less() {
    for layout in layouts() {
        for (bad, enough) in [(32, true), (33, false)] {
            let mut grown = Grown::new(layout, 200);
            let records = grown.new_records().skip(60).take(bad);
            records.for_each(|record| set_time(fields(layout), record, u32::MAX));
            let tail = grown.tail_twice();
            assert_eq!(tail.is_ok(), enough, "{layout} {bad}: {tail:?}");
            if let Err(unproven) = tail {
                assert!(matches!(unproven.doubts(), [Doubt::BadRun { .. }]), "{layout}: {unproven}");
            }
        }
        let mut grown = Grown::new(layout, 6);
        grown.new_records().take(3).for_each(|record| set_time(fields(layout), record, u32::MAX));
        assert_eq!(grown.tail().unwrap().records(), 6, "{layout}: half of them bad, but few");
    }
}

/// Stricter than the rules: records after the overlap that make better ones from another beginning are refused too.
#[test]
fn a_slip_after_the_overlap_is_no_tail() {
    for layout in layouts() {
        for by in 1..layout.width() {
            let grown = Grown::new(layout, 200);
            let width = layout.width();
            let mut bytes = grown.log.bytes[(KNOWN - OVERLAP) * width..].to_vec();
            bytes.drain(OVERLAP * width..OVERLAP * width + by);
            bytes.extend_from_slice(&grown.log.next[..by]);
            let tail = grown.tail_of(grown.log.bytes.len() as u32, &bytes);
            assert!(tail.is_err(), "{layout} {by}");
        }
    }
}

#[test]
fn a_tail_is_held_to_its_sizes_and_packets_too() {
    for layout in layouts() {
        let grown = Grown::new(layout, 10);
        let (width, word) = (layout.width(), grown.log.bytes.len() as u32);
        let bytes = &grown.log.bytes[(KNOWN - OVERLAP) * width..];
        let reason = |tail: Result<Proven, Unproven>| tail.unwrap_err().doubts()[0];
        for wrong in [word + 1, word - 1, word + width as u32] {
            assert!(matches!(reason(grown.tail_of(wrong, bytes)), Doubt::Witnesses { .. }), "{layout} {wrong}");
        }
        let shorter = ((KNOWN - 1) * width) as u32;
        assert_eq!(reason(grown.tail_of(shorter, bytes)), Doubt::ShorterThanKnown, "{layout}");
        let lacking = grown.tail_of(word, &bytes[..bytes.len() - 1]);
        assert!(matches!(reason(lacking), Doubt::Incomplete { .. }), "{layout}");
        let evidence = grown.evidence.clone().damaged_packets(1);
        let damaged = prove_tail(spool(bytes), word, &grown.known, &evidence);
        assert_eq!(reason(damaged), Doubt::Damaged { packets: 1 }, "{layout}");
    }
}

#[test]
fn nothing_is_proven_empty_when_each_count_is_zero() {
    let counts = |before, after| Counts { before, after };
    let rows = [
        (counts(Some(0), Some(0)), true),
        (counts(Some(0), None), true),
        (counts(None, Some(0)), true),
        (counts(None, None), false),
        (counts(Some(1), Some(1)), false),
        (counts(Some(0), Some(1)), false),
        (counts(Some(1), Some(0)), false),
    ];
    for (counts, empty) in rows {
        for set in [&[][..], &[0; 4]] {
            match prove(spool(set), &evidence(set.len(), counts)) {
                Ok(proven) => assert!(empty && proven.records() == 0, "{counts}"),
                Err(unproven) => {
                    assert!(!empty, "{counts}");
                    assert_eq!(unproven.doubts(), [Doubt::Empty]);
                    assert_eq!(unproven.needs_second_reading(), None);
                }
            }
        }
        // A length word that announces bytes, followed by none.
        assert!(prove(spool(&[40, 0, 0, 0]), &evidence(4, counts)).is_err(), "{counts}");
    }
}

#[test]
fn fewer_bytes_than_were_announced_are_no_proof() {
    for layout in layouts() {
        let log = Log::new(layout, 50, Kind::Usual, false, 6);
        let set = log.set();
        for have in [0, 3, 4, set.len() - layout.width(), set.len() - 1] {
            let unproven = prove(spool(&set[..have]), &evidence(set.len(), Counts::steady(50))).unwrap_err();
            let (have, announced) = (have as u64, set.len() as u64);
            assert_eq!(unproven.doubts(), [Doubt::Incomplete { have, announced }], "{layout}");
        }
    }
}

#[test]
fn a_gap_is_refused_wherever_it_is() {
    let log = Log::new(FORTY, 50, Kind::Usual, false, 6);
    let set = log.set();
    for (hole, length) in [(0, 1), (0, 40), (4, 40), (1000, 1), (1004, 40), (1964, 39)] {
        let mut spool = Spool::in_memory(1 << 20);
        spool.write_at(0, &set[..hole]).unwrap();
        spool.write_at((hole + length) as u64, &set[hole + length..]).unwrap();
        let unproven = prove(spool, &evidence(set.len(), Counts::steady(50))).unwrap_err();
        let expected = Doubt::Incomplete { have: hole as u64, announced: set.len() as u64 };
        assert_eq!(unproven.doubts(), [expected], "{hole} {length}");
    }
}

#[test]
fn damaged_packets_are_no_proof_but_where_every_session_had_them_the_witnesses_decide() {
    for layout in layouts() {
        let log = Log::new(layout, 50, Kind::Usual, false, 6);
        let set = log.set();
        let damaged = evidence(set.len(), Counts::steady(50)).damaged_packets(3);
        assert_eq!(prove(spool(&set), &damaged).unwrap_err().doubts(), [Doubt::Damaged { packets: 3 }], "{layout}");
        let remembered = Remembered { checksums_wrong: true, ..Remembered::default() };
        let known = damaged.remembered(remembered);
        assert_eq!(given_out(prove(spool(&set), &known).unwrap()), log.bytes, "{layout}");
        let counted_wrong = known.counts(Counts::steady(60));
        assert!(prove(spool(&set), &counted_wrong).is_err(), "{layout}: held to the witnesses");
    }
}
