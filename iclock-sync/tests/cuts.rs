//! Bytes missing at the head of a log: none of its records reaches a sink, however few they are and whatever the
//! layout.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use attendance_model::{EventId, MemorySink};
use common::{Gate, State, key, keys, memory, sync};
use iclock_sync::Engine;
use tokio::task::JoinSet;
use zk_sim::{Device, Profile, Punch, Terminal};

/// The data are short; every size follows; zeros make up for them, so that every size is right.
const KINDS: [&str; 3] = ["cut-head", "cut-head-sized", "cut-head-filled"];

/// The content of a log.
#[derive(Clone, Copy, Debug)]
struct Log {
    profile: &'static str,
    records: usize,
    half_empty: bool,
    people: u16,
}

impl Log {
    fn of(profile: &'static str, sizes: &[usize]) -> Vec<Self> {
        let logs = sizes.iter().flat_map(|records| [(*records, false), (*records, true)]);
        logs.map(|(records, half_empty)| Self { profile, records, half_empty, people: 60 }).collect()
    }

    fn width(self) -> usize {
        Profile::named(self.profile).unwrap().log.width()
    }

    /// Every cut, in one kind each where `thin`, in every kind else.
    fn cuts(self, thin: bool) -> Vec<(&'static str, usize)> {
        let turn = self.records + usize::from(self.half_empty);
        let all =
            (1..self.width()).flat_map(|by| KINDS.into_iter().enumerate().map(move |(kind, name)| (kind, name, by)));
        all.filter(|(kind, _, by)| !thin || (by + turn) % KINDS.len() == *kind)
            .map(|(_, name, by)| (name, by))
            .collect()
    }

    async fn gate(self) -> Gate {
        let terminal = Terminal::builder().profile(Profile::named(self.profile).unwrap()).seed(self.records as u64);
        let made = Device::new(terminal.clone().records(self.records).users(self.people).build());
        let mut punches: Vec<Punch> = made.records().to_vec();
        if self.half_empty {
            for punch in punches.iter_mut().step_by(2) {
                (punch.uid, punch.user_id) = (0, "".into());
            }
        }
        Gate::start("gate", terminal.punches(punches)).await
    }
}

/// A terminal, and an engine that never read it.
struct Fresh {
    state: State,
    stored: MemorySink,
    engine: Engine,
}

impl Fresh {
    fn new(gate: &Gate) -> Self {
        let (state, (stored, sink)) = (State::new(), memory("db"));
        let mut device = gate.device();
        // Nothing here waits for an answer that does not come; a busy machine may be slow.
        device.timeout = Duration::from_secs(10);
        let engine = state.builder().device(device).sink(sink).build().unwrap();
        Self { state, stored, engine }
    }

    fn keys(&self) -> BTreeSet<EventId> {
        keys(&self.stored.stored())
    }

    /// The terminal's cursor.
    fn records_known(&self) -> u64 {
        self.state.ledger().terminals().unwrap().iter().map(|terminal| terminal.records).sum()
    }
}

/// The keys of those records that name a person.
fn truth(gate: &Gate) -> BTreeSet<EventId> {
    let handle = gate.handle();
    let named = |punch: &&Punch| punch.user_id.parse::<u32>().is_ok_and(|id| id > 0);
    handle.records().iter().filter(named).map(|punch| key(&handle.serial(), punch)).collect()
}

async fn a_cut_that_stays(log: Log, thin: bool) {
    let gate = log.gate().await;
    let fresh = Fresh::new(&gate);
    for (kind, by) in log.cuts(thin) {
        let cut = format!("{kind}={by}");
        gate.set_fault(&cut);
        let report = sync(&fresh.engine).await;
        let error = report.devices[0].error.clone().unwrap_or_default();
        assert_eq!(report.run.exit_code, 40, "{log:?} {cut}: {report:?}");
        assert!(error.contains("not proven"), "{log:?} {cut}: {error}");
        assert_eq!((fresh.keys().len(), report.totals.quarantined), (0, 0), "{log:?} {cut}: {report:?}");
        assert_eq!(fresh.records_known(), 0, "{log:?} {cut}: the cursor moved");
    }
    gate.handle().clear_faults();
    sync(&fresh.engine).await;
    assert_eq!(fresh.keys(), truth(&gate), "{log:?}");
}

async fn a_cut_of_the_first_transfer(log: Log, cuts: impl IntoIterator<Item = (&'static str, usize)>) {
    let gate = log.gate().await;
    for (kind, by) in cuts {
        let (fresh, cut) = (Fresh::new(&gate), format!("{kind}={by}x1"));
        gate.set_fault(&cut);
        let report = sync(&fresh.engine).await;
        assert_eq!(report.run.exit_code, 0, "{log:?} {cut}: {report:?}");
        assert_eq!(fresh.keys(), truth(&gate), "{log:?} {cut}: {report:?}");
    }
}

/// Logs of one layout in every size, all at once.
async fn every_size(profile: &'static str) {
    let mut lanes = JoinSet::new();
    for log in Log::of(profile, &[1, 2, 5, 50]) {
        lanes.spawn(a_cut_that_stays(log, log.half_empty));
        let every_third = log.cuts(true).into_iter().skip(log.records % 3).step_by(3);
        lanes.spawn(a_cut_of_the_first_transfer(log, every_third));
    }
    lanes.join_all().await;
}

/// Long logs of one layout: each cut in one kind, half of them with half of the ids empty.
async fn five_thousand(profile: &'static str) {
    let mut lanes = JoinSet::new();
    for log in Log::of(profile, &[5_000]) {
        lanes.spawn(async move {
            let gate = log.gate().await;
            let fresh = Fresh::new(&gate);
            let mine = log.cuts(true).into_iter().filter(|(_, by)| by % 2 == usize::from(log.half_empty));
            for (kind, by) in mine {
                gate.set_fault(&format!("{kind}={by}"));
                let report = sync(&fresh.engine).await;
                assert_eq!((report.run.exit_code, fresh.keys().len()), (40, 0), "{log:?} {kind}={by}: {report:?}");
                assert_eq!(fresh.records_known(), 0, "{log:?} {kind}={by}: the cursor moved");
            }
            a_cut_of_the_first_transfer(log, KINDS.map(|kind| (kind, log.width() / 2 - 1))).await;
        });
    }
    lanes.join_all().await;
}

#[tokio::test]
async fn no_cut_of_8_bytes_a_brings_a_wrong_record() {
    every_size("bw8a").await;
}

#[tokio::test]
async fn no_cut_of_8_bytes_b_brings_a_wrong_record() {
    every_size("bw8").await;
}

/// Few people have small uids, which look like the other fields of a record. Two records of theirs cannot be told from
/// others.
#[tokio::test]
async fn no_cut_of_8_bytes_brings_a_wrong_record_where_few_people_punch() {
    let mut lanes = JoinSet::new();
    for people in [3, 6, 9] {
        for log in ["bw8a", "bw8"].into_iter().flat_map(|profile| Log::of(profile, &[3, 4, 7])) {
            lanes.spawn(a_cut_that_stays(Log { people, ..log }, false));
        }
    }
    lanes.join_all().await;
}

#[tokio::test]
async fn no_cut_of_16_bytes_brings_a_wrong_record() {
    every_size("tft16").await;
}

#[tokio::test]
async fn no_cut_of_40_bytes_brings_a_wrong_record() {
    every_size("tft40").await;
}

#[tokio::test]
async fn no_cut_of_49_bytes_brings_a_wrong_record() {
    every_size("face49").await;
}

#[tokio::test]
async fn no_cut_of_a_long_narrow_log_brings_a_wrong_record() {
    for profile in ["bw8a", "bw8", "tft16"] {
        five_thousand(profile).await;
    }
}

#[tokio::test]
async fn no_cut_of_a_long_wide_log_brings_a_wrong_record() {
    for profile in ["tft40", "face49"] {
        five_thousand(profile).await;
    }
}
