//! The parts of an engine that all of its tasks use.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use attendance_model::{IdScheme, Rules};
use tokio::sync::{OwnedMutexGuard, watch};

use super::board::Board;
use super::gates::Gates;
use super::list::Lists;
use super::options::ServiceOptions;
use super::parts::Parts;
use super::target::Target;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::error::blocking;
use crate::intake::Intake;
use crate::ledger::News;
use crate::observer::Observer;
use crate::random::Random;
use crate::trail::line::Beside;
use crate::{EngineOptions, Hooks, Ledger, RunOptions, SyncError};

/// The engine's place for its ledger. A run or a service holds it, and keeps the next one waiting.
pub(crate) type Place = OwnedMutexGuard<Option<Arc<Ledger>>>;

/// The parts that all tasks use.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ledger: Arc<Ledger>,
    /// Another connection to the same ledger, which does not wait for the writer.
    pub(crate) reader: Arc<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The board, which passes everything on to the embedder's observer.
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) board: Arc<Board>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    /// The logs file in the Python tool's shape.
    pub(crate) lists: Arc<Lists>,
    pub(crate) news: Arc<watch::Sender<News>>,
    settings: RwLock<Settings>,
    /// Held until the last task has ended.
    _place: Place,
}

/// The parts that a reload can replace. A task takes them for each poll and each delivery.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) engine: Arc<EngineOptions>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) service: ServiceOptions,
    /// The configured names of the terminals that are called, in order.
    pub(crate) terminals: Vec<Arc<str>>,
    /// The names of the sinks, in order.
    pub(crate) sinks: Vec<Arc<str>>,
    /// The targets of the sinks, with their names.
    pub(crate) targets: Vec<(String, String)>,
    /// The sink of which the logs file lists the new events.
    pub(crate) listed: Option<Arc<str>>,
}

impl Shared {
    /// Opens what the tasks need. A throw-away copy of the ledger has one connection only.
    ///
    /// # Errors
    /// When the ledger cannot be opened a second time.
    pub(crate) async fn open(
        parts: &Parts,
        service: ServiceOptions,
        ledger: Arc<Ledger>,
        is_copy: bool,
        place: Place,
    ) -> Result<Self, SyncError> {
        let spools: PathBuf = if is_copy { std::env::temp_dir() } else { parts.state_dir.clone() };
        let gates = Gates::new(&parts.engine, parts.called().count(), spools.into());
        let reader = if is_copy {
            Arc::clone(&ledger)
        } else {
            let ledger = Arc::clone(&ledger);
            blocking("ledger", move || Ok(Arc::new(ledger.reader()?))).await?
        };
        let news = Arc::new(watch::Sender::new(News::default()));
        let intake =
            Intake::new(Arc::clone(&ledger), parts.engine.rules.clone(), parts.engine.batch, Arc::clone(&news))
                .with_hooks(parts.hooks.clone());
        let board = Arc::new(Board::new(Arc::clone(&parts.clock), Arc::clone(&parts.observer)));
        Ok(Self {
            settings: RwLock::new(Settings::new(parts, service, intake)),
            ledger,
            reader,
            clock: Arc::clone(&parts.clock),
            observer: Arc::clone(&board) as Arc<dyn Observer>,
            board,
            audit: Audit::new(),
            gates: Arc::new(gates),
            random: Arc::clone(&parts.random),
            hooks: parts.hooks.clone(),
            lists: Arc::default(),
            news,
            _place: place,
        })
    }

    /// Writes into the audit what has entered the ledger since, if an audit is kept, and notes its last line in the
    /// ledger. Returns false if that did not succeed.
    pub(crate) async fn complete_audit(&self) -> Result<bool, SyncError> {
        self.write_audit(Vec::new()).await
    }

    /// As [`Shared::complete_audit`], with what the ledger does not have.
    pub(crate) async fn write_audit(&self, beside: Vec<Beside>) -> Result<bool, SyncError> {
        if !self.settings().engine.audit {
            return Ok(true);
        }
        let (audit, ledger, now) = (Arc::clone(&self.audit), Arc::clone(&self.ledger), self.clock.utc_now());
        blocking("audit", move || {
            let Some(head) = audit.record_all(&ledger, None, beside, now) else { return Ok(false) };
            ledger.note_audit(&head)?;
            Ok(true)
        })
        .await
    }

    /// The settings as they are now.
    pub(crate) fn settings(&self) -> Settings {
        // Nothing can panic while the lock is held.
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the settings. Polls and deliveries under way keep the old ones, apart from the rules.
    pub(crate) fn replace_settings(&self, parts: &Parts, service: ServiceOptions) {
        let intake = self.settings().intake.changed(parts.engine.rules.clone(), parts.engine.batch);
        self.gates.resize(&parts.engine, parts.called().count());
        let settings = Settings::new(parts, service, intake);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}

impl Shared {
    /// Replaces the rules alone, for polls under way too.
    pub(crate) fn replace_rules(&self, rules: Rules) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let mut engine = EngineOptions::clone(&settings.engine);
        engine.rules = rules;
        let intake = settings.intake.changed(engine.rules.clone(), engine.batch);
        (settings.engine, settings.intake) = (Arc::new(engine), Arc::new(intake));
    }
}

impl Settings {
    fn new(parts: &Parts, service: ServiceOptions, intake: Intake) -> Self {
        Self {
            engine: Arc::clone(&parts.engine),
            intake: Arc::new(intake),
            service,
            terminals: parts.called().map(|device| device.name.as_str().into()).collect(),
            sinks: parts.targets.iter().map(|target| target.sink.name().into()).collect(),
            targets: parts.targets.iter().map(|of| (of.sink.target(), of.sink.name().to_owned())).collect(),
            listed: listed(&parts.targets).map(|target| target.sink.name().into()),
        }
    }

    /// The options of a poll or a delivery that begins now.
    pub(crate) fn run_options(&self, clock: &dyn Clock) -> RunOptions {
        self.service.options_at.at(clock.utc_now())
    }
}

/// Returns the sink whose new events the logs file lists.
fn listed(targets: &[Arc<Target>]) -> Option<&Arc<Target>> {
    let is_v1 = |target: &&Arc<Target>| target.sink.capabilities().ids == IdScheme::IclockSyncV1;
    targets.iter().find(is_v1).or(targets.first())
}
