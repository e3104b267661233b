//! A record that was read before is known again, whatever the settings make of it now.

mod common;

use std::sync::Arc;

use attendance_model::MemorySink;
use common::{Gate, State, keys, memory, sync_with};
use iclock_sync::RunOptions;
use iclock_sync::report::DeviceReport;
use zk_proto::DeviceTime;
use zk_sim::{Profile, Punch, Terminal};

fn full() -> RunOptions {
    RunOptions { full: true, ..RunOptions::default() }
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
    // Everybody in one second, as on a clock that stands still; the last two differ in the state alone.
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
