//! The service: an engine that runs until it is stopped.
//!
//! | part | file |
//! |---|---|
//! | one task for each terminal | `poll::task` |
//! | one task for each sink | `deliver::task` |
//! | start, order about and stop a task | `part`, `crew` |
//! | punches that come another way than by a poll enter | [`Door`] |
//! | what people order: the audit of it, the quarantine, a replay, a question to a terminal | `orders` |
//! | what the tasks share | `tasks` |
//! | the state of everything, for all that show it | [`status`] |
//! | the reports | `reports` |
//! | the files stay small, the disk is watched | `housekeeping` |
//! | a single run, which is a service that polls once | `once` |
//! | an engine begins its runs and services here | `runs` |
//!
//! No task waits for another one. They meet in the ledger only: terminals write to it, and each commit wakes the sinks.

mod accept;
mod clear;
mod crew;
mod door;
mod housekeeping;
mod once;
mod orders;
mod part;
mod reports;
mod runs;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::Rules;
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use crate::poll::ask::{Capacity, Clock, ClockSet, TerminalUser};
pub use crate::tasks::status::{Progress, Status};
pub use crate::tasks::{ServiceOptions, status};
pub use door::Door;
pub use orders::OrderError;

use crate::error::blocking;
use crate::intake::rejudge::{Released, Review};
use crate::intake::{Ingest, Ingested};
use crate::ledger::Commits;
use crate::report::Report;
use crate::tasks::{Parts, Place, Shared, Target, Told};
use crate::{DeviceOptions, Engine, Ledger, SyncError};
use crew::Crew;
use housekeeping::Housekeeping;
use part::{Part, Trouble};
use reports::Reporter;

/// The time that the last reports may take beyond a deadline.
const LAST_REPORTS: Duration = Duration::from_secs(1);

/// Reports that are kept for a slow reader.
const KEPT: usize = 64;

/// An engine that runs: it polls its terminals, delivers to its sinks, and takes orders. [`Engine::start`] starts it.
///
/// It stops, within moments, when the value is dropped. [`Service::shutdown`] also waits for the end.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    crew: Mutex<Crew>,
    reporter: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
    reports: broadcast::Sender<Arc<Report>>,
    trouble: Trouble,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// A terminal or sink that a [`Service`] does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no terminal or sink with the name {0:?}")]
pub struct NotFound(pub String);

/// The changes that a reload has made, by configured name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// Terminals and sinks that were started.
    pub started: Vec<String>,
    /// Terminals and sinks that were stopped.
    pub stopped: Vec<String>,
    /// Terminals and sinks that run on as before.
    pub kept: Vec<String>,
}

impl Service {
    pub(crate) async fn start(
        parts: &Parts,
        options: ServiceOptions,
        mut place: Place,
        stop: CancellationToken,
    ) -> Result<Self, SyncError> {
        refuse_dry_runs(parts, &options)?;
        let ledger = open(&mut place, parts).await?;
        let shared = Arc::new(Shared::open(parts, options, ledger, false, place).await?);
        let (told, results) = mpsc::unbounded_channel();
        // Nobody has stopped listening yet.
        let _ = told.send(Told::Released(judge_again(&shared, &parts.devices).await?));
        let (reports, _) = broadcast::channel(KEPT);
        let reporter = Reporter::new(Arc::clone(&shared), results, reports.clone(), stop.clone());
        let reporter = tokio::spawn(reporter.run());
        let trouble = Trouble::new(stop.clone());
        let mut crew = Crew::new(Arc::clone(&shared), told, trouble.clone(), stop.clone(), false);
        parts.targets.iter().for_each(|target| crew.add_sink(target));
        parts.devices.iter().for_each(|device| crew.add_terminal(device));
        let housekeeping = tokio::spawn(Housekeeping::new(Arc::clone(&shared), stop.clone()).run());
        let _stop_on_drop = stop.clone().drop_guard();
        Ok(Self { shared, crew: Mutex::new(crew), reporter, housekeeping, reports, trouble, stop, _stop_on_drop })
    }

    /// The state of each terminal and each sink now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.board.status()
    }

    /// The progress from now on. A reader that is more than a thousand steps late misses the oldest.
    #[must_use]
    pub fn progress(&self) -> broadcast::Receiver<Progress> {
        self.shared.board.progress()
    }

    /// The reports from now on. There is one whenever polls ended with something to say, and at least one an hour. Its
    /// terminals are those that were polled since the report before.
    #[must_use]
    pub fn reports(&self) -> broadcast::Receiver<Arc<Report>> {
        self.reports.subscribe()
    }

    /// Subscribes to the events that become durable.
    #[must_use]
    pub fn commits(&self) -> Commits {
        self.shared.ledger.commits()
    }

    /// Returns a door for a source of punches that runs beside the service: it may be kept, cloned and sent to tasks.
    #[must_use]
    pub fn door(&self) -> Door {
        Door::new(&self.shared, &self.stop)
    }

    /// Enters punches that came another way than by a poll, as [`Door::ingest`] does.
    ///
    /// # Errors
    /// As [`Door::ingest`].
    pub async fn ingest(&self, ingest: Ingest) -> Result<Ingested, SyncError> {
        self.door().ingest(ingest).await
    }

    /// Polls a terminal as soon as it is free.
    ///
    /// # Errors
    /// [`NotFound`] if there is no terminal of that name, or it is never called.
    pub async fn poll_now(&self, terminal: &str) -> Result<(), NotFound> {
        let found = self.crew.lock().await.order_terminal(terminal, |orders| orders.asked += 1);
        found.then_some(()).ok_or_else(|| NotFound(terminal.to_owned()))
    }

    /// Polls every terminal as soon as it is free.
    pub async fn poll_all_now(&self) {
        let crew = self.crew.lock().await;
        crew.terminals.values().for_each(|part| part.order(|orders| orders.asked += 1));
    }

    /// Leaves a terminal or sink alone until it is resumed. What is under way ends as usual.
    ///
    /// # Errors
    /// [`NotFound`] if there is none of that name.
    pub async fn pause(&self, name: &str) -> Result<(), NotFound> {
        self.order(name, true).await
    }

    /// Ends the pause of a terminal or sink.
    ///
    /// # Errors
    /// [`NotFound`] if there is none of that name.
    pub async fn resume(&self, name: &str) -> Result<(), NotFound> {
        self.order(name, false).await
    }

    async fn order(&self, name: &str, paused: bool) -> Result<(), NotFound> {
        let crew = self.crew.lock().await;
        let terminal = crew.order_terminal(name, |orders| orders.paused = paused);
        let sink = crew.order_sink(name, |orders| orders.paused = paused);
        if sink {
            self.shared.board.pauses_sink(name, paused);
        }
        (terminal || sink).then_some(()).ok_or_else(|| NotFound(name.to_owned()))
    }

    /// Takes over terminals, sinks and options of another engine. What did not change runs on: a terminal with equal
    /// options keeps its session, and a sink that is the same value keeps its connections. Others are stopped and
    /// started. The service keeps its clock, its randomness, its observer and its hooks.
    ///
    /// # Errors
    /// [`SyncError::Setting`] if the engine has another state directory, or the options want dry runs. Then nothing is
    /// changed.
    pub async fn reload(&self, engine: &Engine, options: ServiceOptions) -> Result<Reloaded, SyncError> {
        let parts = &engine.parts;
        if parts.state_dir != self.shared.ledger.dir() {
            let problem = "cannot be changed while the service runs; stop it and start it again".to_owned();
            return Err(SyncError::Setting { setting: "state directory".to_owned(), problem });
        }
        refuse_dry_runs(parts, &options)?;
        let mut crew = self.crew.lock().await;
        self.shared.replace_settings(parts, options);
        match judge_again(&self.shared, &parts.devices).await {
            Ok(released) => {
                self.shared.news.send_modify(|news| news.commits += 1);
                let _ = crew.told.send(Told::Released(released));
            }
            // The new rules hold for what comes; the next start judges what waits.
            Err(error) => tracing::warn!("the quarantine was not judged again: {}", error.explain()),
        }
        let mut reloaded = Reloaded::default();
        let goes_on = |device: &DeviceOptions| parts.devices.iter().any(|other| **other == *device);
        for device in crew.devices().filter(|device| !goes_on(device)) {
            reloaded.stopped.push(device.name.clone());
        }
        let stopped_terminals = reloaded.stopped.len();
        let same = |target: &Target| parts.targets.iter().any(|other| Arc::ptr_eq(&other.sink, &target.sink));
        for name in crew.sinks.iter().filter(|(_, part)| !same(&part.of)).map(|(name, _)| name.clone()) {
            reloaded.stopped.push(name);
        }
        // All at once, and then each is waited for.
        crew.terminals.values().filter(|part| !goes_on(&part.of)).for_each(Part::stop);
        crew.sinks.values().filter(|part| !same(&part.of)).for_each(Part::stop);
        for (n, name) in reloaded.stopped.iter().enumerate() {
            if n < stopped_terminals {
                crew.remove_terminal(name).await;
            } else {
                crew.remove_sink(name).await;
            }
        }
        for target in &parts.targets {
            let name = target.sink.name();
            if crew.sinks.contains_key(name) {
                reloaded.kept.push(name.to_owned());
            } else {
                crew.add_sink(target);
                reloaded.started.push(name.to_owned());
            }
        }
        for device in &parts.devices {
            if crew.devices().any(|known| known.name == device.name) {
                reloaded.kept.push(device.name.clone());
            } else {
                crew.add_terminal(device);
                reloaded.started.push(device.name.clone());
            }
        }
        Ok(reloaded)
    }

    /// Replaces the rules, such as the list of people who may punch. What waits in the quarantine is judged again by
    /// them. Returns how many records left it.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be written. Then the new rules hold for what comes, and the next start
    /// judges the quarantine again.
    pub async fn set_rules(&self, rules: Rules) -> Result<u64, SyncError> {
        let crew = self.crew.lock().await;
        self.shared.replace_rules(rules);
        self.judge_all(&crew).await
    }

    /// Judges again what waits in the quarantine, after something changed by which [`Hooks`](crate::Hooks) decide.
    /// Returns how many records left it.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be written. What was not judged stays where it is.
    pub async fn judge_again(&self) -> Result<u64, SyncError> {
        let crew = self.crew.lock().await;
        self.judge_all(&crew).await
    }

    async fn judge_all(&self, crew: &Crew) -> Result<u64, SyncError> {
        let devices: Vec<_> = crew.devices().map(Arc::clone).collect();
        let released = judge_again(&self.shared, &devices).await?;
        let count = released.values().sum();
        // Released events go out like new ones.
        self.shared.news.send_modify(|news| news.commits += 1);
        let _ = crew.told.send(Told::Released(released));
        Ok(count)
    }

    /// The options of the terminal with this configured serial number.
    pub async fn configured(&self, serial: &str) -> Option<Arc<DeviceOptions>> {
        let crew = self.crew.lock().await;
        crew.devices().find(|device| device.serial.as_deref() == Some(serial)).map(Arc::clone)
    }

    /// The state directory.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.shared.ledger.dir()
    }

    /// Returns true once the service has been told to stop, or cannot go on.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// A token that is cancelled once the service has been told to stop, or cannot go on. To cancel it stops nothing.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// Waits until the service has ended: it was stopped, or its ledger cannot be used any more.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Stops: sessions are ended, and what was sent is recorded. What has not ended within `deadline` is cut off;
    /// nothing is lost by that, and a terminal may keep an open session for a while.
    ///
    /// # Errors
    /// The error that ended the service before, if there was one.
    pub async fn shutdown(self, deadline: Duration) -> Result<(), SyncError> {
        self.stop.cancel();
        let until = tokio::time::Instant::now() + deadline;
        let Self { crew, reporter, mut housekeeping, trouble, .. } = self;
        let mut crew = crew.into_inner();
        let ended = async {
            crew.terminals_ended().await;
            crew.sinks_ended().await;
            // Its step under way ends first.
            let _ = (&mut housekeeping).await;
        };
        if tokio::time::timeout_at(until, ended).await.is_err() {
            crew.abort();
            housekeeping.abort();
        }
        drop(crew);
        // The last reports; the reporter ends with the tasks.
        let _ = tokio::time::timeout_at(until.max(tokio::time::Instant::now() + LAST_REPORTS), reporter).await;
        trouble.take()
    }
}

/// A service keeps what it reads.
fn refuse_dry_runs(parts: &Parts, options: &ServiceOptions) -> Result<(), SyncError> {
    if options.options_at.at(parts.clock.utc_now()).dry_run {
        let problem = "a service makes no dry runs; run the engine once".to_owned();
        return Err(SyncError::Setting { setting: "dry run".to_owned(), problem });
    }
    Ok(())
}

/// Opens the ledger in the engine's place for it, where it stays.
pub(crate) async fn open(place: &mut Place, parts: &Parts) -> Result<Arc<Ledger>, SyncError> {
    if let Some(ledger) = &**place {
        return Ok(Arc::clone(ledger));
    }
    let (dir, crashes) = (parts.state_dir.clone(), parts.crashes.clone());
    let ledger = blocking("ledger", move || Ok(Arc::new(Ledger::open(&dir)?.with_crashes(crashes)))).await?;
    Ok(Arc::clone(place.insert(ledger)))
}

/// Releases from the quarantine what today's rules let pass, before anything else is read or sent.
async fn judge_again(shared: &Shared, devices: &[Arc<DeviceOptions>]) -> Result<Released, SyncError> {
    let (ledger, engine, devices) = (Arc::clone(&shared.ledger), shared.settings().engine, devices.to_vec());
    let (utc_now, local_now) = (shared.clock.utc_now(), shared.clock.local_now());
    let hooks = shared.hooks.clone();
    // Nothing says if a program has changed its mind.
    let always = hooks.is_some();
    blocking("ledger", move || {
        let review =
            Review { rules: &engine.rules, devices: &devices, utc_now, local_now, always, hooks: hooks.as_deref() };
        Ok(review.judge_again(&ledger)?)
    })
    .await
}
