//! One terminal: a visit reads what is new, and what it found is kept.
//!
//! | step | file |
//! |---|---|
//! | connect, and retry if that may help | `visit` |
//! | identity, clock, counts | `meet`; `plan` decides |
//! | the log, and the proof of it | `pull` |
//! | a question of a person, in a session of its own | `ask` |
//! | empty the log, in a session of its own | `clear` |
//! | compare the log with the ledger, and change nothing | `compare` |
//! | the terminal's clock, if it is to be set | `set_clock` |
//! | records to the intake, unproven bytes to a file | `keep` |
//! | once, or again and again by a schedule | `task` |
//! | listen for punches, and poll on the session that hears them | `live` |
//! | one serial number, one terminal | `claims` |
//! | what sessions a terminal bears | `habits` |

pub(crate) mod ask;
mod claims;
pub(crate) mod clear;
pub(crate) mod clear_when;
mod compare;
mod habits;
mod keep;
mod live;
mod meet;
mod names;
pub(crate) mod plan;
mod pull;
mod set_clock;
pub(crate) mod task;
mod visit;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use tokio_util::sync::CancellationToken;
use zk_proto::proof::Proven;
use zk_proto::{Client, ClientError, DeviceTime, Uid};

use crate::clock::Clock;
use crate::error::chain;
use crate::intake::Intake;
use crate::ledger::TerminalState;
use crate::observer::{DeviceProgress, Observer};
use crate::random::Random;
use crate::report::{DeviceReport, DeviceStatus, hint};
use crate::tasks::Gates;
use crate::unproven::SetAside;
use crate::{DeviceOptions, EngineOptions, Ledger, SyncError, TerminalError, tell};
pub(crate) use compare::{LostRecord, RecordsByDay};
pub(crate) use habits::Habits;
use meet::Unanswered;
use visit::Place;

/// The visit to one terminal in one run.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) device: Arc<DeviceOptions>,
    pub(crate) engine: Arc<EngineOptions>,
    pub(crate) dry_run: bool,
    pub(crate) full: bool,
    /// Records that wait because nobody was in their slot go to the person who is there now.
    pub(crate) new_owners: bool,
    pub(crate) ledger: Arc<Ledger>,
    /// Another connection to the same ledger, which does not wait for the writer.
    pub(crate) reader: Arc<Ledger>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) stop: CancellationToken,
    /// The names of all configured terminals.
    pub(crate) peers: Vec<Arc<str>>,
    pub(crate) habits: Habits,
}

/// The result of a visit.
#[derive(Debug)]
struct Visited {
    seen: Seen,
    found: Found,
    /// The terminal's place among those of which a long part of the log is kept at once.
    place: Place,
}

/// The terminal's identity and clock.
#[derive(Debug)]
struct Seen {
    serial: String,
    drift_ms: Option<i64>,
    clock: Option<DeviceTime>,
    /// The number of its users, as it counts them.
    users: Option<u32>,
    utc_now: DateTime<Utc>,
    /// Now, as a right clock on the terminal's wall shows it.
    wall_now: NaiveDateTime,
}

/// The content of the terminal's log, as far as it is new.
#[derive(Debug)]
enum Found {
    /// Nothing new. The state is to be remembered, if there is any.
    Nothing(Option<Box<TerminalState>>),
    /// Records.
    Records(Box<Records>),
    /// A log that is not proven, or one that names people by their place in a user table that is not proven.
    Unproven(Box<SetAside>),
}

/// Proven records.
#[derive(Debug)]
struct Records {
    proven: Proven,
    users: BTreeMap<Uid, String>,
    /// To be remembered of the terminal once all records have entered.
    state: TerminalState,
}

/// The reason why a visit ended early.
#[derive(Debug)]
enum Failure {
    /// It befell this terminal: it is in the report.
    Terminal(TerminalError),
    /// It befell the engine: the run ends.
    Engine(SyncError),
}

/// A poll that has ended.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) report: DeviceReport,
    /// The session stays of no use until somebody changes something: it is another terminal, for example.
    pub(crate) is_hopeless: bool,
}

impl Visit {
    /// Reads the terminal on a session of its own, and keeps what is new.
    ///
    /// # Errors
    /// When the ledger cannot be used. A failure of the terminal is in the report.
    pub(crate) async fn run(self) -> Result<DeviceReport, SyncError> {
        let mut report = DeviceReport::new(&self.device.name, self.device.address());
        let began = self.clock.monotonic();
        let outcome = self.visit(&mut report).await;
        Ok(self.finish(outcome, report, began).await?.report)
    }

    /// Reads the terminal on a session that stays open, and keeps what is new.
    ///
    /// # Errors
    /// As [`Visit::run`].
    pub(crate) async fn run_on(self, client: &mut Client) -> Result<Polled, SyncError> {
        let mut report = DeviceReport::new(&self.device.name, self.device.address());
        let began = self.clock.monotonic();
        let outcome = self.talk_within(client, &mut report).await;
        self.finish(outcome, report, began).await
    }

    async fn talk_within(&self, client: &mut Client, report: &mut DeviceReport) -> Result<Visited, Failure> {
        client.limit_silence(self.for_an_attempt());
        let mut place = Place::of_resident();
        let (mut spared, limit) = (Unanswered::new(), self.engine.device_deadline);
        let talk = self.talk(client, &mut place, &mut spared, report);
        // It waits for a place, and gets one.
        let (seen, found) = self.within(limit, talk).await?.ok_or(TerminalError::Stopped)?;
        Ok(Visited { seen, found, place })
    }

    /// Keeps what was found, and completes the report.
    async fn finish(
        &self,
        outcome: Result<Visited, Failure>,
        mut report: DeviceReport,
        began: Duration,
    ) -> Result<Polled, SyncError> {
        self.gates.claims.heard(&self.device.name);
        if matches!(outcome, Err(Failure::Terminal(_))) && report.serial.is_none() {
            self.gates.claims.let_go(&self.device.name);
        }
        let outcome = match outcome {
            Ok(visited) => self.keep(visited, &mut report).await,
            Err(failure) => Err(failure),
        };
        let mut is_hopeless = false;
        match outcome {
            Ok(()) => {}
            Err(Failure::Engine(error)) => return Err(error),
            Err(Failure::Terminal(error)) => {
                is_hopeless = error.needs_a_person();
                fail(&mut report, &error);
            }
        }
        let took = self.clock.monotonic().saturating_sub(began);
        report.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        report.hints = hint::of(&report, self.device.zone);
        tell::of_terminal(&report);
        let ok = report.status == DeviceStatus::Ok;
        self.observer.device(&self.device.name, DeviceProgress::Finished { ok });
        Ok(Polled { report, is_hopeless })
    }
}

/// Puts the failure of a terminal into its report.
fn fail(report: &mut DeviceReport, error: &TerminalError) {
    report.status = DeviceStatus::Failed;
    report.error_kind = Some(error.kind());
    report.error = Some(match error.hint() {
        Some(hint) => format!("{}; {hint}", chain(error)),
        None => chain(error),
    });
}

impl Found {
    /// The state that is to be remembered of the terminal.
    fn state(&mut self) -> Option<&mut TerminalState> {
        match self {
            Self::Nothing(state) => state.as_deref_mut(),
            Self::Records(records) => Some(&mut records.state),
            Self::Unproven(_) => None,
        }
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
        Self::Engine(error)
    }
}
