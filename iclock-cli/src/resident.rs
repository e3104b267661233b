//! `sync --loop` and `--live`: the engine as a service, until a signal ends it.
//!
//! It tells a supervisor that it is ready and alive, keeps `health.json` and the metrics up to date, and reads its
//! configuration again when it is asked to: by SIGHUP, or by a file called `reload` in the state directory.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::Sink;
use iclock_sync::health::{Health, write_whole};
use iclock_sync::metrics::{Resources, to_text};
use iclock_sync::quarantine::QuarantineSize;
use iclock_sync::service::{Progress, Reloaded};
use iclock_sync::{Engine, Ledger, Report, Service, ServiceOptions, chain};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior};

use crate::alerts::Alerts;
use crate::answering::{Answering, Counter};
use crate::command::terminal::base::Records;
use crate::config::{Config, ConfigErrors, SinkConfig};
use crate::context::Outcome;
use crate::diary::Diary;
use crate::error::CliError;
use crate::job::{Job, add_commands, log, print, write_exports};
use crate::receiving::{Receiving, Reception};
use crate::signal::{Reloads, Signals};
use crate::supervisor::Supervisor;
use crate::{sinks, wiring};

/// The longest that a service may take to stop: a batch on its way to a sink ends, and sessions are closed.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(60);
/// The health file and the metrics are written so often.
const EVERY: Duration = Duration::from_secs(10);
/// The file in the state directory that asks for a reload, where there are no signals.
const RELOAD_FILE: &str = "reload";
/// It is looked for so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a report they are written at once, but for this many times as long as that took, not again: a thousand
/// terminals make reports all the time, and a large file.
const REST: u32 = 50;

/// A service, with the configuration in force.
pub(crate) struct Resident<'a> {
    job: &'a Job,
    config: Config,
    /// The sinks that are open. A reload keeps those that did not change.
    sinks: Vec<(SinkConfig, Arc<dyn Sink>)>,
    reloads: Reloads,
    supervisor: Supervisor,
    /// What people read; with `--json`, a program reads the reports.
    diary: Option<Diary>,
    records: &'a Records,
    /// The receiver of terminals that push.
    receiving: Option<Receiving>,
    /// The server for other programs.
    answering: Option<Answering>,
    pace: Pace,
    alerts: Alerts,
}

/// How often reports have the health file and the metrics written.
#[derive(Debug)]
struct Pace {
    /// The time before which a report does not.
    rests_until: Instant,
    /// There was a report since they were written.
    is_stale: bool,
}

impl<'a> Resident<'a> {
    /// For a configuration whose sinks are open.
    pub(crate) fn new(
        config: &Config,
        job: &'a Job,
        opened: Vec<Arc<dyn Sink>>,
        records: &'a Records,
    ) -> Result<Self, CliError> {
        let sinks = config.sinks.iter().cloned().zip(opened).collect();
        let names = config.devices.iter().map(|device| device.name.as_str());
        let diary = match job.json {
            true => None,
            false => Some(Diary::before(&config.state_dir, names, job.quiet)?),
        };
        let (reloads, supervisor) = (Reloads::listen()?, Supervisor::new());
        Ok(Self {
            job,
            config: config.clone(),
            sinks,
            reloads,
            supervisor,
            diary,
            records,
            receiving: None,
            answering: None,
            alerts: Alerts::open(&config.state_dir),
            pace: Pace { rests_until: Instant::now(), is_stale: false },
        })
    }

    /// Runs until a signal ends it.
    pub(crate) async fn run(mut self, engine: &Engine, signals: &Signals) -> Outcome {
        let reception = if self.job.receives { Some(Reception::open(&self.config).await?) } else { None };
        let counter = if self.job.receives { Counter::open(&self.config).await? } else { None };
        let service = Arc::new(engine.start(self.options(), &signals.stop).await?);
        // Before the receiver, which may take its time: nobody prints what came before they listened.
        let (mut reports, mut progress) = (service.reports(), service.progress());
        self.receiving = match reception {
            // Ctrl-C may come before the first terminal calls.
            Some(_) if signals.asked().is_some() => None,
            Some(reception) => match reception.begin(&service, &self.config, self.job.quiet).await {
                Err(_) if signals.asked().is_some() => None,
                receiving => Some(receiving?),
            },
            None => None,
        };
        self.answering = match counter.filter(|_| signals.asked().is_none()) {
            Some(counter) => Some(counter.begin(&service, &self.config, self.job.quiet)?),
            None => None,
        };
        self.supervisor.ready();
        let mut beat = tokio::time::interval(EVERY.min(self.supervisor.pulse().unwrap_or(EVERY)));
        let mut look = tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = None;
        while failed.is_none() {
            tokio::select! {
                biased;
                () = service.stopping() => break,
                report = reports.recv() => match report {
                    Ok(report) => {
                        failed = self.tell(&report).err();
                        self.pace.is_stale = true;
                        self.beat_if_due(&service);
                    }
                    // Only a reader that is very late misses reports; the ledger has all results.
                    Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} reports were not printed"),
                    Err(RecvError::Closed) => break,
                },
                // Of steps that were missed, the reports have the results.
                Ok(step) = progress.recv() => self.hear(step),
                _ = beat.tick() => self.beat(&service),
                () = self.reloads.asked() => self.reload(&service).await,
                _ = look.tick() => {
                    self.beat_if_due(&service);
                    if self.takes_reload_file() {
                        self.reload(&service).await;
                    }
                    self.answering.iter_mut().for_each(Answering::look_at_certificate);
                    if let Some(receiving) = &self.receiving {
                        receiving.look_at_certificate();
                        receiving.take().await;
                    }
                }
            }
        }
        self.supervisor.stopping();
        // What terminals still send is not stored any more: they keep it.
        if let Some(receiving) = self.receiving.take() {
            receiving.end().await;
        }
        if let Some(answering) = self.answering.take() {
            answering.end().await;
        }
        let ended = shut_down(service).await;
        while let Ok(step) = progress.try_recv() {
            self.hear(step);
        }
        self.diary.iter_mut().for_each(Diary::end);
        while let Ok(report) = reports.try_recv() {
            failed = failed.or(self.tell(&report).err());
        }
        if let Err(error) = Health::remove(&self.config.state_dir) {
            tracing::warn!("the health file cannot be removed: {error}");
        }
        ended?;
        failed.map_or_else(|| Ok(signals.ended()), Err)
    }

    fn options(&self) -> ServiceOptions {
        let (max_new, job) = (self.config.max_new, self.job.clone());
        ServiceOptions::new(self.config.loop_schedule()).live(job.live).options_at(move |now| job.options(max_new, now))
    }

    fn hear(&mut self, step: Progress) {
        if let Some(diary) = &mut self.diary {
            diary.hear(step);
        }
    }

    fn tell(&mut self, report: &Report) -> Result<(), CliError> {
        match &mut self.diary {
            None => print(report.clone(), &self.config, self.job),
            Some(diary) => {
                let mut report = report.clone();
                add_commands(&mut report, &self.config.sinks, "\n");
                diary.remark(&report);
                log(&report);
            }
        }
        write_exports(&self.config, self.job, report.run.started_at)
    }

    /// Writes down what a report has changed.
    fn beat_if_due(&mut self, service: &Service) {
        if self.pace.is_due(Instant::now()) {
            self.beat(service);
        }
    }

    /// Says that the service is alive.
    fn beat(&mut self, service: &Service) {
        let began = Instant::now();
        self.supervisor.alive();
        let (status, resources) = (service.status(), Resources::of_this_process());
        if let Some(path) = &self.config.metrics_file {
            let sizes = quarantine_sizes(&self.config.state_dir);
            warn("the metrics", path, write_whole(path, to_text(&status, &resources, sizes.as_deref()).as_bytes()));
        }
        let health = Health::of(status, resources, env!("CARGO_PKG_VERSION"), EVERY);
        let dir = &self.config.state_dir;
        warn("the health file", dir, health.write(dir));
        self.alerts.look(&health, &self.config.alerts);
        self.pace.has_written(began, Instant::now());
    }

    /// Reads the configuration again. One that cannot be used changes nothing.
    async fn reload(&mut self, service: &Service) {
        self.supervisor.reloading();
        match self.reload_or_not(service).await {
            Ok(Reloaded { started, stopped, kept, .. }) => {
                let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                tracing::warn!(
                    "the configuration was read again; started: {}; stopped: {}; unchanged: {}",
                    list(&started),
                    list(&stopped),
                    kept.len()
                );
            }
            Err(error) => error.log("the new configuration cannot be used, and nothing was changed"),
        }
        self.supervisor.ready();
    }

    async fn reload_or_not(&mut self, service: &Service) -> Result<Reloaded, CliError> {
        let mut config = Config::load(&self.job.flags)?;
        if self.job.receives {
            config = config.serving();
        }
        self.records.attach(self.job.record.as_deref(), "sync", &mut config.devices)?;
        let delivers = self.job.exports.is_empty();
        // A file that is half written may name nobody.
        let missing = if self.job.receives { config.missing_to_serve(delivers) } else { config.missing(delivers) };
        if !missing.is_empty() {
            return Err(ConfigErrors::in_order(missing).into());
        }
        let mut opened = Vec::new();
        for sink in config.sinks.iter().filter(|_| delivers) {
            let same = self.sinks.iter().find(|(known, _)| known.is_same(sink));
            let sink_or_same = match same {
                Some((_, open)) => Arc::clone(open),
                None => sinks::open(sink)?,
            };
            opened.push((sink.clone(), sink_or_same));
        }
        let all = opened.iter().map(|(_, sink)| Arc::clone(sink)).collect();
        let engine = wiring::engine(&config, all, None, &[])?;
        let before = std::mem::replace(&mut self.config, config);
        match service.reload(&engine, self.options()).await {
            Ok(reloaded) => {
                self.sinks = opened;
                if let Some(receiving) = &self.receiving {
                    receiving.configure(&self.config);
                }
                self.answering.iter_mut().for_each(|answering| answering.configure(&self.config));
                self.config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                Ok(reloaded)
            }
            Err(error) => {
                self.config = before;
                Err(error.into())
            }
        }
    }

    /// Takes the file away that asks for a reload. Returns false if there is none.
    fn takes_reload_file(&self) -> bool {
        std::fs::remove_file(self.config.state_dir.join(RELOAD_FILE)).is_ok()
    }
}

/// Stops a service, once no request looks at it any more: they hold it for a moment each.
async fn shut_down(mut service: Arc<Service>) -> Result<(), iclock_sync::SyncError> {
    let until = Instant::now() + LOOK_EVERY;
    loop {
        service = match Arc::try_unwrap(service) {
            Ok(service) => return service.shutdown(SHUTDOWN_WITHIN).await,
            Err(service) if Instant::now() < until => service,
            // It stops by itself when the last request lets it go.
            Err(_) => return Ok(()),
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn warn(what: &str, path: &Path, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!("{what} cannot be written ({}): {error}", path.display());
    }
}

/// What waits in the quarantine, for the metrics; `None` if the ledger cannot be read now.
fn quarantine_sizes(state_dir: &Path) -> Option<Vec<QuarantineSize>> {
    let sizes = Ledger::open_read_only(state_dir).and_then(|ledger| ledger.map(|it| it.quarantine_sizes()).transpose());
    sizes.unwrap_or_else(|error| {
        tracing::debug!("the metrics have no quarantine: {}", chain(&error));
        None
    })
}

impl Pace {
    fn is_due(&self, now: Instant) -> bool {
        self.is_stale && now >= self.rests_until
    }

    fn has_written(&mut self, began: Instant, ended: Instant) {
        self.is_stale = false;
        self.rests_until = ended + (ended.saturating_duration_since(began) * REST).min(EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_takes_long_is_written_seldom_and_never_without_news() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace { rests_until: start, is_stale: false };
        let mut written = 0;
        // Five reports a second, and twenty milliseconds for the file.
        for millis in (0..10_000).step_by(200) {
            pace.is_stale = true;
            if pace.is_due(at(millis)) {
                written += 1;
                pace.has_written(at(millis), at(millis + 20));
                assert!(!pace.is_due(at(60_000)), "there is no news");
            }
        }
        assert_eq!(written, 9);
        pace.is_stale = true;
        pace.has_written(at(10_000), at(20_000));
        pace.is_stale = true;
        assert!(!pace.is_due(at(29_999)) && pace.is_due(at(30_000)), "it is never older than it says");
    }
}
