//! The file of what a run newly stored: whole, whatever the order in which a sink's answers come back.

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, IdScheme, MemorySink, Notice, Outcome, Sink, SinkError,
};
use common::{Gate, State, sync};
use tokio::sync::Semaphore;

/// A sink whose first write answers only when so many others have.
#[derive(Debug)]
struct SlowStart {
    inner: MemorySink,
    others: u32,
    first: tokio::sync::Mutex<bool>,
    answered: Semaphore,
}

#[async_trait]
impl Sink for SlowStart {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn target(&self) -> String {
        self.inner.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.inner.probe().await
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        if std::mem::replace(&mut *self.first.lock().await, false) {
            let _all = self.answered.acquire_many(self.others).await;
        }
        let outcomes = self.inner.write(batch).await;
        self.answered.add_permits(1);
        outcomes
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        self.inner.lookup(ids).await
    }
}

#[tokio::test]
async fn what_lands_before_the_oldest_batch_is_in_the_file_too() {
    let (gate, state) = (Gate::with_records(13_000).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let inner =
        MemorySink::new("firestore").with_capabilities(Capabilities::new(1_000, IdScheme::IclockSyncV1).concurrency(4));
    let sink = SlowStart {
        inner: inner.clone(),
        others: 11,
        first: tokio::sync::Mutex::new(true),
        answered: Semaphore::new(0),
    };
    let output = state.dir.path().join("output");
    let options = common::quick_with(|options| options.audit_dir = Some(output.clone()));
    let engine = state.builder().options(options).sink(Arc::new(sink)).build().unwrap();
    let report = sync(&engine).await;
    let files: Vec<_> = std::fs::read_dir(&output).unwrap().map(|file| file.unwrap().path()).collect();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&files[0]).unwrap()).unwrap();
    assert_eq!((files.len(), report.run.exit_code), (1, 0), "{report:?}");
    assert_eq!((report.sinks[0].stored, rows.len()), (inner.stored().len() as u64, inner.stored().len()));
}
