//! One run: all terminals at once, all sinks at once, one report.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use attendance_model::IdScheme;
use chrono::{DateTime, Utc};
use rand::Rng;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::deliver::Delivery;
use crate::deliver::audit_file::AuditFile;
use crate::deliver::send::{Sender, Target};
use crate::error::{blocking, fault};
use crate::intake::Intake;
use crate::intake::rejudge::{Released, Review};
use crate::ledger::News;
use crate::observer::Observer;
use crate::poll::{Gates, Visit};
use crate::report::{DeviceReport, DeviceStatus, ErrorKind, Report, RunReport, SinkReport, Totals, exit_code};
use crate::{DeviceOptions, EngineOptions, Ledger, RunOptions, SyncError};

/// One run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) devices: &'a [Arc<DeviceOptions>],
    pub(crate) targets: &'a [Arc<Target>],
    pub(crate) engine: Arc<EngineOptions>,
    pub(crate) options: RunOptions,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    /// Ends this run alone.
    pub(crate) stop: CancellationToken,
}

impl Run<'_> {
    pub(crate) async fn go(self) -> Result<Report, SyncError> {
        let (started_at, began) = (self.clock.utc_now(), self.clock.monotonic());
        let released = self.judge_again().await?;
        let (news, listener) = watch::channel(News::default());
        let news = Arc::new(news);
        let mut sinks = JoinSet::new();
        if self.options.deliver && !self.options.dry_run {
            for (n, delivery) in self.deliveries(&listener).into_iter().enumerate() {
                sinks.spawn(async move { (n, delivery.run().await) });
            }
        }
        let devices = self.read(&news).await;
        news.send_modify(|news| news.over = true);
        let sinks = self.serve(sinks, &listener).await;
        let (mut devices, sinks) = (devices?, sinks?);
        for device in &mut devices {
            device.released = released.get(&device.name).copied().unwrap_or(0);
        }
        let mut totals = Totals::of(&devices, &sinks);
        totals.released = released.values().sum();
        let took = self.clock.monotonic().saturating_sub(began);
        let report = Report {
            run: RunReport {
                id: run_id(started_at),
                started_at,
                finished_at: self.clock.utc_now(),
                duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                exit_code: exit_code(&devices, &sinks),
                dry_run: self.options.dry_run,
            },
            totals,
            devices,
            sinks,
        };
        if self.options.dry_run {
            return Ok(report);
        }
        let ledger = Arc::clone(&self.ledger);
        blocking("ledger", move || {
            ledger.add_run(&report)?;
            Ok(report)
        })
        .await
    }

    /// Releases from the quarantine what today's rules let pass, before anything else is read or sent.
    async fn judge_again(&self) -> Result<Released, SyncError> {
        let (ledger, engine, devices) = (Arc::clone(&self.ledger), Arc::clone(&self.engine), self.devices.to_vec());
        let (utc_now, local_now) = (self.clock.utc_now(), self.clock.local_now());
        blocking("ledger", move || {
            let review = Review { rules: &engine.rules, devices: &devices, utc_now, local_now };
            Ok(review.judge_again(&ledger)?)
        })
        .await
    }

    /// Reads every terminal. If the ledger fails, the other visits end too, and the error is returned after them.
    async fn read(&self, news: &Arc<watch::Sender<News>>) -> Result<Vec<DeviceReport>, SyncError> {
        let reader = self.reader().await?;
        let spools = if self.options.dry_run { std::env::temp_dir() } else { self.ledger.dir().to_owned() };
        let gates = Arc::new(Gates {
            terminals: Arc::new(Semaphore::new(self.engine.concurrency.max(1))),
            serials: Mutex::new(HashMap::new()),
            spool_memory: self.engine.spool_memory / self.devices.len().clamp(1, self.engine.concurrency.max(1)),
            spools: spools.into(),
        });
        let (ledger, rules) = (Arc::clone(&self.ledger), self.engine.rules.clone());
        let intake = Arc::new(Intake::new(ledger, rules, self.engine.batch, Arc::clone(news)));
        let mut reports: Vec<DeviceReport> =
            self.devices.iter().map(|device| DeviceReport::new(&device.name, device.address())).collect();
        let mut tasks = JoinSet::new();
        let mut running = HashMap::new();
        for (n, device) in self.devices.iter().enumerate() {
            let visit = Visit {
                device: Arc::clone(device),
                engine: Arc::clone(&self.engine),
                dry_run: self.options.dry_run,
                full: self.options.full,
                ledger: Arc::clone(&self.ledger),
                reader: Arc::clone(&reader),
                clock: Arc::clone(&self.clock),
                observer: Arc::clone(&self.observer),
                intake: Arc::clone(&intake),
                gates: Arc::clone(&gates),
                stop: self.stop.clone(),
            };
            let task = tasks.spawn(async move { (n, visit.run().await) });
            running.insert(task.id(), n);
        }
        let mut trouble = Ok(());
        while let Some(joined) = tasks.join_next().await {
            match joined {
                Ok((n, Ok(report))) => {
                    if let Some(place) = reports.get_mut(n) {
                        *place = report;
                    }
                }
                Ok((_, Err(error))) => {
                    self.stop.cancel();
                    trouble = trouble.and(Err(error));
                }
                Err(error) => {
                    if let Some(place) = running.get(&error.id()).and_then(|n| reports.get_mut(*n)) {
                        place.status = DeviceStatus::Failed;
                        place.error_kind = Some(ErrorKind::Internal);
                        place.error = Some(format!("internal fault: {error}"));
                    }
                }
            }
        }
        trouble.map(|()| reports)
    }

    /// A second connection for look-ups, which wait for no commit. A throw-away copy has one connection only.
    async fn reader(&self) -> Result<Arc<Ledger>, SyncError> {
        let ledger = Arc::clone(&self.ledger);
        if self.options.dry_run {
            return Ok(ledger);
        }
        blocking("ledger", move || Ok(Arc::new(ledger.reader()?))).await
    }

    /// Waits for the sinks' tasks; in a dry run, counts what would be sent.
    async fn serve(
        &self,
        mut tasks: JoinSet<(usize, Result<SinkReport, SyncError>)>,
        listener: &watch::Receiver<News>,
    ) -> Result<Vec<SinkReport>, SyncError> {
        let mut reports: Vec<SinkReport> =
            self.targets.iter().map(|target| SinkReport::new(target.sink.name())).collect();
        let mut trouble = Ok(());
        while let Some(joined) = tasks.join_next().await {
            match joined {
                Ok((n, Ok(report))) => {
                    if let Some(place) = reports.get_mut(n) {
                        *place = report;
                    }
                }
                Ok((_, Err(error))) => trouble = trouble.and(Err(error)),
                Err(error) => trouble = trouble.and(Err(fault("sink", error))),
            }
        }
        trouble?;
        if self.options.dry_run && self.options.deliver {
            reports.clear();
            for delivery in self.deliveries(listener) {
                reports.push(delivery.rehearse().await?);
            }
        }
        Ok(reports)
    }

    fn deliveries(&self, listener: &watch::Receiver<News>) -> Vec<Delivery> {
        let v1 = |target: &Arc<Target>| target.sink.capabilities().ids == IdScheme::IclockSyncV1;
        let audited = self.targets.iter().position(v1).unwrap_or(0);
        let audit = |n| {
            let dir = self.engine.audit_dir.as_ref().filter(|_| n == audited)?;
            Some(AuditFile::new(dir.clone(), self.clock.local_now()))
        };
        self.targets
            .iter()
            .enumerate()
            .map(|(n, target)| Delivery {
                sender: Sender {
                    target: Arc::clone(target),
                    options: Arc::clone(&self.engine),
                    clock: Arc::clone(&self.clock),
                    observer: Arc::clone(&self.observer),
                    stop: self.stop.clone(),
                    requests: Arc::new(AtomicU64::new(0)),
                },
                ledger: Arc::clone(&self.ledger),
                run: self.options.clone(),
                news: listener.clone(),
                audit: audit(n),
            })
            .collect()
    }
}

/// An id that sorts by start. Its random part distinguishes runs of one millisecond.
fn run_id(started_at: DateTime<Utc>) -> String {
    format!("{}-{:06x}", started_at.format("%Y%m%dT%H%M%S%3fZ"), rand::rng().random_range(0..1u32 << 24))
}
