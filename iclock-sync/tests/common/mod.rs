//! Simulated terminals, sinks in memory and an engine between them.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod clock;
pub(crate) mod heard;
pub(crate) mod odd_sink;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::{AttendanceEvent, EventId, MemorySink, Sink};
use iclock_sync::report::{DeviceReport, SinkReport};
use iclock_sync::{CancellationToken, DeviceOptions, Engine, EngineBuilder, EngineOptions, Ledger, Report, RunOptions};
use tempfile::TempDir;
use zk_sim::{Fault, Handle, Punch, Server, Terminal, TerminalBuilder};

/// A terminal that runs.
pub(crate) struct Gate {
    pub(crate) server: Server,
    pub(crate) name: String,
}

impl Gate {
    pub(crate) async fn start(name: &str, terminal: TerminalBuilder) -> Self {
        let server = Server::start(terminal.build(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { server, name: name.to_owned() }
    }

    /// One with that many generated records.
    pub(crate) async fn with_records(records: usize) -> Self {
        Self::start("gate", Terminal::builder().records(records).seed(7)).await
    }

    pub(crate) fn handle(&self) -> Handle {
        self.server.handle()
    }

    pub(crate) fn device(&self) -> DeviceOptions {
        let mut device = DeviceOptions::new(&self.name, self.server.addr().ip().to_string());
        device.port = self.server.addr().port();
        device.timeout = Duration::from_millis(700);
        device
    }

    pub(crate) fn set_fault(&self, fault: &str) {
        self.handle().set_faults(&[Fault::parse(fault).unwrap()]);
    }

    /// The truth, as keys.
    pub(crate) fn keys(&self) -> BTreeSet<EventId> {
        let serial = self.handle().serial();
        self.handle().records().iter().map(|punch| key(&serial, punch)).collect()
    }
}

/// The key that a punch should have.
pub(crate) fn key(serial: &str, punch: &Punch) -> EventId {
    let time = chrono::NaiveDateTime::parse_from_str(&punch.time.to_string(), "%Y-%m-%d %H:%M:%S").unwrap();
    EventId::full(
        serial,
        &punch.user_id,
        time,
        attendance_model::PunchState(punch.state),
        attendance_model::VerifyMode(punch.mode),
    )
}

pub(crate) fn keys(events: &[AttendanceEvent]) -> BTreeSet<EventId> {
    let keys: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
    assert_eq!(keys.len(), events.len(), "no event is stored twice");
    keys
}

/// A state directory, and engines on it.
pub(crate) struct State {
    pub(crate) dir: TempDir,
}

impl State {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn builder(&self) -> EngineBuilder {
        Engine::builder(self.dir.path().join("state")).options(quick())
    }

    pub(crate) fn engine(&self, gates: &[&Gate], sinks: &[Arc<dyn Sink>]) -> Engine {
        let builder = gates.iter().fold(self.builder(), |builder, gate| builder.device(gate.device()));
        sinks.iter().fold(builder, |builder, sink| builder.sink(Arc::clone(sink))).build().unwrap()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::open_read_only(&self.dir.path().join("state")).unwrap().unwrap()
    }

    /// Every file below, with its content.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut dirs = vec![self.dir.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

/// Options that do not make tests wait.
pub(crate) fn quick() -> EngineOptions {
    quick_with(|_| {})
}

/// The same with a change.
pub(crate) fn quick_with(change: impl FnOnce(&mut EngineOptions)) -> EngineOptions {
    let mut options = EngineOptions::default();
    options.attempts = 2;
    options.backoff = Duration::from_millis(10);
    options.sink_timeout = Duration::from_secs(10);
    options.device_deadline = Duration::from_secs(60);
    change(&mut options);
    options
}

pub(crate) fn memory(name: &str) -> (MemorySink, Arc<dyn Sink>) {
    let sink = MemorySink::new(name);
    (sink.clone(), Arc::new(sink))
}

pub(crate) async fn sync(engine: &Engine) -> Report {
    sync_with(engine, RunOptions::default()).await
}

pub(crate) async fn sync_with(engine: &Engine, options: RunOptions) -> Report {
    engine.run(&options, &CancellationToken::new()).await.unwrap()
}

pub(crate) fn only(report: &Report) -> (&DeviceReport, &SinkReport) {
    (&report.devices[0], &report.sinks[0])
}
