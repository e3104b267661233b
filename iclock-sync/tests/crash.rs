//! An engine that ends at any instant loses nothing and sends nothing that shows twice.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Gate, State, keys, memory, quick_with, sync};
use iclock_sync::report::DeviceStatus;
use iclock_sync::{CancellationToken, DeviceProgress, Observer, RunOptions, SinkProgress};
use tokio::runtime::Runtime;
use zk_proto::Command;

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

/// True for the progress at which a run is stopped.
type When = fn(DeviceProgress) -> bool;

/// Stops a run at the first progress of a kind.
#[derive(Debug)]
struct StopsAt {
    stop: CancellationToken,
    is_due: When,
}

impl Observer for StopsAt {
    fn device(&self, _: &str, progress: DeviceProgress) {
        if (self.is_due)(progress) {
            self.stop.cancel();
        }
    }

    fn sink(&self, _: &str, _: SinkProgress) {}
}

#[tokio::test]
async fn a_run_that_is_stopped_ends_its_session_and_says_so_and_the_next_goes_on() {
    let reading = |progress| matches!(progress, DeviceProgress::Reading { bytes, .. } if bytes > 0);
    let recording = |progress| matches!(progress, DeviceProgress::Recording { .. });
    let stages: [(&str, When, u64); 2] = [("reading", reading, 0), ("recording", recording, 1_000)];
    for (what, is_due, recorded) in stages {
        let (gate, state, (stored, sink)) = (Gate::with_records(6_000).await, State::new(), memory("db"));
        let stop = CancellationToken::new();
        let observer = Arc::new(StopsAt { stop: stop.clone(), is_due });
        let options = quick_with(|options| options.batch = 1_000);
        let engine = state.builder().options(options).device(gate.device()).sink(Arc::clone(&sink));
        let report = engine.observer(observer).build().unwrap().run(&RunOptions::default(), &stop).await.unwrap();
        let device = &report.devices[0];
        assert_eq!((device.status, device.new), (DeviceStatus::Failed, recorded), "{what}: {report:?}");
        assert!(device.error.as_deref().unwrap().contains("interrupted"), "{what}: {report:?}");
        assert_eq!(state.ledger().event_count().unwrap(), recorded, "{what}");
        let ended =
            |gate: &Gate| gate.handle().received().iter().filter(|packet| packet.command == Command::EXIT).count();
        assert_eq!((gate.handle().stats().connections, ended(&gate)), (1, 1), "{what}: its session is ended");
        let report = sync(&state.engine(&[&gate], &[sink])).await;
        assert_eq!((report.run.exit_code, report.devices[0].new), (0, 6_000 - recorded), "{what}: {report:?}");
        assert_eq!(keys(&stored.stored()), gate.keys(), "{what}");
    }
}
