//! The clearing of a terminal's log in the place of a run, or at its end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::open;
use super::reports::Gathered;
use crate::poll::clear::{ClearError, Cleared};
use crate::poll::clear_when::is_nearly_full;
use crate::poll::{Habits, Visit};
use crate::tasks::{Parts, Place, ServiceOptions, Shared};
use crate::{DeviceOptions, RunOptions};

/// Clears the log of a terminal that has this serial number.
pub(crate) async fn clear(
    parts: &Parts,
    device: &Arc<DeviceOptions>,
    serial: &str,
    mut place: Place,
    stop: CancellationToken,
) -> Result<Cleared, ClearError> {
    let ledger = open(&mut place, parts).await?;
    let options = ServiceOptions::once(RunOptions::default().full(true));
    let shared = Shared::open(parts, options, ledger, false, place).await?;
    let sinks = shared.settings().targets;
    Box::pin(visit(&shared, device, Habits::default(), stop).clear(serial, &sinks)).await
}

/// Clears the logs that a run has found nearly full, where that is configured.
pub(super) async fn clear_nearly_full(
    shared: &Shared,
    devices: &[Arc<DeviceOptions>],
    gathered: &mut Gathered,
    stop: &CancellationToken,
) {
    let sinks = shared.settings().targets;
    for device in devices {
        let Some(report) = gathered.device(&device.name).filter(|report| is_nearly_full(device, report)) else {
            continue;
        };
        let visit = visit(shared, device, Habits::default(), stop.clone());
        let outcome = match visit.may_clear().await {
            Ok(true) => visit.clear_nearly_full(&sinks).await,
            other => other.map(|_| None),
        };
        match outcome {
            Ok(Some(said)) => {
                tracing::warn!(terminal = %device.name, "{said}");
                report.notes.push(said);
            }
            Ok(None) => {}
            Err(error) => report.notes.push(format!("its log was not cleared: {}", error.explain())),
        }
    }
}

/// A visit that reads the whole log.
pub(super) fn visit(shared: &Shared, device: &Arc<DeviceOptions>, habits: Habits, stop: CancellationToken) -> Visit {
    let settings = shared.settings();
    Visit {
        device: Arc::clone(device),
        engine: settings.engine,
        dry_run: false,
        full: true,
        new_owners: false,
        ledger: Arc::clone(&shared.ledger),
        reader: Arc::clone(&shared.reader),
        intake: settings.intake,
        clock: Arc::clone(&shared.clock),
        observer: Arc::clone(&shared.observer),
        random: Arc::clone(&shared.random),
        gates: Arc::clone(&shared.gates),
        stop,
        peers: settings.terminals,
        habits,
    }
}
