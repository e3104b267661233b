//! The audit, and the file of what a run newly stored: whole, whatever the order in which a sink's answers come back.

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Capabilities, IdScheme, MemorySink, Outcome, Sink, SinkError};
use common::clock::HandClock;
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, memory, sync};
use iclock_sync::audit::{Filter, entries, verify};
use iclock_sync::{CancellationToken, Schedule, Service, ServiceOptions};
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

/// The sizes of the files that are complete, and the number of those that are not.
fn lists(output: &std::path::Path) -> (Vec<usize>, usize) {
    let files = std::fs::read_dir(output).map_or(Vec::new(), |dir| dir.map(|file| file.unwrap().path()).collect());
    let (whole, parts): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| path.extension().unwrap() == "json");
    // A name is taken an instant before its file has it.
    let rows = |path| Some(serde_json::from_slice::<Vec<serde_json::Value>>(&std::fs::read(path).ok()?).ok()?.len());
    let mut sizes: Vec<usize> = whole.iter().filter_map(rows).collect();
    sizes.sort_unstable();
    (sizes, parts.len())
}

#[tokio::test]
async fn a_service_adds_to_one_file_for_a_while_and_after_a_reload_lists_the_sink_with_the_python_tools_ids() {
    let (gate, state, (_, plain)) = (Gate::with_records(30).await, State::new(), memory("db"));
    let output = state.dir.path().join("output");
    let clock = HandClock::at("2026-03-02T10:00:00Z");
    let engine = |sinks: &[Arc<dyn Sink>]| {
        let options = common::quick_with(|options| options.audit_dir = Some(output.clone()));
        let builder = state.builder().options(options).device(gate.device()).clock(Arc::<HandClock>::clone(&clock));
        sinks.iter().fold(builder, |builder, sink| builder.sink(Arc::clone(sink))).build().unwrap()
    };
    let options = || ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    let service = engine(std::slice::from_ref(&plain)).start(options(), &CancellationToken::new()).await.unwrap();
    let until = async |what: &str, is_so: &dyn Fn(&Service) -> bool| {
        let wait = async {
            while !is_so(&service) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
    };
    let has = |sink: &'static str, stored: u64| {
        move |service: &Service| service.status().sinks.get(sink).is_some_and(|sink| sink.stored == stored)
    };
    for more in 0..=3 {
        until("the punch is stored", &has("db", 30 + more)).await;
        assert_eq!(lists(&output), (vec![], 1), "four deliveries, one file");
        if more < 3 {
            gate.handle().punch_now().unwrap();
            service.poll_now("gate").await.unwrap();
        }
    }
    clock.pass(Duration::from_secs(601));
    until("the file is complete", &|_| lists(&output) == (vec![33], 0)).await;

    let firestore: Arc<dyn Sink> = Arc::new(v1("firestore"));
    service.reload(&engine(&[plain, firestore]), options()).await.unwrap();
    until("all is stored", &has("firestore", 33)).await;
    gate.handle().punch_now().unwrap();
    service.poll_now("gate").await.unwrap();
    until("the punch is stored", &has("firestore", 34)).await;
    until("and here too", &has("db", 34)).await;
    service.shutdown(Duration::from_secs(20)).await.unwrap();
    assert_eq!(
        lists(&output),
        (vec![33, 34], 0),
        "the new one lists the second sink alone, and is complete at the end"
    );
}

#[tokio::test]
async fn the_audit_says_of_each_event_when_it_was_read_and_when_each_sink_stored_it() {
    let (gate, state, (_, one), (_, two)) = (Gate::with_records(700).await, State::new(), memory("one"), memory("two"));
    sync(&state.engine(&[&gate], &[one.clone(), two.clone()])).await;
    gate.handle().punch_now().unwrap();
    sync(&state.engine(&[&gate], &[one, two])).await;
    let ledger = state.ledger();
    assert_eq!(verify(&ledger).unwrap().problems, []);
    let audited = entries(&ledger, &Filter::default()).unwrap();
    assert_eq!(audited.len(), 701);
    assert!(audited.iter().all(|entry| entry.device == "gate" && entry.how == "pull"));
    for entry in &audited {
        let mut sinks: Vec<_> = entry.sinks.iter().map(|stored| (stored.sink.as_str(), stored.result)).collect();
        sinks.sort_unstable();
        assert_eq!(sinks, [("one", "stored"), ("two", "stored")], "{entry:?}");
    }
}

#[tokio::test]
async fn the_ledger_knows_the_last_line_of_the_audit_when_it_records_a_delivery() {
    let (gate, state, (_, sink)) = (Gate::with_records(30).await, State::new(), memory("db"));
    sync(&state.engine(&[&gate], &[sink])).await;
    let path = state.dir.path().join("state/audit/audit-000001.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept =
        text.lines().filter(|line| !line.contains("\"sent\"")).fold(String::new(), |kept, line| kept + line + "\n");
    std::fs::write(&path, kept).unwrap();
    let problems = verify(&state.ledger()).unwrap().problems;
    assert!(problems.iter().any(|problem| problem.problem.contains("are missing")), "{problems:?}");
}

#[tokio::test]
async fn an_audit_that_cannot_be_written_holds_nothing_back_and_is_completed_later() {
    let (gate, state, (_, sink)) = (Gate::with_records(30).await, State::new(), memory("db"));
    let dir = state.dir.path().join("state/audit");
    std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
    std::fs::write(&dir, "in the way").unwrap();
    let report = sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await;
    assert_eq!((report.sinks[0].stored, report.run.exit_code), (30, 0));
    std::fs::remove_file(&dir).unwrap();
    sync(&state.engine(&[&gate], &[sink])).await;
    assert_eq!(verify(&state.ledger()).unwrap().problems, []);
    let audited = entries(&state.ledger(), &Filter::default()).unwrap();
    assert!(audited.len() == 30 && audited.iter().all(|entry| entry.sinks[0].result == "known"), "{audited:?}");
}

#[tokio::test]
async fn an_audit_that_is_not_wanted_is_not_kept() {
    let (gate, state, (_, sink)) = (Gate::with_records(30).await, State::new(), memory("db"));
    let options = common::quick_with(|options| options.audit = false);
    sync(&state.builder().options(options).device(gate.device()).sink(sink).build().unwrap()).await;
    assert!(!state.dir.path().join("state/audit").exists());
}

#[tokio::test]
async fn the_last_line_of_a_run_that_delivers_nothing_cannot_go_missing_unseen() {
    let (gate, state) = (Gate::with_records(30).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    assert_eq!(verify(&state.ledger()).unwrap().problems, []);
    let file = std::fs::read_dir(state.dir.path().join("state/audit")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let end = text.trim_end().rfind('\n').unwrap();
    std::fs::write(&file, &text[..=end]).unwrap();
    let problems = verify(&state.ledger()).unwrap().problems;
    assert!(matches!(&problems[..], [problem] if problem.problem.contains("missing")), "{problems:?}");
}
