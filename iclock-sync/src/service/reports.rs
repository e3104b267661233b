//! The reports of a service: results are gathered, and told together once there is something to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::error::{blocking, chain};
use crate::intake::rejudge::Released;
use crate::random::Random;
use crate::report::{DeviceReport, DeviceStatus, Report, RunReport, SinkReport, SinkStatus, Totals, exit_code};
use crate::tasks::status::SinkState;
use crate::tasks::{Settings, Shared, Told};

/// Results that come together are told together.
const GATHERED: Duration = Duration::from_millis(200);
/// The longest wait for sinks that still take what the terminals brought.
const SINKS_WITHIN: Duration = Duration::from_secs(3);
/// There is a report at least as often.
const AT_LEAST: Duration = Duration::from_secs(3_600);

/// Results that were not told yet.
#[derive(Debug)]
pub(super) struct Gathered {
    since: DateTime<Utc>,
    began: Duration,
    devices: BTreeMap<String, DeviceReport>,
    sinks: BTreeMap<String, SinkReport>,
    released: Released,
}

/// Gathers results and makes reports of them.
#[derive(Debug)]
pub(super) struct Reporter {
    shared: Arc<Shared>,
    told: mpsc::UnboundedReceiver<Told>,
    reports: broadcast::Sender<Arc<Report>>,
    stop: CancellationToken,
    known: Known,
}

/// The last status of each terminal and sink that was told.
#[derive(Debug, Default)]
struct Known {
    devices: BTreeMap<String, DeviceStatus>,
    sinks: BTreeMap<String, SinkStatus>,
}

impl Reporter {
    pub(super) fn new(
        shared: Arc<Shared>,
        told: mpsc::UnboundedReceiver<Told>,
        reports: broadcast::Sender<Arc<Report>>,
        stop: CancellationToken,
    ) -> Self {
        Self { shared, told, reports, stop, known: Known::default() }
    }

    /// Makes reports until all tasks have ended.
    pub(super) async fn run(mut self) {
        let (clock, board) = (Arc::clone(&self.shared.clock), Arc::clone(&self.shared.board));
        let mut gathered = Gathered::begin(&self.shared);
        let mut due: Option<Duration> = None;
        loop {
            let wait = match due {
                Some(due) => due.saturating_sub(clock.monotonic()),
                None => (gathered.began + AT_LEAST).saturating_sub(clock.monotonic()),
            };
            tokio::select! {
                told = self.told.recv() => {
                    let Some(told) = told else { break };
                    if self.known.is_news(&told) && due.is_none() {
                        due = Some(clock.monotonic() + GATHERED);
                    }
                    gathered.add(told);
                    continue;
                }
                () = board.has_asked(), if due.is_none() => {
                    due = Some(clock.monotonic() + GATHERED);
                    continue;
                }
                () = clock.sleep(wait) => {}
            }
            let late = due.is_some_and(|due| clock.monotonic() >= due + SINKS_WITHIN);
            let commits = self.shared.news.borrow().commits;
            if due.is_some() && !late && !self.stop.is_cancelled() && !self.shared.board.have_served(commits) {
                tokio::select! {
                    told = self.told.recv() => match told {
                        Some(told) => gathered.add(told),
                        None => break,
                    },
                    () = clock.sleep(GATHERED) => {}
                }
                continue;
            }
            let report = std::mem::replace(&mut gathered, Gathered::begin(&self.shared)).into_report(&self.shared);
            due = None;
            self.tell(report).await;
        }
        if !gathered.is_empty() || board.has_backfills() {
            let report = gathered.into_report(&self.shared);
            self.tell(report).await;
        }
    }

    async fn tell(&self, report: Report) {
        let (ledger, report) = (Arc::clone(&self.shared.ledger), Arc::new(report));
        let kept = Arc::clone(&report);
        if let Err(error) = blocking("ledger", move || Ok(ledger.add_run(&kept)?)).await {
            tracing::warn!("the report is not in the ledger: {}", chain(&error));
        }
        if let Err(error) = self.shared.complete_audit().await {
            tracing::warn!("the audit is not complete: {}", chain(&error));
        }
        // Nobody may listen.
        let _ = self.reports.send(report);
    }
}

impl Known {
    /// Returns true if a result has something to say.
    fn is_news(&mut self, told: &Told) -> bool {
        match told {
            Told::Polled(report) => {
                let before = self.devices.insert(report.name.clone(), report.status);
                before != Some(report.status) || report.new + report.quarantined + report.rereads.count > 0
            }
            Told::Took(report) => {
                let before = self.sinks.insert(report.name.clone(), report.status);
                let failed = |status| status == Some(SinkStatus::Failed);
                failed(before) != failed(Some(report.status))
                    || report.stored + report.already_stored + report.merged + report.rejected > 0
            }
            Told::Released(released) => !released.is_empty(),
        }
    }
}

impl Gathered {
    pub(super) fn begin(shared: &Shared) -> Self {
        Self {
            since: shared.clock.utc_now(),
            began: shared.clock.monotonic(),
            devices: BTreeMap::new(),
            sinks: BTreeMap::new(),
            released: Released::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.sinks.is_empty() && self.released.is_empty()
    }

    /// The report of a terminal that was polled.
    pub(super) fn device(&mut self, name: &str) -> Option<&mut DeviceReport> {
        self.devices.get_mut(name)
    }

    /// Adds a result to the earlier ones of the same terminal or sink.
    pub(super) fn add(&mut self, told: Told) {
        match told {
            Told::Polled(report) => match self.devices.get_mut(&report.name) {
                Some(earlier) => earlier.add(*report),
                None => drop(self.devices.insert(report.name.clone(), *report)),
            },
            Told::Took(report) => match self.sinks.get_mut(&report.name) {
                Some(earlier) => earlier.add(*report),
                None => drop(self.sinks.insert(report.name.clone(), *report)),
            },
            Told::Released(released) => {
                for (name, count) in released {
                    *self.released.entry(name).or_default() += count;
                }
            }
        }
    }

    /// Makes the report: terminals that were polled, and all sinks, in the configured order.
    pub(super) fn into_report(mut self, shared: &Shared) -> Report {
        let Settings { terminals, sinks: targets, .. } = shared.settings();
        let mut devices: Vec<DeviceReport> =
            terminals.iter().filter_map(|name| self.devices.remove(name.as_ref())).collect();
        // One that was removed meanwhile.
        devices.extend(self.devices.into_values());
        let states = shared.board.status().sinks;
        let mut sinks: Vec<SinkReport> = targets
            .iter()
            .map(|name| self.sinks.remove(name.as_ref()).unwrap_or_else(|| idle(name, states.get(name.as_ref()))))
            .collect();
        sinks.extend(self.sinks.into_values());
        for device in &mut devices {
            device.released += self.released.get(&device.name).copied().unwrap_or(0);
        }
        let mut totals = Totals::of(&devices, &sinks);
        totals.released = self.released.values().sum();
        let took = shared.clock.monotonic().saturating_sub(self.began);
        Report {
            run: RunReport {
                id: run_id(self.since, &*shared.random),
                started_at: self.since,
                finished_at: shared.clock.utc_now(),
                duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                exit_code: exit_code(&devices, &sinks),
                dry_run: false,
            },
            totals,
            devices,
            sinks,
            backfills: shared.board.take_backfills(),
        }
    }
}

/// The report of a sink that was not called.
fn idle(name: &str, state: Option<&SinkState>) -> SinkReport {
    let mut report = SinkReport::new(name);
    if let Some(state) = state {
        (report.pending, report.held) = (state.pending, state.held);
    }
    report
}

/// An id that sorts by start. Its random part distinguishes runs of one millisecond.
fn run_id(started_at: DateTime<Utc>, random: &dyn Random) -> String {
    format!("{}-{:06x}", started_at.format("%Y%m%dT%H%M%S%3fZ"), random.next() >> 40)
}
