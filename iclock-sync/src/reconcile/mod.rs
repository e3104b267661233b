//! Compares terminals, ledger and sinks, by the day of the terminals' clocks.
//!
//! | compared | how | file |
//! |---|---|---|
//! | a terminal's log with the ledger | the whole log is read and proven, and each record is looked up | `terminal` |
//! | the ledger with a sink | the documents of each day are counted; where that is not enough, looked up | `sink` |
//! | what was found last is noted for `status` | in a file next to the ledger | `noted` |
//! | what is missing is sent again | the events are pending again, and a run delivers them | `repair` |
//!
//! An event that a sink never got on purpose is not missing: one outside the window, one that shares the document of
//! another, one that the sink refused, and one that the Python tool delivered. [`Fates`] counts them.
//!
//! Events that have shrunk are compared too, because their keys are known. Those that a sink lost cannot be sent again.

#[cfg(feature = "metrics")]
mod noted;
mod repair;
mod sink;
mod terminal;

use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::{blocking, fault};
pub use crate::ledger::Fates;
use crate::report::{DeviceStatus, ErrorKind, SinkStatus};
use crate::tasks::Parts;
use crate::{Ledger, LedgerError, SyncError};
#[cfg(feature = "metrics")]
pub use noted::{Lacking, Noted};

/// Examples of what is missing on one day.
const EXAMPLES: usize = 3;

/// The parts of a comparison. [`ReconcileOptions::default`] compares everything; the methods change that.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReconcileOptions {
    /// Only this day and later ones, by the terminals' clocks; all by default.
    pub since: Option<NaiveDate>,
    /// Looks up each event at the sinks, also on days on which the counts agree: a foreign document could hide that one
    /// is missing. Off by default.
    pub every_event: bool,
    /// Reads the terminals' logs. On by default.
    pub terminals: bool,
}

impl Default for ReconcileOptions {
    fn default() -> Self {
        Self { since: None, every_event: false, terminals: true }
    }
}

impl ReconcileOptions {
    /// Compares only a day and later ones; `None` for all.
    #[must_use]
    pub fn since(mut self, since: impl Into<Option<NaiveDate>>) -> Self {
        self.since = since.into();
        self
    }

    /// Looks up each event, or only those of days on which the counts differ.
    #[must_use]
    pub fn every_event(mut self, every_event: bool) -> Self {
        self.every_event = every_event;
        self
    }

    /// Reads the terminals' logs, or leaves the terminals alone.
    #[must_use]
    pub fn terminals(mut self, terminals: bool) -> Self {
        self.terminals = terminals;
        self
    }
}

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reconciliation {
    /// The first day that was compared; `None` for all.
    pub since: Option<NaiveDate>,
    /// Everything that is missing anywhere: records in the ledger, and events at each sink.
    pub missing: u64,
    /// The terminals, in the order of the configuration.
    pub terminals: Vec<TerminalReconciliation>,
    /// The sinks, in the order of the configuration.
    pub sinks: Vec<SinkReconciliation>,
}

/// One terminal's log, compared with the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TerminalReconciliation {
    /// The configured name.
    pub name: String,
    /// The serial number, or `name:NAME`; `None` if it was never reached.
    pub serial: Option<String>,
    /// The result of reading its log.
    pub status: DeviceStatus,
    /// The failure, its cause, and a hint.
    pub error: Option<String>,
    /// The kind of that failure.
    pub error_kind: Option<ErrorKind>,
    /// Records of its log on the compared days.
    pub records: u64,
    /// Those that came after the last poll, and are not in the ledger for that reason.
    pub unread: u64,
    /// Those that the rules refuse and the full quarantine only counts.
    pub counted_only: u64,
    /// Those that a poll has read and that are neither an event nor in quarantine.
    pub missing: u64,
    /// The days with missing records.
    pub days: Vec<TerminalDay>,
}

/// A day on which the ledger misses records of a terminal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TerminalDay {
    /// The day; `None` for records whose time no calendar has.
    pub date: Option<NaiveDate>,
    /// Records of the terminal.
    pub records: u64,
    /// Those that the ledger does not have.
    pub missing: u64,
    /// A few of them.
    pub examples: Vec<Example>,
}

/// One sink, compared with the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SinkReconciliation {
    /// The configured name.
    pub name: String,
    /// Its target: kind, host, database, table.
    pub target: String,
    /// `failed` if it could not be asked about all days.
    pub status: SinkStatus,
    /// The failure, its cause, and a hint.
    pub error: Option<String>,
    /// The kind of that failure.
    pub error_kind: Option<ErrorKind>,
    /// False if it cannot tell what it has, so that there is nothing to compare.
    pub compared: bool,
    /// The ledger's events on the compared days, by what became of them at this sink.
    #[serde(flatten)]
    pub fates: Fates,
    /// The documents that it has on those days; `None` if it cannot count them.
    pub documents: Option<u64>,
    /// Days whose events were looked up one by one; on the others the counts agree.
    pub days_looked_up: u64,
    /// Delivered events that are not there.
    pub missing: u64,
    /// Events of the Python tool's cache that are not there, of the days that were looked up.
    pub imported_missing: u64,
    /// Delivered events that have shrunk since and are not there, of the days that were looked up. They cannot be sent
    /// again, and do not count as missing.
    pub shrunk_missing: u64,
    /// Documents that are of no event of this ledger, of the days that were looked up; `None` if it cannot count.
    pub not_from_here: Option<u64>,
    /// The days that differ.
    pub days: Vec<SinkDay>,
    /// The missing events.
    #[serde(skip)]
    lost: Vec<i64>,
}

/// A day on which a sink differs from the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SinkDay {
    /// The day, by the terminals' clocks.
    pub date: NaiveDate,
    /// The documents that should be there: of delivered events, shrunk ones included, and of those that the Python tool
    /// delivered.
    pub expected: u64,
    /// The documents that are there; `None` if the sink cannot count.
    pub documents: Option<u64>,
    /// Delivered events that are not there.
    pub missing: u64,
    /// Delivered events that have shrunk since and are not there.
    pub shrunk_missing: u64,
    /// Documents that are of no event of this ledger; `None` if the sink cannot count.
    pub not_from_here: Option<u64>,
    /// A few of the missing events.
    pub examples: Vec<Example>,
}

/// A missing record or event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// The terminal's name.
    pub terminal: String,
    /// The user id as read.
    pub user_id: String,
    /// The terminal's wall clock: `YYYY-MM-DD HH:MM:SS`.
    pub local_time: String,
}

impl Reconciliation {
    /// Makes the missing events pending again.
    pub(crate) async fn resend(&self, ledger: &Arc<Ledger>) -> Result<(), SyncError> {
        for sink in self.sinks.iter().filter(|sink| !sink.lost.is_empty()) {
            let (ledger, target, name) = (Arc::clone(ledger), sink.target.clone(), sink.name.clone());
            let lost = sink.lost.clone();
            let events = blocking("ledger", move || Ok(ledger.resend(&target, &name, &lost)?)).await?;
            tracing::info!(sink = %sink.name, events, "events are pending again");
        }
        Ok(())
    }

    /// Returns true if the ledger misses records of the terminal of this name.
    pub(crate) fn has_lost_records_of(&self, name: &str) -> bool {
        self.terminals.iter().any(|terminal| terminal.name == name && terminal.missing > 0)
    }
}

/// Compares the terminals and sinks of an engine.
pub(crate) async fn compare(
    parts: &Parts,
    options: &ReconcileOptions,
    stop: &CancellationToken,
) -> Result<Reconciliation, SyncError> {
    let dir = parts.state_dir.clone();
    let ledger = blocking("ledger", move || {
        let missing = || LedgerError::Io { path: dir.clone(), source: std::io::ErrorKind::NotFound.into() };
        Ok(Arc::new(Ledger::open_read_only(&dir)?.ok_or_else(missing)?))
    })
    .await?;
    let mut compared = Reconciliation { since: options.since, missing: 0, terminals: Vec::new(), sinks: Vec::new() };
    // Sinks first: a punch that a service delivers meanwhile is in neither, or in both.
    let mut sinks = JoinSet::new();
    for (place, target) in parts.targets.iter().enumerate() {
        let work = sink::compare(parts, target, Arc::clone(&ledger), options.clone(), stop.clone());
        sinks.spawn(async move { (place, work.await) });
    }
    compared.sinks = in_order(sinks).await?;
    if options.terminals {
        let visits = terminal::visits(parts, &ledger, stop);
        let mut terminals = JoinSet::new();
        for (place, visit) in visits.into_iter().enumerate() {
            let since = options.since;
            terminals.spawn(async move { (place, terminal::compare(visit, since).await) });
        }
        compared.terminals = in_order(terminals).await?;
    }
    compared.missing = compared.terminals.iter().map(|terminal| terminal.missing).sum::<u64>()
        + compared.sinks.iter().map(|sink| sink.missing).sum::<u64>();
    Ok(compared)
}

/// The results of tasks, in the order in which these were started.
async fn in_order<T: 'static>(mut tasks: JoinSet<(usize, Result<T, SyncError>)>) -> Result<Vec<T>, SyncError> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        let (place, result) = ended.map_err(|source| fault("comparison", source))?;
        results.push((place, result?));
    }
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
