//! An engine that ends at any instant loses nothing and sends nothing that shows twice.

mod common;

use std::time::Duration;

use common::{Gate, State, keys, memory};
use iclock_sync::{CancellationToken, RunOptions};
use tokio::runtime::Runtime;

/// Runs an engine on a runtime of its own and tears both down after `after`; blocking work in hand ends, nothing
/// follows.
fn run_for(after: Duration, state: &State, gate: &Gate, sink: &std::sync::Arc<dyn attendance_model::Sink>) {
    let runtime = Runtime::new().unwrap();
    let engine = state.engine(&[gate], std::slice::from_ref(sink));
    runtime.block_on(async {
        let _ = tokio::time::timeout(after, engine.run(&RunOptions::default(), &CancellationToken::new())).await;
    });
}

#[test]
fn runs_cut_off_at_any_instant_end_in_the_same_stored_set() {
    let terminals = Runtime::new().unwrap();
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let gate = terminals.block_on(Gate::with_records(30_000));
    for round in 0..60u64 {
        // From the connection's first bytes to the last batch; the longest are near a whole run.
        run_for(Duration::from_micros(500 + round * round * 300), &state, &gate, &sink);
        gate.handle().punch_now().unwrap();
    }
    run_for(Duration::from_secs(120), &state, &gate, &sink);
    assert_eq!(keys(&stored.stored()), gate.keys());
    assert_eq!(state.ledger().event_count().unwrap(), gate.keys().len() as u64);
    assert_eq!(state.ledger().check().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_is_stopped_ends_its_session_and_the_next_goes_on() {
    let (gate, state, (stored, sink)) = (Gate::with_records(20_000).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let stop = CancellationToken::new();
    stop.cancel();
    let report = engine.run(&RunOptions::default(), &stop).await.unwrap();
    assert!(report.devices[0].error.as_deref().unwrap().contains("interrupted"), "{report:?}");
    let report = engine.run(&RunOptions::default(), &CancellationToken::new()).await.unwrap();
    assert_eq!(report.run.exit_code, 0);
    assert_eq!(keys(&stored.stored()), gate.keys());
}
