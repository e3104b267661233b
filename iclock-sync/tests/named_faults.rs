//! Each fault that a terminal or its line may have: what a run comes to under it, how long that takes at most, and that
//! the next run after it brings the truth.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use attendance_model::{EventId, MemorySink, Reason};
use common::{Gate, State, key, keys, memory, sync};
use iclock_sync::report::{DeviceReport, DeviceStatus};
use iclock_sync::{CommKey, DeviceOptions, Engine, Report};
use tokio::net::TcpStream;
use zk_sim::faults::Unit;
use zk_sim::{Fault, Profile, Punch, Terminal, TerminalBuilder};

/// No fault may make a run last this long: far less than a terminal's deadline, far more than a busy machine needs.
const BOUND: Duration = Duration::from_secs(45);

fn terminal(profile: &str, records: usize) -> TerminalBuilder {
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).users(40).seed(23)
}

/// A terminal with a fault, and an engine that has not read it yet.
struct Trial {
    gate: Gate,
    fault: Fault,
    state: State,
    stored: MemorySink,
    engine: Engine,
}

impl Trial {
    async fn new(terminal: TerminalBuilder, fault: &str) -> Self {
        Self::with(terminal, fault, |_| {}).await
    }

    async fn with(terminal: TerminalBuilder, fault: &str, set: impl FnOnce(&mut DeviceOptions)) -> Self {
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let fault = Fault::parse(fault).unwrap();
        gate.handle().set_faults(&[fault]);
        let mut device = gate.device();
        device.timeout = Duration::from_secs(2);
        set(&mut device);
        let engine = state.builder().device(device).sink(sink).build().unwrap();
        Self { gate, fault, state, stored, engine }
    }

    async fn run(&self) -> Report {
        let began = Instant::now();
        let report = tokio::time::timeout(BOUND, sync(&self.engine)).await.expect("the run ends within its bound");
        assert!(began.elapsed() < BOUND, "a run without a wait took {:?}", began.elapsed());
        report
    }

    fn stored(&self) -> BTreeSet<EventId> {
        keys(&self.stored.stored())
    }

    /// The keys of those records that are a person's punch: the others belong in quarantine.
    fn truth(&self) -> BTreeSet<EventId> {
        let handle = self.gate.handle();
        let valid = |punch: &&Punch| punch.time.exists() && punch.user_id.parse::<u32>().is_ok_and(|id| id > 0);
        handle.records().iter().filter(valid).map(|punch| key(&handle.serial(), punch)).collect()
    }

    /// Under the fault everything arrives; and so it does after it.
    async fn brings_the_truth(&self) -> DeviceReport {
        let report = self.run().await;
        assert_eq!((report.run.exit_code, report.devices[0].status), (0, DeviceStatus::Ok), "{report:?}");
        assert_eq!(self.stored(), self.truth(), "{report:?}");
        self.recovers().await;
        report.devices[0].clone()
    }

    /// Under the fault nothing arrives, and the error says why; once it is gone, everything does.
    async fn fails(&self, status: DeviceStatus, words: &str) {
        let report = self.run().await;
        let code = if status == DeviceStatus::Unproven { 40 } else { 20 };
        assert_eq!((report.run.exit_code, report.devices[0].status), (code, status), "{report:?}");
        let error = report.devices[0].error.as_deref().unwrap();
        assert!(error.contains(words), "{error}");
        assert!(self.stored().is_empty(), "{report:?}");
        self.recovers().await;
    }

    /// The fault ends, somebody punches, and the next run has all of it, each once. Faults of records stay: what stands
    /// in a log does not repair itself.
    async fn recovers(&self) {
        if self.fault.kind().unit() != Unit::Record {
            self.gate.handle().clear_faults();
        }
        self.gate.handle().punch_now().unwrap();
        let report = self.run().await;
        assert_eq!(report.run.exit_code, 0, "{report:?}");
        assert_eq!(self.stored(), self.truth(), "{report:?}");
        assert_eq!(self.state.ledger().check().unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn latency() {
    Trial::new(terminal("tft40", 300), "latency=60ms").await.brings_the_truth().await;
}

#[tokio::test]
async fn split_writes() {
    Trial::new(terminal("tft40", 300), "split-writes=1").await.brings_the_truth().await;
}

#[tokio::test]
async fn coalesced_writes() {
    Trial::new(terminal("tft40-small-packets", 300), "coalesced-writes").await.brings_the_truth().await;
}

#[tokio::test]
async fn a_connection_that_ends_before_anything_was_read() {
    Trial::new(terminal("tft40", 300), "drop-after=200").await.fails(DeviceStatus::Failed, "the line broke").await;
}

#[tokio::test]
async fn a_connection_that_ends_in_every_transfer_but_brings_more_each_time() {
    let trial = Trial::new(terminal("tft40", 6_000), "drop-after=150000").await;
    trial.brings_the_truth().await;
}

#[tokio::test]
async fn a_stall_in_the_transfer() {
    let trial = Trial::with(terminal("tft40", 300), "stall=1000", |device| device.timeout = Duration::from_millis(300));
    trial.await.fails(DeviceStatus::Failed, "stopped answering while reading its log").await;
}

#[tokio::test]
async fn a_terminal_that_never_answers() {
    let quick = |device: &mut DeviceOptions| device.timeout = Duration::from_millis(300);
    let trial = Trial::with(terminal("single-session", 300), "silent-connect", quick).await;
    trial.fails(DeviceStatus::Failed, "no answer in time").await;
}

#[tokio::test]
async fn one_bad_checksum() {
    for packet in 0..14 {
        let fault = format!("bad-checksum=1x1@{packet}");
        Trial::new(terminal("tft40", 300), &fault).await.brings_the_truth().await;
    }
}

#[tokio::test]
async fn every_checksum_bad() {
    Trial::new(terminal("tft40", 300), "bad-checksum").await.brings_the_truth().await;
}

#[tokio::test]
async fn one_wrong_reply_id() {
    let quick = |device: &mut DeviceOptions| device.timeout = Duration::from_millis(500);
    for packet in 1..12 {
        let fault = format!("wrong-reply-id=1x1@{packet}");
        Trial::with(terminal("tft40", 300), &fault, quick).await.brings_the_truth().await;
    }
}

#[tokio::test]
async fn every_reply_id_wrong() {
    let quick = |device: &mut DeviceOptions| device.timeout = Duration::from_millis(300);
    let trial = Trial::with(terminal("tft40", 300), "wrong-reply-id", quick).await;
    trial.fails(DeviceStatus::Failed, "no answer in time").await;
}

#[tokio::test]
async fn a_stale_packet_before_every_packet() {
    Trial::new(terminal("tft40", 300), "stale-packet").await.brings_the_truth().await;
}

#[tokio::test]
async fn twelve_bytes_cut_for_good() {
    for kind in ["cut-head", "cut-head-sized", "cut-head-filled"] {
        let trial = Trial::new(terminal("tft40", 300), &format!("{kind}=12")).await;
        trial.fails(DeviceStatus::Unproven, "not proven").await;
    }
}

#[tokio::test]
async fn twelve_bytes_cut_once() {
    for kind in ["cut-head", "cut-head-sized", "cut-head-filled"] {
        Trial::new(terminal("tft40", 300), &format!("{kind}=12x1")).await.brings_the_truth().await;
    }
}

#[tokio::test]
async fn a_count_that_is_off_beside_running_record_numbers() {
    for fault in ["count-larger=5", "count-smaller=5", "count-zero"] {
        Trial::new(terminal("tft40", 300), fault).await.brings_the_truth().await;
    }
}

#[tokio::test]
async fn a_count_that_is_off_where_nothing_else_says_how_wide_a_record_is() {
    for profile in ["tft16", "bw8"] {
        for fault in ["count-larger=5", "count-smaller=5"] {
            let report = Trial::new(terminal(profile, 300), fault).await.brings_the_truth().await;
            assert!(report.notes.iter().any(|note| note.contains("but its log has 300")), "{report:?}");
        }
    }
}

#[tokio::test]
async fn a_count_that_is_off_on_a_terminal_whose_records_are_known() {
    for profile in ["tft16", "bw8"] {
        for fault in ["count-larger=5", "count-smaller=5"] {
            let trial = Trial::new(terminal(profile, 300), fault).await;
            trial.gate.handle().clear_faults();
            trial.run().await;
            trial.gate.set_fault(fault);
            trial.brings_the_truth().await;
        }
    }
}

#[tokio::test]
async fn trailing_garbage() {
    for profile in ["tft40", "tft16", "bw8"] {
        Trial::new(terminal(profile, 300), "trailing-garbage=24").await.brings_the_truth().await;
    }
}

#[tokio::test]
async fn an_absurd_length_that_no_log_has() {
    for length in ["4294967280", "2147483648"] {
        let trial = Trial::new(terminal("tft40", 300), &format!("absurd-length={length}")).await;
        trial.fails(DeviceStatus::Failed, &format!("claims {length} bytes")).await;
    }
}

#[tokio::test]
async fn an_absurd_length_that_a_log_might_have() {
    let trial = Trial::new(terminal("tft40", 300), "absurd-length=100000000").await;
    trial.fails(DeviceStatus::Unproven, "of 100000000 announced bytes came").await;
}

#[tokio::test]
async fn an_absurd_frame() {
    Trial::new(terminal("single-session", 300), "absurd-frame")
        .await
        .fails(DeviceStatus::Failed, "claims 4294967280 bytes")
        .await;
}

#[tokio::test]
async fn impossible_dates() {
    let trial = Trial::new(terminal("tft40", 300), "impossible-dates=10").await;
    let report = trial.brings_the_truth().await;
    let bad = 300 - report.new;
    assert!(bad > 0);
    assert_eq!((report.rejected.get(&Reason::ImpossibleTime), report.quarantined), (Some(&bad), bad));
}

#[tokio::test]
async fn dates_of_a_clock_that_was_reset_or_is_ahead() {
    for (fault, reason) in [("reset-dates=10", Reason::ClockResetTime), ("future-dates=10", Reason::FutureTime)] {
        let report = Trial::new(terminal("tft40", 300), fault).await.brings_the_truth().await;
        assert!(report.flagged.get(&reason).is_some_and(|flagged| *flagged > 0), "{fault}: {report:?}");
    }
}

#[tokio::test]
async fn empty_user_ids() {
    for profile in ["tft40", "tft16", "bw8", "bw8a"] {
        let report = Trial::new(terminal(profile, 300), "empty-user-ids=50").await.brings_the_truth().await;
        assert!(report.quarantined > 50, "{profile}: {report:?}");
    }
}

#[tokio::test]
async fn garbled_user_ids() {
    let report = Trial::new(terminal("tft40", 300), "garbled-user-ids=10").await.brings_the_truth().await;
    assert!(report.rejected.contains_key(&Reason::UndecodableUserId), "{report:?}");
}

#[tokio::test]
async fn duplicate_records() {
    let report = Trial::new(terminal("tft40", 300), "duplicate-records=10").await.brings_the_truth().await;
    assert_eq!((report.new, report.new + report.duplicate), (300, report.records_read));
}

#[tokio::test]
async fn a_clock_that_is_far_off() {
    for (fault, days) in [("clock-off=400d", 400), ("clock-off=-3000d", -3000)] {
        let report = Trial::new(terminal("tft40", 300), fault).await.brings_the_truth().await;
        let drift = report.clock_drift_ms.unwrap() - days * 86_400_000;
        assert!(drift.abs() < 10_000, "{fault}: off by {drift} ms");
    }
}

#[tokio::test]
async fn the_comm_key_demanded_in_mid_session() {
    let keyed = |device: &mut DeviceOptions| device.comm_key = Some(CommKey::new(4711));
    let trial = Trial::with(terminal("tft40", 300).key(4711), "key-mid-session=3", keyed).await;
    trial.fails(DeviceStatus::Failed, "comm key").await;
}

#[tokio::test]
async fn an_exit_that_is_never_answered() {
    Trial::new(terminal("tft40", 300), "exit-unanswered").await.brings_the_truth().await;
}

#[tokio::test]
async fn a_second_connection_that_is_refused() {
    let trial = Trial::new(terminal("single-session", 300), "refuse-second").await;
    // Somebody else's session; the engine's own second sessions come when the first is over, and are served.
    let other = TcpStream::connect(trial.gate.server.addr()).await.unwrap();
    let report = trial.run().await;
    assert_eq!((report.run.exit_code, report.devices[0].status), (20, DeviceStatus::Failed), "{report:?}");
    assert!(report.devices[0].error.as_deref().unwrap().contains("only session"), "{report:?}");
    drop(other);
    trial.brings_the_truth().await;
}

#[tokio::test]
async fn udp_loss() {
    let quick = |device: &mut DeviceOptions| device.timeout = Duration::from_millis(300);
    Trial::with(terminal("udp-only", 600), "udp-loss=5", quick).await.brings_the_truth().await;
}

#[tokio::test]
async fn udp_duplication() {
    Trial::new(terminal("udp-only", 600), "udp-duplicate=50").await.brings_the_truth().await;
}

#[tokio::test]
async fn udp_reordering() {
    let quick = |device: &mut DeviceOptions| device.timeout = Duration::from_millis(500);
    Trial::with(terminal("udp-only", 600), "udp-reorder=30", quick).await.brings_the_truth().await;
}
