//! The file of what a run newly stored: whole, whatever the order in which a sink's answers come back.

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Capabilities, IdScheme, MemorySink, Outcome, Sink, SinkError};
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, sync};
use tokio::sync::Semaphore;

/// A sink with the Python tool's ids.
fn v1(name: &str) -> MemorySink {
    MemorySink::new(name).with_capabilities(Capabilities::new(1_000, IdScheme::IclockSyncV1).concurrency(4))
}

/// Its first write answers only after so many others.
#[derive(Debug)]
struct SlowStart {
    others: u32,
    first: tokio::sync::Mutex<bool>,
    answered: Semaphore,
}

#[async_trait]
impl Oddity for SlowStart {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        if std::mem::replace(&mut *self.first.lock().await, false) {
            let _all = self.answered.acquire_many(self.others).await;
        }
        let outcomes = inner.write(batch).await;
        self.answered.add_permits(1);
        outcomes
    }
}

#[tokio::test]
async fn events_that_land_before_the_oldest_batch_are_in_the_file_too() {
    let (gate, state) = (Gate::with_records(13_000).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let inner = v1("firestore");
    let oddity = SlowStart { others: 11, first: tokio::sync::Mutex::new(true), answered: Semaphore::new(0) };
    let sink = OddSink { inner: inner.clone(), oddity };
    let output = state.dir.path().join("output");
    let options = common::quick_with(|options| options.audit_dir = Some(output.clone()));
    let engine = state.builder().options(options).sink(Arc::new(sink)).build().unwrap();
    let report = sync(&engine).await;
    let files: Vec<_> = std::fs::read_dir(&output).unwrap().map(|file| file.unwrap().path()).collect();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&files[0]).unwrap()).unwrap();
    assert_eq!((files.len(), report.run.exit_code), (1, 0), "{report:?}");
    assert_eq!((report.sinks[0].stored, rows.len()), (inner.stored().len() as u64, inner.stored().len()));
}

#[tokio::test]
async fn new_events_of_a_run_are_saved_in_the_python_tools_shape() {
    let (gate, state, sink) = (Gate::with_records(30).await, State::new(), v1("firestore"));
    let output = state.dir.path().join("output");
    let options = common::quick_with(|options| options.audit_dir = Some(output.clone()));
    let engine = state.builder().options(options).device(gate.device()).sink(Arc::new(sink)).build().unwrap();
    let written = || {
        let files = std::fs::read_dir(&output).map_or(Vec::new(), |dir| dir.map(|file| file.unwrap().path()).collect());
        let rows = files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap());
        rows.collect::<Vec<Vec<serde_json::Value>>>()
    };
    sync(&engine).await;
    assert_eq!(written().iter().map(Vec::len).collect::<Vec<_>>(), [30]);
    assert!(written()[0][0]["doc_id"].is_string() && written()[0][0]["workCode"].is_number());
    sync(&engine).await;
    assert_eq!(written().len(), 1, "a run that stores nothing leaves no file");
    gate.handle().punch_now().unwrap();
    sync(&engine).await;
    let mut rows: Vec<usize> = written().iter().map(Vec::len).collect();
    rows.sort_unstable();
    assert_eq!(rows, [1, 30]);
}
