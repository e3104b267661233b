//! Finds a target that has lost what was delivered to it: emptied, deleted, or restored from a backup.

use std::sync::Arc;

use attendance_model::{AttendanceEvent, Capabilities, EventId, IdScheme, SinkErrorKind};

use crate::SyncError;
use crate::deliver::Delivery;
use crate::deliver::send::NoAnswer;
use crate::error::blocking;
use crate::ledger::SinkState;

/// Delivered events that are looked for; only one if each costs money.
const LOOKED_FOR: usize = 5;
/// The report's words for a target that has none of them.
const LOST: &str =
    "none of the events that were delivered to it is there any more: it was emptied, lost, or restored from a backup";

impl Delivery {
    /// Looks for a few delivered events, and returns a sentence if none of them is there.
    ///
    /// A poll without news must not call a server. So this looks in a full run and before events go out; at a local
    /// file also in the first run of a process. If a look costs money, it looks only in a full run. After a loss it
    /// looks until the events are there again. A target that cannot tell what it has is never asked.
    pub(crate) async fn look_for_delivered(&self, sink: &SinkState) -> Result<Option<&'static str>, SyncError> {
        let (target, ledger, id) = (&self.sender.target, Arc::clone(&self.ledger), sink.id);
        let known = blocking("ledger", move || Ok(ledger.lost_through(id)?)).await?;
        let Capabilities { looks_up, billed_lookup: billed, local, .. } = target.sink.capabilities();
        let by_itself = !billed && (sink.admitted > sink.delivered || (local && !target.is_checked()));
        if !looks_up || self.run.replay || !(known.is_some() || self.run.full || by_itself) {
            return Ok(None);
        }
        // Events that it was sent since the loss was found do not show if the lost ones are back.
        let mut state = *sink;
        state.delivered = known.unwrap_or(sink.delivered);
        let (ledger, most) = (Arc::clone(&self.ledger), if billed { 1 } else { LOOKED_FOR });
        let sample = blocking("ledger", move || Ok(ledger.delivered_sample(&state, most)?)).await?;
        // If it cannot be found out, the earlier finding stays.
        let found = if sample.is_empty() { Some(false) } else { self.is_lost(&sample).await };
        let lost = found.unwrap_or(known.is_some());
        let (ledger, through) = (Arc::clone(&self.ledger), lost.then_some(state.delivered));
        if through != known {
            blocking("ledger", move || Ok(ledger.set_lost_through(id, through)?)).await?;
        }
        if !lost {
            target.set_checked(self.sender.clock.monotonic());
            return Ok(None);
        }
        Ok(Some(LOST))
    }

    /// Returns true if none of them is there under either scheme of ids: those delivered before a change of ids have
    /// the other one. `None` if it cannot be found out.
    async fn is_lost(&self, sample: &[AttendanceEvent]) -> Option<bool> {
        let ids = self.sender.target.sink.capabilities().ids;
        let other = if ids == IdScheme::Full { IdScheme::IclockSyncV1 } else { IdScheme::Full };
        for scheme in [ids, other] {
            if self.any_stored(sample, scheme).await? {
                return Some(false);
            }
        }
        Some(true)
    }

    /// `None` if it cannot be found out; a write will report the reason.
    async fn any_stored(&self, sample: &[AttendanceEvent], scheme: IdScheme) -> Option<bool> {
        let ids: Vec<EventId> = sample.iter().map(|event| scheme.id_of(event)).collect();
        match self.sender.lookup(&ids).await {
            Ok(stored) => Some(stored.contains(&true)),
            // The table, file or collection itself is not there.
            Err(NoAnswer::Failed(error)) if matches!(error.kind, SinkErrorKind::Missing | SinkErrorKind::Schema) => {
                Some(false)
            }
            Err(_) => None,
        }
    }
}
