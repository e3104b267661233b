//! A record that was read before is known again, whatever the settings make of it now.

mod common;

use std::sync::Arc;

use attendance_model::{MemorySink, Policy, Reason, Rules, Sink};
use common::{Gate, State, keys, memory, sync, sync_with};
use iclock_sync::quarantine::QuarantineFilter;
use iclock_sync::report::DeviceReport;
use iclock_sync::{Engine, RunOptions};
use zk_proto::DeviceTime;
use zk_sim::{Fault, Profile, Punch, Terminal};

fn full() -> RunOptions {
    RunOptions::default().full(true)
}

/// A terminal of a family, read whole: first with one order of the fields of 16-byte records, then with the other.
async fn read_with_both_orders(terminal: zk_sim::TerminalBuilder) -> (Gate, MemorySink, Vec<DeviceReport>) {
    let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
    let mut reports = Vec::new();
    for sixteen_mode_first in [false, true] {
        let mut device = gate.device();
        device.sixteen_mode_first = sixteen_mode_first;
        let engine = state.builder().device(device).sink(Arc::clone(&sink)).build().unwrap();
        reports.extend(sync_with(&engine, full()).await.devices);
    }
    (gate, stored, reports)
}

#[tokio::test]
async fn another_order_of_the_fields_of_16_byte_records_makes_no_new_events() {
    for profile in ["tft16", "bw16"] {
        let profile = Profile::named(profile).unwrap();
        let terminal = Terminal::builder().profile(profile.clone()).records(300).users(30).seed(11);
        let (gate, stored, reports) = read_with_both_orders(terminal).await;
        assert_eq!((reports[0].new, reports[1].new, reports[1].duplicate), (300, 0, 300), "{profile:?} {reports:?}");
        assert_eq!(keys(&stored.stored()), gate.keys());
    }
}

#[tokio::test]
async fn what_is_new_in_the_second_of_a_known_punch_is_still_new() {
    let time = DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    // Everybody in one second, as on a clock that stopped; the last two differ in the state alone.
    let mut punches: Vec<Punch> = (1..=60u16).map(|n| Punch::new(n, &n.to_string(), time, 0, 1)).collect();
    let profile = Profile::named("tft16").unwrap();
    let gate = Gate::start("gate", Terminal::builder().profile(profile).punches(punches.clone())).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let engine = |mode_first| {
        let mut device = gate.device();
        device.sixteen_mode_first = mode_first;
        state.builder().device(device).sink(Arc::clone(&sink)).build().unwrap()
    };
    assert_eq!(sync_with(&engine(false), full()).await.devices[0].new, 60);
    // State 1 and mode 1: both orders read the same.
    punches.push(Punch::new(60, "60", time, 1, 1));
    gate.handle().add_punch(punches[60].clone());
    let report = sync_with(&engine(true), full()).await;
    assert_eq!((report.devices[0].new, report.devices[0].duplicate), (1, 60), "{report:?}");
    assert_eq!(keys(&stored.stored()), gate.keys());
}

/// 60 punches, a minute apart; every second one is of a user id that is no number.
fn half_with_letters() -> Vec<Punch> {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    (0..60u16)
        .map(|n| {
            let id = if n % 2 == 0 { format!("NB{n}") } else { n.to_string() };
            Punch::new(n + 1, &id, DeviceTime(first.0 + 60 * u32::from(n)), 0, 1)
        })
        .collect()
}

/// An engine that lets pass what breaks these rules.
fn lenient(state: &State, gate: &Gate, sink: &Arc<dyn Sink>, accepted: &[Reason]) -> Engine {
    let pass = |rules: Rules, reason: &Reason| rules.policy(*reason, Policy::Accept).unwrap();
    judging(state, gate, sink, accepted.iter().fold(Rules::default(), pass))
}

fn judging(state: &State, gate: &Gate, sink: &Arc<dyn Sink>, rules: Rules) -> Engine {
    let options = common::quick_with(|options| options.rules = rules);
    state.builder().options(options).device(gate.device()).sink(Arc::clone(sink)).build().unwrap()
}

fn waiting(state: &State) -> usize {
    state.ledger().quarantine(&QuarantineFilter::default(), 100).unwrap().len()
}

#[tokio::test]
async fn what_changed_rules_let_pass_is_released_by_the_next_run_and_never_twice() {
    let gate = Gate::start("gate", Terminal::builder().punches(half_with_letters())).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let report = sync(&lenient(&state, &gate, &sink, &[])).await;
    assert_eq!((report.devices[0].new, report.devices[0].quarantined, waiting(&state)), (30, 30, 30));
    let engine = lenient(&state, &gate, &sink, &[Reason::NonNumericUserId]);
    let dry = sync_with(&engine, RunOptions::default().dry_run(true)).await;
    assert_eq!((dry.devices[0].released, waiting(&state)), (30, 30), "a dry run says it and changes nothing");
    let report = sync(&engine).await;
    assert_eq!((report.devices[0].new, report.devices[0].released, report.totals.released), (0, 30, 30), "{report:?}");
    assert_eq!((report.sinks[0].stored, waiting(&state)), (30, 0));
    assert_eq!(keys(&stored.stored()), gate.keys());
    // Read again, or judged again by stricter rules: they stay what they are.
    for engine in [engine, lenient(&state, &gate, &sink, &[])] {
        let report = sync_with(&engine, full()).await;
        let device = &report.devices[0];
        assert_eq!((device.new, device.duplicate, device.released, device.quarantined), (0, 60, 0, 0), "{report:?}");
        assert_eq!((report.sinks[0].stored, waiting(&state)), (0, 0));
    }
}

#[tokio::test]
async fn a_record_from_before_layouts_were_kept_is_judged_by_its_bytes_or_its_columns() {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let id = |n: u16| (500 + n).to_string();
    for profile in ["tft40", "tft16", "bw8"] {
        let punches = (0..60).map(|n| Punch::new(n + 1, &id(n), DeviceTime(first.0 + 60 * u32::from(n)), 0, 1));
        let people =
            (0..60).map(|n| zk_sim::Person { uid: n + 1, user_id: id(n).into(), name: String::new(), privilege: 0 });
        let terminal = Terminal::builder().profile(Profile::named(profile).unwrap());
        let terminal = terminal.punches(punches.collect::<Vec<_>>()).people(people.collect::<Vec<_>>());
        let gate = Gate::start("gate", terminal).await;
        let (state, (stored, sink)) = (State::new(), memory("db"));
        let strict = Rules::default().allow_list((0..30).map(id));
        let report = sync(&judging(&state, &gate, &sink, strict)).await;
        assert_eq!((report.devices[0].new, report.devices[0].quarantined), (30, 30), "{profile} {report:?}");
        let file = rusqlite::Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
        file.execute_batch("UPDATE quarantine SET layout = NULL, uid = NULL, work_code = NULL, doubtful = NULL")
            .unwrap();
        drop(file);
        let report = sync(&lenient(&state, &gate, &sink, &[])).await;
        assert_eq!(report.devices[0].released, 30, "{profile} {report:?}");
        assert_eq!(keys(&stored.stored()), gate.keys());
        // Known by its bytes from then on, its slot included.
        let report = sync_with(&lenient(&state, &gate, &sink, &[]), full()).await;
        assert_eq!((report.devices[0].new, report.devices[0].duplicate), (0, 60), "{profile} {report:?}");
    }
}

#[tokio::test]
async fn no_rule_releases_what_its_log_does_not_prove() {
    let terminal = Terminal::builder().records(40).seed(3).fault(Fault::parse("empty-user-ids=100").unwrap());
    let gate = Gate::start("gate", terminal).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let report = sync(&lenient(&state, &gate, &sink, &[])).await;
    assert_eq!((report.devices[0].quarantined, waiting(&state)), (40, 40), "{report:?}");
    let engine = lenient(&state, &gate, &sink, &[Reason::EmptyUserId, Reason::NonNumericUserId]);
    let report = sync(&engine).await;
    assert_eq!((report.totals.released, waiting(&state), stored.stored().len()), (0, 40, 0), "{report:?}");
}

#[tokio::test]
async fn a_record_that_is_read_again_and_passes_waits_no_longer() {
    let gate = Gate::start("gate", Terminal::builder().punches(half_with_letters())).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    sync(&lenient(&state, &gate, &sink, &[])).await;
    // As if these had been refused for what their log did not prove.
    let file = rusqlite::Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    file.execute_batch("UPDATE quarantine SET doubtful = 1").unwrap();
    drop(file);
    let report = sync_with(&lenient(&state, &gate, &sink, &[Reason::NonNumericUserId]), full()).await;
    assert_eq!((report.devices[0].new, report.devices[0].released, waiting(&state)), (30, 0, 0), "{report:?}");
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_record_that_waits_does_not_leave_because_another_terminal_reads_an_equal_one() {
    let gate =
        async |name: &str| Gate::start(name, Terminal::builder().serial(name).punches(half_with_letters())).await;
    let (one, other, state, (_, sink)) = (gate("A").await, gate("B").await, State::new(), memory("db"));
    for gate in [&one, &other] {
        assert_eq!(sync(&lenient(&state, gate, &sink, &[])).await.devices[0].quarantined, 30);
    }
    let file = rusqlite::Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    file.execute_batch("UPDATE quarantine SET doubtful = 1").unwrap();
    drop(file);
    let report = sync_with(&lenient(&state, &one, &sink, &[Reason::NonNumericUserId]), full()).await;
    assert_eq!((report.devices[0].new, waiting(&state)), (30, 30), "those of the other wait: {report:?}");
}

#[tokio::test]
async fn a_bad_record_after_a_clear_is_not_taken_for_its_equal_of_the_log_before() {
    let at = |second: u32| DeviceTime(DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap().0 + second);
    let good = |from: u32| (from..from + 60).map(move |n| Punch::new(1, "42", at(n), 0, 1));
    let bad = || Punch::new(1, "", at(0), 0, 1);
    let profile = Profile::named("tft40-uid").unwrap();
    let punches: Vec<Punch> = good(0).chain([bad(), bad(), bad()]).collect();
    let gate = Gate::start("gate", Terminal::builder().profile(profile).punches(punches)).await;
    let state = State::new();
    let engine = state.engine(&[&gate], &[]);
    assert_eq!(sync(&engine).await.devices[0].quarantined, 3);
    gate.handle().clear_log();
    good(100).chain([bad()]).for_each(|punch| gate.handle().add_punch(punch));
    // The first of them is known. The next comes where the second was in the log before.
    assert_eq!(sync(&engine).await.devices[0].quarantined, 0);
    gate.handle().add_punch(bad());
    assert_eq!(sync(&engine).await.devices[0].quarantined, 1);
    assert_eq!(state.ledger().quarantine(&QuarantineFilter::default(), 10).unwrap().len(), 4);
}
