//! The clearing of one terminal's log, in the place of a run.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Place, ServiceOptions, Shared, open};
use crate::engine::Parts;
use crate::poll::clear::{ClearError, Cleared};
use crate::poll::{Habits, Visit};
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
    let settings = shared.settings();
    let visit = Visit {
        device: Arc::clone(device),
        engine: settings.engine,
        dry_run: false,
        full: true,
        ledger: Arc::clone(&shared.ledger),
        reader: Arc::clone(&shared.reader),
        intake: settings.intake,
        clock: Arc::clone(&shared.clock),
        observer: Arc::clone(&shared.observer),
        gates: Arc::clone(&shared.gates),
        stop,
        peers: settings.terminals,
        habits: Habits::default(),
    };
    let sinks: Vec<(String, String)> =
        parts.targets.iter().map(|target| (target.sink.target(), target.sink.name().to_owned())).collect();
    Box::pin(visit.clear(serial, &sinks)).await
}
