//! One engine: its terminals, its sinks, its state directory.

use std::path::PathBuf;
use std::sync::Arc;

use attendance_model::validate::MAX_NAME_CHARS;
use attendance_model::{EventId, Sink};
use tokio::sync::Mutex;

use crate::clock::{Clock, SystemClock};
use crate::crash::Crashes;
use crate::observer::{Observer, Silent};
use crate::random::{Random, SystemRandom};
use crate::tasks::{Parts, Target};
use crate::{Contact, DeviceOptions, EngineOptions, Hooks, Ledger, SyncError};

/// Reads terminals into a ledger and delivers from it to sinks. Contacts nothing and touches no file until it is run or
/// started.
///
/// Engines know nothing of each other: a process may have several, each with a state directory of its own.
#[derive(Debug)]
pub struct Engine {
    pub(crate) parts: Parts,
    /// Ids that a dry run takes for imported: target, name, ids.
    pub(crate) presumed: Vec<(String, String, Vec<EventId>)>,
    /// Opened by the first run that writes, and held from then on.
    pub(crate) ledger: Arc<Mutex<Option<Arc<Ledger>>>>,
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
        let Self { state_dir, devices, sinks, mut options, clock, observer, random, hooks, crashes, presumed } = self;
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
        // A sink that keeps names gets those that were read.
        options.names |= sinks.iter().any(|sink| sink.capabilities().names);
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
        if device.clear_when.is_some() || device.clock.is_some() {
            let problem = "it is never called, so that its log cannot be cleared nor its clock set; leave both out";
            return Err(wrong(setting, problem));
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

pub(crate) fn wrong(setting: String, problem: &str) -> SyncError {
    SyncError::Setting { setting, problem: problem.to_owned() }
}
