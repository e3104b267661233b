//! The runs and the services of an engine: each takes the engine's place at its ledger.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::clear::clear;
use super::once::Once;
use super::{Service, ServiceOptions};
use crate::engine::wrong;
use crate::error::fault;
use crate::query::Query;
use crate::report::Report;
use crate::{ClearError, Cleared, Contact, Engine, RunOptions, SyncError};

impl Engine {
    /// Runs once: reads every terminal and serves every sink. Ends early, but clean, when `stop` is cancelled or the
    /// future is dropped. A second run waits for the first.
    ///
    /// # Errors
    /// [`SyncError`] when the state directory cannot be used. A failure of a terminal or a sink is in the report.
    pub async fn run(&self, options: &RunOptions, stop: &CancellationToken) -> Result<Report, SyncError> {
        self.run_once(options, true, stop).await
    }

    async fn run_once(
        &self,
        options: &RunOptions,
        clears: bool,
        stop: &CancellationToken,
    ) -> Result<Report, SyncError> {
        let place = Arc::clone(&self.ledger).lock_owned().await;
        let stop = stop.child_token();
        let stop_on_drop = stop.clone().drop_guard();
        let (parts, options, presumed) = (self.parts.clone(), options.clone(), self.presumed.clone());
        let run = Once { parts, options, presumed, clears, place, stop };
        let report = tokio::spawn(run.run()).await.map_err(|error| fault("run", error))?;
        stop_on_drop.disarm();
        report
    }

    /// Reads each terminal's whole log, with proof as in a run, and returns the report and a place to ask for the
    /// events. Nothing is kept or sent, and the state directory is neither read nor changed: the events are in a
    /// throw-away ledger, which ends with the [`Query`]. A log that cannot be proven has none.
    ///
    /// # Errors
    /// [`SyncError`] when the throw-away ledger cannot be made or written. A failure of a terminal is in the report.
    pub async fn look(&self, stop: &CancellationToken) -> Result<(Report, Query), SyncError> {
        let stop = stop.child_token();
        let stop_on_drop = stop.clone().drop_guard();
        // It has no part in the ledger, and waits for no run.
        let place = Arc::new(Mutex::new(None)).lock_owned().await;
        let options = RunOptions::default();
        let once = Once { parts: self.parts.clone(), options, presumed: Vec::new(), clears: false, place, stop };
        let looked = tokio::spawn(once.look()).await.map_err(|error| fault("run", error))?;
        stop_on_drop.disarm();
        looked.map(|(report, ledger)| (report, Query::of(ledger)))
    }

    /// Starts a service, which polls and delivers until it is stopped, or until `stop` is cancelled.
    ///
    /// # Errors
    /// [`SyncError`] when the state directory cannot be used, or a run or a service of this engine is under way.
    pub async fn start(&self, options: ServiceOptions, stop: &CancellationToken) -> Result<Service, SyncError> {
        let place = Arc::clone(&self.ledger).try_lock_owned();
        let place = place.map_err(|_| wrong("engine".to_owned(), "is running already"))?;
        Service::start(&self.parts, options, place, stop.child_token()).await
    }

    /// Runs once with these options, and then clears the log of a terminal: deletes its records, which cannot be
    /// brought back. It does so only if the terminal has this serial number, its whole log is proven and each record is
    /// in the ledger or in the quarantine, each sink of the engine has all events of the terminal, and nobody punched
    /// meanwhile. Before, the log is written to a file in the state directory. Nobody can use the terminal while this
    /// goes on.
    ///
    /// # Errors
    /// [`ClearError::Unconfirmed`] if the terminal was asked and did not confirm it. After any other error the log is
    /// as it was.
    pub async fn clear(
        &self,
        terminal: &str,
        serial: &str,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<Cleared, ClearError> {
        let Some(device) = self.parts.devices.iter().find(|device| device.name == terminal) else {
            return Err(wrong(format!("device {terminal}"), "is not configured").into());
        };
        if device.contact == Contact::Push {
            return Err(wrong(format!("device {terminal}"), "is never called, so its log cannot be cleared").into());
        }
        let report = self.run_once(options, false, stop).await?;
        let mut reasons = Vec::new();
        for of_device in report.devices.iter().filter(|report| report.name == terminal) {
            if let Some(error) = &of_device.error {
                reasons.push(format!("it could not be read: {error}"));
            }
        }
        for sink in &report.sinks {
            if let Some(error) = &sink.error {
                reasons.push(format!("{}: {error}", sink.name));
            }
        }
        if !reasons.is_empty() {
            return Err(ClearError::Refused { reasons });
        }
        let place = Arc::clone(&self.ledger).lock_owned().await;
        Box::pin(clear(&self.parts, device, serial, place, stop.child_token())).await
    }
}
