//! Forced readings: they show the damage of logs, and show no record of a shifted log as good.

mod logs;

use std::collections::BTreeSet;

use logs::{Cut, Dice, Kind, Log, evidence, spool};
use zk_proto::Spool;
use zk_proto::proof::{Begin, Counts, Evidence, Forced, Grade, Patch, forced, possible};
use zk_proto::record::AttendanceLayout;

/// A set whose records in a range are noise.
fn patched(log: &Log, from: usize, to: usize) -> Vec<u8> {
    let (mut set, width, mut dice) = (log.set(), log.layout.width(), Dice(99));
    set[4 + from * width..4 + to * width].fill_with(|| dice.below(256) as u8);
    set
}

fn read(set: &[u8], log: &Log) -> (Spool, Evidence, Forced) {
    let (mut spool, evidence) = (spool(set), evidence(set.len(), Counts::steady(log.records)));
    let reading = forced(&mut spool, log.layout, Begin::Word, &evidence).unwrap().unwrap();
    (spool, evidence, reading)
}

fn grades(spool: &mut Spool, reading: &mut Forced) -> Vec<(Grade, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let batch = reading.next_batch(spool, 100).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.into_iter().map(|(grade, record)| (grade, record.raw.to_vec())));
    }
}

#[test]
fn a_damaged_patch_is_found_and_the_rest_is_good() {
    for layout in AttendanceLayout::known() {
        let log = Log::new(layout, 400, Kind::Usual, layout.width() >= 40, 5);
        let (mut spool, _, mut reading) = read(&patched(&log, 200, 330), &log);
        let width = layout.width();
        let all = grades(&mut spool, &mut reading);
        assert_eq!(all.len(), 400);
        for (place, (grade, raw)) in all.iter().enumerate().filter(|(_, (grade, _))| *grade == Grade::Good) {
            assert_eq!(&log.bytes[place * width..(place + 1) * width], raw, "{layout} {place} {grade:?}");
        }
        let good = all.iter().filter(|(grade, _)| *grade == Grade::Good).count() as u64;
        assert_eq!((good, reading.tally().good), (270, 270), "{layout}: {:?}", reading.patches());
        assert_eq!(reading.patches(), [Patch { first: 200, records: 130 }], "{layout}");
    }
}

#[test]
fn the_layout_of_a_damaged_log_is_the_first_of_those_that_are_possible() {
    for layout in AttendanceLayout::known() {
        let log = Log::new(layout, 400, Kind::Usual, layout.width() >= 40, 6);
        let set = patched(&log, 100, 230);
        let found = possible(&mut spool(&set), Begin::Word, &evidence(set.len(), Counts::steady(400))).unwrap();
        assert_eq!(found.first().map(Forced::layout), Some(layout), "{found:?}");
    }
}

#[test]
fn no_cut_gives_a_good_record_that_is_not_there() {
    for layout in AttendanceLayout::known() {
        let log = Log::new(layout, 300, Kind::Usual, layout.width() >= 40, 8);
        let truth: BTreeSet<&[u8]> = log.bytes.chunks(layout.width()).collect();
        for cut in 1..layout.width() {
            for kind in Cut::ALL {
                let (set, announced) = kind.apply(&log, cut, &[0]);
                let (mut spool, evidence) = (spool(&set), evidence(announced, Counts::steady(300)));
                let Some(mut reading) = forced(&mut spool, layout, Begin::Word, &evidence).unwrap() else { continue };
                let wrong = grades(&mut spool, &mut reading);
                let wrong =
                    wrong.iter().filter(|(grade, raw)| *grade == Grade::Good && !truth.contains(&raw[..])).count();
                assert_eq!(wrong, 0, "{layout} cut {cut} {kind:?}: {reading:?}");
            }
        }
    }
}

#[test]
fn a_tail_is_read_from_the_record_where_it_begins() {
    let log = Log::new(AttendanceLayout::Wide(40), 400, Kind::Usual, true, 9);
    let set = patched(&log, 250, 330);
    let begin = Begin::Record { at: 4 + 100 * 40, word: 400 * 40 };
    let (mut spool, evidence) = (spool(&set[4 + 100 * 40..]), evidence(set.len(), Counts::steady(400)));
    let mut reading = forced(&mut spool, log.layout, begin, &evidence).unwrap().unwrap();
    assert_eq!((reading.first_index(), reading.records(), reading.tally().good), (100, 300, 220));
    assert_eq!(reading.patches(), [Patch { first: 150, records: 80 }]);
    assert!(reading.witnesses().count && reading.witnesses().length_word, "{reading:?}");
    assert_eq!(grades(&mut spool, &mut reading)[0].1, &log.bytes[4000..4040]);
    assert_eq!(reading.overlap(&mut spool, 2).unwrap(), &log.bytes[398 * 40..]);
}

#[test]
fn a_set_without_a_whole_record_is_read_as_none() {
    let evidence = evidence(43, Counts::steady(1));
    assert!(forced(&mut spool(&[0; 43]), AttendanceLayout::Wide(40), Begin::Word, &evidence).unwrap().is_none());
    assert!(possible(&mut spool(&[0; 3]), Begin::Word, &evidence.clone().announced(0)).unwrap().is_empty());
    assert!(forced(&mut Spool::in_memory(9), AttendanceLayout::Wide(40), Begin::Word, &evidence).unwrap().is_none());
}
