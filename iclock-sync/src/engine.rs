//! One engine: its terminals, its sinks, its state directory.

use std::path::PathBuf;
use std::sync::Arc;

use attendance_model::validate::MAX_NAME_CHARS;
use attendance_model::{EventId, Sink};
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::deliver::send::Target;
use crate::error::blocking;
use crate::observer::{Observer, Silent};
use crate::poll::live::Listening;
use crate::report::Report;
use crate::run::Run;
use crate::schedule::{Rest, Schedule};
use crate::{DeviceOptions, EngineOptions, Ledger, RunOptions, SyncError};

/// Reads terminals into a ledger and delivers from it to sinks. Contacts nothing and touches no file until it is run.
///
/// Engines know nothing of each other: a process may have several, each with a state directory of its own.
#[derive(Debug)]
pub struct Engine {
    devices: Vec<Arc<DeviceOptions>>,
    targets: Vec<Arc<Target>>,
    options: Arc<EngineOptions>,
    state_dir: PathBuf,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// Ids that a dry run takes for imported: target, name, ids.
    presumed: Vec<(String, String, Vec<EventId>)>,
    /// Opened by the first run that writes, and held from then on.
    ledger: Mutex<Option<Arc<Ledger>>>,
}

/// Builds an [`Engine`].
#[derive(Debug)]
pub struct EngineBuilder {
    state_dir: PathBuf,
    devices: Vec<DeviceOptions>,
    sinks: Vec<Arc<dyn Sink>>,
    options: EngineOptions,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    presumed: Vec<(String, String, Vec<EventId>)>,
}

impl Engine {
    /// Begins an engine that keeps its ledger in `state_dir`. The first run that writes makes the directory.
    pub fn builder(state_dir: impl Into<PathBuf>) -> EngineBuilder {
        EngineBuilder {
            state_dir: state_dir.into(),
            devices: Vec::new(),
            sinks: Vec::new(),
            options: EngineOptions::default(),
            clock: Arc::new(SystemClock::new()),
            observer: Arc::new(Silent),
            presumed: Vec::new(),
        }
    }

    /// Runs once: reads every terminal and serves every sink. Ends early, but clean, when `stop` is cancelled. A second
    /// run waits for the first.
    ///
    /// # Errors
    /// [`SyncError`] when the state directory cannot be used. A failure of a terminal or a sink is in the report.
    pub async fn run(&self, options: &RunOptions, stop: &CancellationToken) -> Result<Report, SyncError> {
        let mut held = self.ledger.lock().await;
        let dir = self.state_dir.clone();
        let ledger = match &*held {
            _ if options.dry_run => {
                let presumed = self.presumed.clone();
                blocking("ledger", move || {
                    let ledger = Ledger::scratch(&dir)?;
                    for (target, name, ids) in presumed {
                        ledger.import_ids(&target, &name, ids)?;
                    }
                    Ok(Arc::new(ledger))
                })
                .await?
            }
            Some(ledger) => Arc::clone(ledger),
            None => Arc::clone(held.insert(blocking("ledger", move || Ok(Arc::new(Ledger::open(&dir)?))).await?)),
        };
        let run = Run {
            devices: &self.devices,
            targets: &self.targets,
            engine: Arc::clone(&self.options),
            options: options.clone(),
            ledger,
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
            stop: stop.child_token(),
        };
        run.go().await
    }

    /// Runs on `schedule` until `stop` is cancelled. `on_report` gets each run's report. `options_at` makes the options
    /// of each run from the time, so that a window can move.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn run_loop(
        &self,
        schedule: &Schedule,
        stop: &CancellationToken,
        options_at: impl FnMut(DateTime<Utc>) -> RunOptions + Send,
        on_report: impl FnMut(&Report) + Send,
    ) -> Result<(), SyncError> {
        self.repeat(schedule, &[], stop, options_at, on_report).await
    }

    /// Does the same as [`Engine::run_loop`], and stays connected to the terminals between the runs. A punch that one
    /// of them reports starts the next run at once. The scheduled runs find punches that were missed.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn run_live(
        &self,
        schedule: &Schedule,
        stop: &CancellationToken,
        options_at: impl FnMut(DateTime<Utc>) -> RunOptions + Send,
        on_report: impl FnMut(&Report) + Send,
    ) -> Result<(), SyncError> {
        self.repeat(schedule, &self.devices, stop, options_at, on_report).await
    }

    async fn repeat(
        &self,
        schedule: &Schedule,
        listen_to: &[Arc<DeviceOptions>],
        stop: &CancellationToken,
        mut options_at: impl FnMut(DateTime<Utc>) -> RunOptions + Send,
        mut on_report: impl FnMut(&Report) + Send,
    ) -> Result<(), SyncError> {
        let mut rest = Rest::default();
        loop {
            let report = self.run(&options_at(self.clock.utc_now()), stop).await?;
            on_report(&report);
            let wait = schedule.next_wait(&mut rest, report.totals.new > 0, self.clock.local_now());
            let listening = Listening::start(listen_to, &self.clock);
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.clock.sleep(wait) => {}
                () = listening.punch() => {}
            }
            listening.end().await;
            if stop.is_cancelled() {
                return Ok(());
            }
        }
    }
}

impl EngineBuilder {
    /// Adds a terminal.
    #[must_use]
    pub fn device(mut self, device: DeviceOptions) -> Self {
        self.devices.push(device);
        self
    }

    /// Adds a sink.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Names ids of the scheme `iclock-sync-v1` that a dry run counts as delivered to a sink, as if they had been
    /// imported by [`Ledger::import_ids`]. Other runs count only ids that were imported.
    #[must_use]
    pub fn presume_delivered(mut self, sink: &dyn Sink, ids: Vec<EventId>) -> Self {
        self.presumed.push((sink.target(), sink.name().to_owned(), ids));
        self
    }

    /// Sets limits and habits.
    #[must_use]
    pub fn options(mut self, options: EngineOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the clock; the host's clocks by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the observer of the progress; none by default.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Builds the engine.
    ///
    /// # Errors
    /// [`SyncError::Setting`] for a port of 0, an empty, repeated or very long name, or two sinks with one target.
    pub fn build(self) -> Result<Engine, SyncError> {
        let Self { state_dir, devices, sinks, options, clock, observer, presumed } = self;
        for (n, device) in devices.iter().enumerate() {
            check_device(device, devices.get(..n).unwrap_or_default())?;
        }
        for (n, sink) in sinks.iter().enumerate() {
            let setting = format!("sink {}", sink.name());
            let earlier = sinks.get(..n).unwrap_or_default();
            if earlier.iter().any(|other| other.target() == sink.target()) {
                return Err(wrong(setting, "has the same target as another sink"));
            }
            if earlier.iter().any(|other| other.name() == sink.name()) {
                return Err(wrong(setting, "is configured twice"));
            }
        }
        Ok(Engine {
            devices: devices.into_iter().map(Arc::new).collect(),
            targets: sinks.into_iter().map(|sink| Arc::new(Target::new(sink))).collect(),
            options: Arc::new(options),
            state_dir,
            clock,
            observer,
            presumed,
            ledger: Mutex::new(None),
        })
    }
}

fn check_device(device: &DeviceOptions, earlier: &[DeviceOptions]) -> Result<(), SyncError> {
    let setting = format!("device {}", device.name);
    if device.name.is_empty() {
        return Err(wrong(format!("device at {}", device.address()), "has no name"));
    }
    if device.name.chars().count() > MAX_NAME_CHARS {
        // It would fit no sink's column, and validation would refuse each of its records.
        return Err(wrong(setting, &format!("its name is longer than {MAX_NAME_CHARS} characters")));
    }
    if device.host.is_empty() {
        return Err(wrong(setting, "has no host"));
    }
    if device.port == 0 {
        return Err(wrong(setting, "port 0 cannot be connected to; terminals listen on 4370"));
    }
    if earlier.iter().any(|other| other.name == device.name) {
        return Err(wrong(setting, "is configured twice"));
    }
    Ok(())
}

fn wrong(setting: String, problem: &str) -> SyncError {
    SyncError::Setting { setting, problem: problem.to_owned() }
}
