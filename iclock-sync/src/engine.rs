//! One engine: its terminals, its sinks, its state directory.

use std::path::PathBuf;
use std::sync::Arc;

use attendance_model::validate::MAX_NAME_CHARS;
use attendance_model::{EventId, Sink};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::crash::Crashes;
use crate::error::fault;
use crate::observer::{Observer, Silent};
use crate::query::Query;
use crate::random::{Random, SystemRandom};
use crate::reconcile::{self, ReconcileOptions, Reconciliation};
use crate::report::Report;
use crate::service::{Once, clear};
use crate::tasks::{Parts, Target};
use crate::{
    ClearError, Cleared, Contact, DeviceOptions, EngineOptions, Hooks, Ledger, RunOptions, Service, ServiceOptions,
    SyncError,
};

/// Reads terminals into a ledger and delivers from it to sinks. Contacts nothing and touches no file until it is run or
/// started.
///
/// Engines know nothing of each other: a process may have several, each with a state directory of its own.
#[derive(Debug)]
pub struct Engine {
    parts: Parts,
    /// Ids that a dry run takes for imported: target, name, ids.
    presumed: Vec<(String, String, Vec<EventId>)>,
    /// Opened by the first run that writes, and held from then on.
    ledger: Arc<Mutex<Option<Arc<Ledger>>>>,
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
    random: Arc<dyn Random>,
    hooks: Option<Arc<dyn Hooks>>,
    crashes: Crashes,
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
            random: Arc::new(SystemRandom),
            hooks: None,
            crashes: Crashes::default(),
            presumed: Vec::new(),
        }
    }

    /// Runs once: reads every terminal and serves every sink. Ends early, but clean, when `stop` is cancelled or the
    /// future is dropped. A second run waits for the first.
    ///
    /// # Errors
    /// [`SyncError`] when the state directory cannot be used. A failure of a terminal or a sink is in the report.
    pub async fn run(&self, options: &RunOptions, stop: &CancellationToken) -> Result<Report, SyncError> {
        self.run_once(options, true, stop).await
    }

    async fn run_once(
        &self,
        options: &RunOptions,
        clears: bool,
        stop: &CancellationToken,
    ) -> Result<Report, SyncError> {
        let place = Arc::clone(&self.ledger).lock_owned().await;
        let stop = stop.child_token();
        let stop_on_drop = stop.clone().drop_guard();
        let (parts, options, presumed) = (self.parts.clone(), options.clone(), self.presumed.clone());
        let run = Once { parts, options, presumed, clears, place, stop };
        let report = tokio::spawn(run.run()).await.map_err(|error| fault("run", error))?;
        stop_on_drop.disarm();
        report
    }

    /// Reads each terminal's whole log, with proof as in a run, and returns the report and a place to ask for the
    /// events. Nothing is kept or sent, and the state directory is neither read nor changed: the events are in a
    /// throw-away ledger, which ends with the [`Query`]. A log that cannot be proven has none.
    ///
    /// # Errors
    /// [`SyncError`] when the throw-away ledger cannot be made or written. A failure of a terminal is in the report.
    pub async fn look(&self, stop: &CancellationToken) -> Result<(Report, Query), SyncError> {
        let stop = stop.child_token();
        let stop_on_drop = stop.clone().drop_guard();
        // It has no part in the ledger, and waits for no run.
        let place = Arc::new(Mutex::new(None)).lock_owned().await;
        let options = RunOptions::default();
        let once = Once { parts: self.parts.clone(), options, presumed: Vec::new(), clears: false, place, stop };
        let looked = tokio::spawn(once.look()).await.map_err(|error| fault("run", error))?;
        stop_on_drop.disarm();
        looked.map(|(report, ledger)| (report, Query::of(ledger)))
    }

    /// Starts a service, which polls and delivers until it is stopped, or until `stop` is cancelled.
    ///
    /// # Errors
    /// [`SyncError`] when the state directory cannot be used, or a run or a service of this engine is under way.
    pub async fn start(&self, options: ServiceOptions, stop: &CancellationToken) -> Result<Service, SyncError> {
        let place = Arc::clone(&self.ledger).try_lock_owned();
        let place = place.map_err(|_| wrong("engine".to_owned(), "is running already"))?;
        Service::start(&self.parts, options, place, stop.child_token()).await
    }

    /// Runs once with these options, and then clears the log of a terminal: deletes its records, which cannot be
    /// brought back. It does so only if the terminal has this serial number, its whole log is proven and each record is
    /// in the ledger or in the quarantine, each sink of the engine has all events of the terminal, and nobody punched
    /// meanwhile. Before, the log is written to a file in the state directory. Nobody can use the terminal while this
    /// goes on.
    ///
    /// # Errors
    /// [`ClearError::Unconfirmed`] if the terminal was asked and did not confirm it. After any other error the log is
    /// as it was.
    pub async fn clear(
        &self,
        terminal: &str,
        serial: &str,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<Cleared, ClearError> {
        let Some(device) = self.parts.devices.iter().find(|device| device.name == terminal) else {
            return Err(wrong(format!("device {terminal}"), "is not configured").into());
        };
        if device.contact == Contact::Push {
            return Err(wrong(format!("device {terminal}"), "is never called, so its log cannot be cleared").into());
        }
        let report = self.run_once(options, false, stop).await?;
        let mut reasons = Vec::new();
        for of_device in report.devices.iter().filter(|report| report.name == terminal) {
            if let Some(error) = &of_device.error {
                reasons.push(format!("it could not be read: {error}"));
            }
        }
        for sink in &report.sinks {
            if let Some(error) = &sink.error {
                reasons.push(format!("{}: {error}", sink.name));
            }
        }
        if !reasons.is_empty() {
            return Err(ClearError::Refused { reasons });
        }
        let place = Arc::clone(&self.ledger).lock_owned().await;
        Box::pin(clear(&self.parts, device, serial, place, stop.child_token())).await
    }

    /// Compares the terminals' logs with the ledger, and the ledger with the sinks, by day. It changes nothing, and may
    /// go on next to a service that writes the ledger.
    ///
    /// # Errors
    /// [`SyncError`] when there is no ledger, or it cannot be read. A failure of a terminal or a sink is in the result.
    pub async fn reconcile(
        &self,
        options: &ReconcileOptions,
        stop: &CancellationToken,
    ) -> Result<Reconciliation, SyncError> {
        reconcile::compare(&self.parts, options, &stop.child_token()).await
    }

    /// Sends again what a comparison found missing: makes those events pending for the sinks that do not have them, and
    /// runs with these options, which delivers them. Terminals with records that the ledger does not have are read
    /// whole; the others are not contacted.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn repair(
        &self,
        found: &Reconciliation,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<Report, SyncError> {
        let mut place = Arc::clone(&self.ledger).lock_owned().await;
        let ledger = crate::service::open(&mut place, &self.parts).await?;
        drop(place);
        found.resend(&ledger).await?;
        drop(ledger);
        let mut parts = self.parts.clone();
        parts.devices.retain(|device| found.has_lost_records_of(&device.name));
        let repairing = Self { parts, presumed: Vec::new(), ledger: Arc::clone(&self.ledger) };
        Box::pin(repairing.run(&options.clone().full(true).replay(true), stop)).await
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
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

    /// Sets the randomness; the host's by default.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Lets a program take part in what happens to events; none by default.
    #[must_use]
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// Sets the listener to the engine's crash points; none by default.
    #[cfg(feature = "chaos")]
    #[must_use]
    pub fn crash_points(mut self, points: Arc<dyn crate::CrashPoints>) -> Self {
        self.crashes.points = Some(points);
        self
    }

    /// Builds the engine.
    ///
    /// # Errors
    /// [`SyncError::Setting`] for a port of 0, an empty, repeated or very long name, two sinks with one target, or a
    /// terminal with `clear_when` and no `serial`.
    pub fn build(self) -> Result<Engine, SyncError> {
        let Self { state_dir, devices, sinks, options, clock, observer, random, hooks, crashes, presumed } = self;
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
        let parts = Parts {
            devices: devices.into_iter().map(Arc::new).collect(),
            targets: sinks.into_iter().map(|sink| Arc::new(Target::new(sink))).collect(),
            engine: Arc::new(options),
            state_dir,
            clock,
            observer,
            random,
            hooks,
            crashes,
        };
        Ok(Engine { parts, presumed, ledger: Arc::default() })
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
    let is_serial_of = |other: &DeviceOptions| other.serial.is_some() && other.serial == device.serial;
    if device.contact == Contact::Push {
        if device.serial.as_deref().is_none_or(str::is_empty) {
            return Err(wrong(setting, "calls by itself, and has no serial number to be known by"));
        }
        if earlier.iter().any(|other| other.name == device.name || is_serial_of(other)) {
            return Err(wrong(setting, "is configured twice"));
        }
        return Ok(());
    }
    if earlier.iter().any(|other| other.contact == Contact::Push && is_serial_of(other)) {
        return Err(wrong(setting, "is configured twice: leave out the entry that is never called"));
    }
    if device.host.is_empty() {
        return Err(wrong(setting, "has no host"));
    }
    if device.port == 0 {
        return Err(wrong(setting, "port 0 cannot be connected to; terminals listen on 4370"));
    }
    if device.clear_when.is_some_and(|level| !(1..=100).contains(&level)) {
        return Err(wrong(setting, "its log cannot be cleared at such a level; name one from 1 to 100 percent"));
    }
    if device.clear_when.is_some() && device.serial.is_none() {
        // Records of another terminal at its address would be gone.
        return Err(wrong(setting, "its log is cleared only if its serial number is configured too"));
    }
    if earlier.iter().any(|other| other.name == device.name) {
        return Err(wrong(setting, "is configured twice"));
    }
    Ok(())
}

fn wrong(setting: String, problem: &str) -> SyncError {
    SyncError::Setting { setting, problem: problem.to_owned() }
}
