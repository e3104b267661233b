//! Datagrams that are lost, doubled and overtaken at every rate: a reading is exact to the byte, or it ends with a
//! reason.
//!
//! No proof has a hand in this: what the session hands out is compared with the terminal's own bytes. Usually a part of
//! the matrix is run. `UDP_SEEDS=30 cargo test --release -p zk-proto --test schedules datagrams -- --nocapture` runs
//! all of it.

use std::time::Duration;

use bytes::Bytes;
use zk_proto::op::ReadTemplate;
use zk_proto::record::FingerTemplate;
use zk_proto::{Dataset, Uid};
use zk_sim::{Device, Fault, FaultKind, Profile, Terminal, TerminalBuilder};

use super::memory;

/// Shares of the datagrams, in thousandths.
const RATES: [i64; 6] = [2, 5, 10, 20, 50, 200];
const LOSS: FaultKind = FaultKind::UdpLoss;
const DOUBLE: FaultKind = FaultKind::UdpDuplicate;
const REORDER: FaultKind = FaultKind::UdpReorder;
/// Each alone, and all three.
const KINDS: [&[FaultKind]; 4] = [&[LOSS], &[DOUBLE], &[REORDER], &[LOSS, DOUBLE, REORDER]];
/// Records of 8, 16, 40 and 49 bytes.
const FAMILIES: [&str; 4] = ["bw8", "bw16", "tft40", "face49"];
/// Ways in which a terminal hands over a set.
const BUFFERED: [&[&str]; 6] = [
    &[],
    &["data-session-id"],
    &["data-session-id", "no-final-ack"],
    &["data-session-id", "bare-data"],
    &["data-session-id", "udp-part=300"],
    &["data-session-id", "early-ack"],
];
const AT_ONCE: [&[&str]; 6] = [
    &["refuse-buffered"],
    &["refuse-buffered", "data-session-id"],
    &["prepare-to-1503"],
    &["prepare-to-1503", "data-session-id"],
    &["refuse-offsets", "data-session-id"],
    &["ignore-length", "data-session-id"],
];

/// One in so many combinations is usually run.
const PART: usize = 5;

/// The results of a number of readings.
#[derive(Debug, Default)]
struct Tally {
    whole: u32,
    failed: u32,
    slowest: Duration,
}

impl Tally {
    fn count(&mut self, outcome: &Result<Duration, String>) {
        match outcome {
            Ok(time) => {
                self.whole += 1;
                self.slowest = self.slowest.max(*time);
            }
            Err(why) => {
                assert!(!why.is_empty());
                self.failed += 1;
            }
        }
    }
}

fn seeds(usual: u64) -> u64 {
    std::env::var("UDP_SEEDS").map_or(usual, |seeds| seeds.parse().unwrap())
}

fn terminal(family: &str, seed: u64, records: usize) -> TerminalBuilder {
    let now = chrono::NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
    let terminal = Terminal::builder().profile(Profile::named(family).unwrap()).records(records).users(120);
    let terminal = (1..=60).fold(terminal, |terminal, uid| {
        let length = 400 + usize::from(uid) * 37;
        let template: Vec<u8> = (0..length).map(|at| (at * 7 + at / 256 * 13 + usize::from(uid)) as u8).collect();
        terminal.finger(FingerTemplate { uid: Uid(uid), finger: 3, flag: 1, template: Bytes::from(template) })
    });
    terminal.seed(seed).now(now)
}

fn armed(terminal: Terminal, faults: &[Fault], way: &[&str]) -> Device {
    let mut device = Device::new(terminal);
    let way = way.iter().map(|fault| Fault::parse(fault).unwrap());
    device.set_faults(&faults.iter().copied().chain(way).collect::<Vec<_>>());
    device
}

/// Reads every combination of rate and kind once per seed. Panics at the first byte that is wrong.
fn read_all(family: &str, dataset: Dataset, ways: &[&[&str]], records: usize, seeds: u64) -> Tally {
    let mut tally = Tally::default();
    let whole = std::env::var("UDP_SEEDS").is_ok();
    // No divisor in common with the numbers of rates and kinds: every rate and kind has its turn.
    let step = if whole { 1 } else { PART };
    for seed in 0..seeds {
        let first = (family.len() + seed as usize) % step;
        let sound = Device::new(terminal(family, seed, records).build());
        let truth = memory::read_bytes(sound, false, dataset).unwrap().0;
        assert!(truth.len() > 3000);
        for (way, kinds, rate) in combinations(ways).skip(first).step_by(step) {
            let faults: Vec<Fault> = kinds.iter().map(|kind| Fault::new(*kind).permille(rate)).collect();
            let device = armed(terminal(family, seed, records).build(), &faults, way);
            let outcome = memory::read_bytes(device, true, dataset);
            let about = || format!("{family} {dataset:?} {way:?} {kinds:?} {rate} of 1000, seed {seed}");
            if let Ok((bytes, _)) = &outcome {
                assert!(*bytes == truth, "{}: {} bytes instead of {}", about(), bytes.len(), truth.len());
            }
            tally.count(&outcome.map(|(_, time)| time));
        }
    }
    tally
}

fn combinations<'a>(ways: &'a [&'a [&'a str]]) -> impl Iterator<Item = (&'a [&'a str], &'static [FaultKind], i64)> {
    ways.iter().flat_map(|way| KINDS.iter().flat_map(move |kinds| RATES.iter().map(move |rate| (*way, *kinds, *rate))))
}

#[test]
fn a_buffered_log_over_datagrams_is_exact_or_fails() {
    for family in FAMILIES {
        let tally = read_all(family, Dataset::Attendance, &BUFFERED, 3000, seeds(1));
        println!("{family} buffered: {tally:?}");
        assert!(tally.whole > tally.failed * 20, "{family}: {tally:?}");
    }
}

#[test]
fn a_log_that_comes_at_once_over_datagrams_is_exact_or_fails() {
    for family in FAMILIES {
        let tally = read_all(family, Dataset::Attendance, &AT_ONCE, 3000, seeds(1));
        println!("{family} at once: {tally:?}");
        assert!(tally.whole > tally.failed, "{family}: {tally:?}");
    }
}

#[test]
fn users_and_templates_over_datagrams_are_exact_or_fail() {
    for (family, dataset) in [("bw8", Dataset::Users), ("tft40", Dataset::Users), ("tft40", Dataset::Templates)] {
        let (buffered, at_once) =
            (read_all(family, dataset, &BUFFERED, 10, seeds(2)), read_all(family, dataset, &AT_ONCE, 10, seeds(2)));
        println!("{family} {dataset:?} buffered: {buffered:?}, at once: {at_once:?}");
        assert!(buffered.whole > buffered.failed * 20, "{family}: {buffered:?}");
        assert!(at_once.whole > at_once.failed / 2, "{family}: {at_once:?}");
    }
}

#[test]
fn single_templates_over_datagrams_are_exact_or_fail() {
    let mut tally = Tally::default();
    for seed in 0..seeds(4) {
        for uid in [1, 17, 40, 60] {
            let asked = ReadTemplate { uid: Uid(uid), finger: 3 };
            let sound = Device::new(terminal("tft40", seed, 1).build());
            let truth = memory::read_template(sound, false, &asked).unwrap();
            assert!(truth.is_some());
            for (way, kinds, rate) in combinations(&[&[], &["data-session-id"], &["data-session-id", "no-final-ack"]]) {
                let faults: Vec<Fault> = kinds.iter().map(|kind| Fault::new(*kind).permille(rate)).collect();
                let device = armed(terminal("tft40", seed, 1).build(), &faults, way);
                let outcome = memory::read_template(device, true, &asked);
                if let Ok(found) = &outcome {
                    assert_eq!(*found, truth, "{uid} {way:?} {kinds:?} {rate} of 1000, seed {seed}");
                }
                tally.count(&outcome.map(|_| Duration::ZERO));
            }
        }
    }
    println!("single templates: {tally:?}");
    assert!(tally.whole > tally.failed * 10, "{tally:?}");
}
