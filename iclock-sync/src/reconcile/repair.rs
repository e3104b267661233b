//! The comparison of an engine's terminals and sinks, and the repair of what it found.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{ReconcileOptions, Reconciliation, compare};
use crate::report::Report;
use crate::{Engine, RunOptions, SyncError};

impl Engine {
    /// Compares the terminals' logs with the ledger, and the ledger with the sinks, by day. It changes nothing, and may
    /// go on next to a service that writes the ledger.
    ///
    /// # Errors
    /// [`SyncError`] when there is no ledger, or it cannot be read. A failure of a terminal or a sink is in the result.
    pub async fn reconcile(
        &self,
        options: &ReconcileOptions,
        stop: &CancellationToken,
    ) -> Result<Reconciliation, SyncError> {
        compare(&self.parts, options, &stop.child_token()).await
    }

    /// Sends again what a comparison found missing: makes those events pending for the sinks that do not have them, and
    /// runs with these options, which delivers them. Terminals with records that the ledger does not have are read
    /// whole; the others are not contacted.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn repair(
        &self,
        found: &Reconciliation,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<Report, SyncError> {
        let mut place = Arc::clone(&self.ledger).lock_owned().await;
        let ledger = crate::service::open(&mut place, &self.parts).await?;
        drop(place);
        found.resend(&ledger).await?;
        drop(ledger);
        let mut parts = self.parts.clone();
        parts.devices.retain(|device| found.has_lost_records_of(&device.name));
        let repairing = Self { parts, presumed: Vec::new(), ledger: Arc::clone(&self.ledger) };
        Box::pin(repairing.run(&options.clone().full(true).replay(true), stop)).await
    }
}
