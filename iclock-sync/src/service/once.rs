//! A run: the service polls each terminal once, delivers what there is, and ends.

use std::sync::Arc;

use attendance_model::EventId;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::clear::clear_nearly_full;
use super::crew::Crew;
use super::part::Trouble;
use super::reports::Gathered;
use super::{judge_again, open};
use crate::deliver::task::delivery;
use crate::error::blocking;
use crate::ledger::News;
use crate::report::Report;
use crate::tasks::{Parts, Place, ServiceOptions, Shared, Told};
use crate::{Ledger, RunOptions, SyncError};

/// One run.
#[derive(Debug)]
pub(crate) struct Once {
    pub(crate) parts: Parts,
    pub(crate) options: RunOptions,
    /// Ids that a dry run takes for imported: target, name, ids.
    pub(crate) presumed: Vec<(String, String, Vec<EventId>)>,
    /// Clears the logs that are nearly full, where that is configured.
    pub(crate) clears: bool,
    pub(crate) place: Place,
    /// Ends this run alone.
    pub(crate) stop: CancellationToken,
}

impl Once {
    /// Runs.
    ///
    /// # Errors
    /// When the state directory cannot be used.
    pub(crate) async fn run(mut self) -> Result<Report, SyncError> {
        let ledger = if self.options.dry_run {
            scratch(&self.parts, std::mem::take(&mut self.presumed)).await?
        } else {
            open(&mut self.place, &self.parts).await?
        };
        self.run_on(ledger).await
    }

    /// Runs with a throw-away ledger that is empty, and returns it with what the terminals had. Keeps and sends
    /// nothing.
    ///
    /// # Errors
    /// When there is no room for it.
    pub(crate) async fn look(mut self) -> Result<(Report, Arc<Ledger>), SyncError> {
        self.options = RunOptions::default().dry_run(true).full(true).deliver(false);
        let ledger = Arc::new(blocking("ledger", || Ok(Ledger::empty()?)).await?);
        let report = self.run_on(Arc::clone(&ledger)).await?;
        Ok((report, ledger))
    }

    async fn run_on(self, ledger: Arc<Ledger>) -> Result<Report, SyncError> {
        let Self { parts, options, clears, place, stop, .. } = self;
        let RunOptions { dry_run, deliver, replay, .. } = options;
        let shared = Shared::open(&parts, ServiceOptions::once(options), ledger, dry_run, place).await?;
        let shared = Arc::new(shared);
        let mut gathered = Gathered::begin(&shared);
        gathered.add(Told::Released(judge_again(&shared, &parts.devices).await?));
        let (told, mut results) = mpsc::unbounded_channel();
        let trouble = Trouble::new(stop.clone());
        let mut crew = Crew::new(Arc::clone(&shared), told, trouble.clone(), stop.clone(), true);
        if deliver && !dry_run {
            parts.targets.iter().for_each(|target| crew.add_sink(target));
        }
        parts.devices.iter().for_each(|device| crew.add_terminal(device));
        crew.terminals_ended().await;
        shared.news.send_modify(|news| news.over = true);
        crew.sinks_ended().await;
        drop(crew);
        trouble.take()?;
        while let Some(result) = results.recv().await {
            gathered.add(result);
        }
        if deliver && dry_run {
            let (_, over) = watch::channel(News { over: true, ..News::default() });
            for target in &parts.targets {
                let delivery = delivery(target, &shared, true, stop.clone(), over.clone());
                gathered.add(Told::Took(Box::new(delivery.rehearse().await?)));
            }
        }
        if clears && deliver && !dry_run && !replay && !stop.is_cancelled() {
            clear_nearly_full(&shared, &parts.devices, &mut gathered, &stop).await;
        }
        let mut report = gathered.into_report(&shared);
        report.run.dry_run = dry_run;
        if dry_run {
            return Ok(report);
        }
        // A warning says if it is not complete.
        let _ = shared.complete_audit().await?;
        let ledger = Arc::clone(&shared.ledger);
        blocking("ledger", move || {
            ledger.add_run(&report)?;
            Ok(report)
        })
        .await
    }
}

/// A throw-away copy of the ledger, in which the presumed ids count as delivered.
async fn scratch(parts: &Parts, presumed: Vec<(String, String, Vec<EventId>)>) -> Result<Arc<Ledger>, SyncError> {
    let dir = parts.state_dir.clone();
    blocking("ledger", move || {
        let ledger = Ledger::scratch(&dir)?;
        for (target, name, ids) in presumed {
            ledger.import_ids(&target, &name, ids)?;
        }
        Ok(Arc::new(ledger))
    })
    .await
}
