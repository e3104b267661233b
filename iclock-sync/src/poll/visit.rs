//! One terminal in one run: connect, see who it is, pull what is new, let go of it, and enter what was proven.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use attendance_model::Source;
use chrono::{DateTime, NaiveDateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use zk_proto::proof::Proven;
use zk_proto::session::ChecksumPolicy;
use zk_proto::spool::SpoolDirectory;
use zk_proto::{Client, ClientError, DeviceTime, Uid};

use crate::clock::Clock;
use crate::deliver::News;
use crate::error::{blocking, chain};
use crate::intake::{Beginning, Entered, Intake};
use crate::ledger::{Poll, TerminalState, UnprovenKind, save_terminal};
use crate::observer::{DeviceProgress, Observer};
use crate::poll::meet::{Met, Unanswered};
use crate::poll::plan;
use crate::report::hint;
use crate::report::{DeviceReport, DeviceStatus, KeptLog, ReadMode};
use crate::retry::Backoff;
use crate::unproven::{self, SetAside};
use crate::{DeviceOptions, EngineOptions, Ledger, SyncError, TerminalError, tell, wall};

/// Answer time-outs for which a terminal may be silent: in one run, in one visit of it, and what a visit needs at least.
const IN_A_RUN: u32 = 9;
const IN_A_VISIT: u32 = 7;
const FOR_A_VISIT: u32 = 3;

/// What all terminals of a run share.
#[derive(Debug)]
pub(crate) struct Gates {
    /// One permit for each terminal whose log is kept at once, from the first question to the last record entered.
    pub(crate) terminals: Arc<Semaphore>,
    /// The ledger has one writer: whoever waits for it waits without a decoded batch in memory.
    pub(crate) intake: Semaphore,
    /// Who has which serial number.
    pub(crate) serials: Mutex<HashMap<String, String>>,
    /// Bytes of a log that each may keep in memory.
    pub(crate) spool_memory: usize,
    /// Where a longer one waits.
    pub(crate) spools: SpoolDirectory,
}

/// One terminal in one run.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) device: Arc<DeviceOptions>,
    pub(crate) engine: Arc<EngineOptions>,
    pub(crate) dry_run: bool,
    pub(crate) full: bool,
    pub(crate) ledger: Arc<Ledger>,
    /// Another connection to the same.
    pub(crate) reader: Arc<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) news: Arc<watch::Sender<News>>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) stop: CancellationToken,
}

/// What a visit to the terminal found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing that is not known; what is remembered of the terminal, where it changed.
    Nothing(Option<Box<TerminalState>>),
    /// Records.
    Records(Box<Records>),
    /// A log that is not proven, or one that names people by their place in a user table that is not proven.
    Unproven(Box<SetAside>),
}

impl Found {
    /// What is to be remembered of the terminal.
    pub(crate) fn state(&mut self) -> Option<&mut TerminalState> {
        match self {
            Self::Nothing(state) => state.as_deref_mut(),
            Self::Records(records) => Some(&mut records.state),
            Self::Unproven(_) => None,
        }
    }
}

/// Proven records and what goes with them.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) proven: Proven,
    pub(crate) users: BTreeMap<Uid, String>,
    /// What is to be remembered of the terminal once they have entered.
    pub(crate) state: TerminalState,
}

/// Who the terminal is and how its clock is.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) serial: String,
    pub(crate) drift_ms: Option<i64>,
    pub(crate) clock: Option<DeviceTime>,
    pub(crate) utc_now: DateTime<Utc>,
    /// Now, as a right clock on the terminal's wall shows it.
    pub(crate) wall_now: NaiveDateTime,
}

/// Why a terminal's part ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    Terminal(TerminalError),
    Sync(SyncError),
}

impl Visit {
    /// Reads the terminal.
    ///
    /// # Errors
    /// When the ledger cannot be used. What befalls the terminal stands in the report.
    pub(crate) async fn run(self) -> Result<DeviceReport, SyncError> {
        let mut report = DeviceReport::new(&self.device.name, self.device.address());
        let began = self.clock.monotonic();
        match self.read(&mut report).await {
            Ok(()) => {}
            Err(Failure::Sync(error)) => return Err(error),
            Err(Failure::Terminal(error)) => {
                report.status = DeviceStatus::Failed;
                report.error = Some(match error.hint() {
                    Some(hint) => format!("{}; {hint}", chain(&error)),
                    None => chain(&error),
                });
            }
        }
        let took = self.clock.monotonic().saturating_sub(began);
        report.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        report.hints = hint::of(&report, self.device.zone);
        tell::of_terminal(&report);
        let ok = report.status == DeviceStatus::Ok;
        self.observer.device(&self.device.name, DeviceProgress::Finished { ok });
        Ok(report)
    }

    async fn read(&self, report: &mut DeviceReport) -> Result<(), Failure> {
        let mut permit = None;
        let (seen, found) = self.persist(report, &mut permit).await?;
        match found {
            Found::Nothing(None) => Ok(()),
            Found::Nothing(Some(state)) => {
                let ledger = Arc::clone(&self.ledger);
                let save = move || Ok(ledger.write("remember a terminal", |change| save_terminal(change, &state))?);
                Ok(blocking("ledger", save).await?)
            }
            Found::Records(records) => self.enter(seen, *records, report).await,
            Found::Unproven(aside) => self.set_aside(&seen, *aside, report).await,
        }
    }

    /// Visits the terminal until it works, cannot work, or has been tried often enough.
    async fn persist(
        &self,
        report: &mut DeviceReport,
        permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<(Seen, Found), Failure> {
        let began = self.clock.monotonic();
        let mut backoff = Backoff::new(self.engine.attempts, self.engine.backoff);
        let mut spared = Unanswered::new();
        // Time in which nothing was heard, over all tries.
        let mut silent = Duration::ZERO;
        loop {
            let took = self.clock.monotonic().saturating_sub(began);
            let left = self.engine.device_deadline.saturating_sub(took);
            let failure = match self.visit(left, (&mut spared, &mut silent), report, permit).await {
                Ok(found) => return Ok(found),
                Err(failure) => failure,
            };
            let Failure::Terminal(error) = &failure else { return Err(failure) };
            let tried = error.is_transient() && !error.is_given_up();
            let Some(wait) = backoff.wait(None).filter(|_| tried) else { return Err(failure) };
            // A terminal that is silent is not waited for three times over.
            if !silent.is_zero() {
                silent += wait;
                if silent + self.device.timeout.saturating_mul(FOR_A_VISIT) > self.patience() {
                    return Err(failure);
                }
            }
            tracing::debug!(terminal = %self.device.name, error = %chain(error), ?wait, "visited again");
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = self.stop.cancelled() => return Err(failure),
            }
        }
    }

    /// How long a terminal may be silent in one run, all tries together.
    fn patience(&self) -> Duration {
        self.device.timeout.saturating_mul(IN_A_RUN)
    }

    async fn visit(
        &self,
        left: Duration,
        (spared, silent): (&mut Unanswered, &mut Duration),
        report: &mut DeviceReport,
        permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<(Seen, Found), Failure> {
        *permit = None;
        self.observer.device(&self.device.name, DeviceProgress::Connecting);
        tracing::debug!(terminal = %self.device.name, address = %self.device.address(), "connects");
        let mut options = self.device.connect_options();
        let name = self.device.name.clone();
        if self.look_up(move |ledger| ledger.has_bad_checksums(&name)).await? {
            options = options.checksums(ChecksumPolicy::Tolerate);
        }
        let began = self.clock.monotonic();
        let connected = self.within(left, async { Ok(Client::connect(&options).await) }).await?;
        if connected.as_ref().is_err_and(ClientError::is_silence) {
            *silent += self.clock.monotonic().saturating_sub(began);
        }
        let mut client = connected?;
        client
            .limit_silence(self.patience().saturating_sub(*silent).min(self.device.timeout.saturating_mul(IN_A_VISIT)));
        // Behind the connection, so that dead terminals keep nobody waiting. The semaphore is never closed.
        *permit = Arc::clone(&self.gates.terminals).acquire_owned().await.ok();
        let found = self.within(left, self.talk(&mut client, spared, report)).await;
        *silent += client.silence();
        // However it went: the terminal keeps a session that nobody ends, and some have only one.
        client.exit().await;
        found
    }

    /// Ends what takes too long, and what is to stop.
    async fn within<T>(&self, left: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            outcome = work => outcome,
            () = self.stop.cancelled() => Err(TerminalError::Stopped.into()),
            () = self.clock.sleep(left) => {
                Err(TerminalError::Deadline { limit: self.engine.device_deadline }.into())
            }
        }
    }

    async fn talk(
        &self,
        client: &mut Client,
        spared: &mut Unanswered,
        report: &mut DeviceReport,
    ) -> Result<(Seen, Found), Failure> {
        report.notes.clear();
        let Met { seen, size, state, is_news, later } = self.meet(client, spared, report).await?;
        let name = &self.device.name;
        tracing::debug!(terminal = %name, serial = %seen.serial, "identity");
        tracing::debug!(terminal = %name, records = ?size.count, capacity = ?size.capacity, "counts");
        let unchanged = !self.full && plan::is_unchanged(&state, size, seen.utc_now.timestamp(), &self.engine);
        let mut found = if unchanged {
            report.mode = Some(ReadMode::Unchanged);
            Found::Nothing((is_news || !later.is_empty()).then(|| Box::new(state)))
        } else {
            self.pull(client, &seen, state, size, report).await?
        };
        self.ask_later(client, &later, &mut found).await;
        Ok((seen, found))
    }

    /// Two configured terminals with one serial number would move one cursor from two sides.
    pub(crate) fn claim(&self, serial: &str) -> Result<(), Failure> {
        // Nothing between taking and leaving the lock can panic half-way through a change.
        let mut serials = self.gates.serials.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = serials.entry(serial.to_owned()).or_insert_with(|| self.device.name.clone());
        if *holder == self.device.name {
            Ok(())
        } else {
            Err(TerminalError::Twice { serial: serial.to_owned(), other: holder.clone() }.into())
        }
    }

    /// Enters what was proven, batch by batch.
    async fn enter(&self, seen: Seen, records: Records, report: &mut DeviceReport) -> Result<(), Failure> {
        let Records { mut proven, users, state } = records;
        let (batch, total) = (self.engine.batch.max(1), proven.records());
        let state = Arc::new(state);
        let mut intake = proven.layout().map(|layout| {
            Intake::new(Beginning {
                ledger: Arc::clone(&self.ledger),
                poll: Poll {
                    serial: seen.serial.clone(),
                    device_name: self.device.name.clone(),
                    zone: self.device.zone,
                    drift_ms: seen.drift_ms,
                    clock_offset: Some(wall::clock_offset(seen.clock, seen.wall_now, seen.utc_now)),
                    layout: Some(plan::layout_word(layout)),
                    source: Source::Pull,
                    read_at: seen.utc_now.timestamp(),
                },
                rules: self.engine.rules.clone(),
                host_now: seen.wall_now,
                layout,
                users,
                neutral: proven.is_neutral(),
                by_hand: false,
                epoch: state.epoch,
                start: proven.first_index(),
            })
        });
        let mut given_out = 0;
        loop {
            // The semaphore is never closed; without a permit the ledger's own lock is waited for.
            let permit = self.gates.intake.acquire().await.ok();
            let (state, ledger) = (Arc::clone(&state), Arc::clone(&self.ledger));
            let step = blocking("ledger", move || {
                let entered = match &mut intake {
                    Some(intake) => intake.enter(&mut proven, batch, &state)?,
                    None => {
                        ledger.write("remember a terminal", |change| save_terminal(change, &state))?;
                        Ok(Entered::default())
                    }
                };
                Ok(entered.map(|entered| (proven, intake, entered)))
            })
            .await?;
            drop(permit);
            let entered;
            (proven, intake, entered) = step.map_err(TerminalError::Spool)?;
            given_out += entered.records;
            if entered.new > 0 {
                self.news.send_modify(|news| news.commits += 1);
            }
            tracing::debug!(terminal = %self.device.name, records = entered.records, new = entered.new, "batch committed");
            entered.add_to(report);
            let (records, new) = (report.records_read, report.new);
            self.observer.device(&self.device.name, DeviceProgress::Recording { records, new });
            if given_out >= total {
                return Ok(());
            }
            if self.stop.is_cancelled() {
                return Err(TerminalError::Stopped.into());
            }
        }
    }

    /// Keeps a transfer that was not proven, whole.
    async fn set_aside(&self, seen: &Seen, aside: SetAside, report: &mut DeviceReport) -> Result<(), Failure> {
        report.status = DeviceStatus::Unproven;
        if aside.kind == UnprovenKind::Users {
            // The table itself is not kept: people's passwords are in it.
            report.error = Some(format!(
                "{}; nothing was used, and the table, which may hold passwords, was not kept; the next run reads again",
                aside.why
            ));
            report.unproven = Some(KeptLog { id: None, verdict: aside.verdict });
            return Ok(());
        }
        let (verdict, why) = (aside.verdict.clone(), aside.why.clone());
        if self.dry_run {
            report.error = Some(why);
            report.unproven = Some(KeptLog { id: None, verdict });
            return Ok(());
        }
        let (ledger, serial, name) = (Arc::clone(&self.ledger), seen.serial.clone(), self.device.name.clone());
        let (evidence, seen_at) = (aside.evidence(seen, &self.device), seen.utc_now);
        let kept =
            blocking("ledger", move || Ok(unproven::keep(&ledger, &serial, &name, aside, evidence, seen_at)?)).await?;
        report.error = Some(format!("{why}; nothing of it was used, and it is kept in {}", kept.file.display()));
        report.unproven = Some(KeptLog { id: Some(kept.id), verdict });
        Ok(())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Terminal(TerminalError::Client(error))
    }
}

impl From<TerminalError> for Failure {
    fn from(error: TerminalError) -> Self {
        Self::Terminal(error)
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        Self::Sync(error)
    }
}
