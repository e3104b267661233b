//! A target that lacks what was delivered to it: emptied, deleted, or restored from a backup.

use std::sync::Arc;

use attendance_model::{AttendanceEvent, Capabilities, EventId, IdScheme, SinkErrorKind};

use crate::SyncError;
use crate::deliver::Delivery;
use crate::error::blocking;
use crate::ledger::SinkState;

/// Delivered events that are looked for; one where each costs money.
const LOOKED_FOR: usize = 5;
/// What is told of a target that lacks them all.
const LOST: &str =
    "none of the events that were delivered to it is there any more: it was emptied, lost, or restored from a backup";

impl Delivery {
    /// Looks for a few of the events that were delivered; says so when none of them is there.
    ///
    /// A poll without news asks no server. So it looks in a full run and before events go out, at a file of this machine in the
    /// first run of a process too, and where a look costs money in a full run alone. Once a target was found lost, it looks
    /// until the events are there again.
    pub(crate) async fn look_for_delivered(&self, sink: &SinkState) -> Result<Option<&'static str>, SyncError> {
        let (target, ledger, id) = (&self.sender.target, Arc::clone(&self.ledger), sink.id);
        let known = blocking("ledger", move || Ok(ledger.lost_through(id)?)).await?;
        let Capabilities { billed_lookup: billed, local, .. } = target.sink.capabilities();
        let by_itself = !billed && (sink.admitted > sink.delivered || (local && !target.is_checked()));
        if self.run.replay || !(known.is_some() || self.run.full || by_itself) {
            return Ok(None);
        }
        // What it was sent since a loss was found says nothing of what it lost.
        let mut state = *sink;
        state.delivered = known.unwrap_or(sink.delivered);
        let (ledger, most) = (Arc::clone(&self.ledger), if billed { 1 } else { LOOKED_FOR });
        let sample = blocking("ledger", move || Ok(ledger.delivered_sample(&state, most)?)).await?;
        // Where it cannot be told, what was found before holds.
        let found = if sample.is_empty() { Some(false) } else { self.is_lost(&sample).await };
        let lost = found.unwrap_or(known.is_some());
        let (ledger, through) = (Arc::clone(&self.ledger), lost.then_some(state.delivered));
        if through != known {
            blocking("ledger", move || Ok(ledger.set_lost_through(id, through)?)).await?;
        }
        if !lost {
            target.set_checked();
            return Ok(None);
        }
        Ok(Some(LOST))
    }

    /// Under neither scheme of ids is any of them there: those that went out before its ids were changed have the others.
    /// `None` where it cannot be told.
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

    /// `None` where it cannot be told; a write will say what is wrong.
    async fn any_stored(&self, sample: &[AttendanceEvent], scheme: IdScheme) -> Option<bool> {
        let ids: Vec<EventId> = sample.iter().map(|event| scheme.id_of(event)).collect();
        let answer = tokio::time::timeout(self.sender.options.sink_timeout, self.sender.target.sink.lookup(&ids)).await;
        match answer {
            Ok(Ok(stored)) => Some(stored.contains(&true)),
            // The table, file or collection itself is not there.
            Ok(Err(error)) if matches!(error.kind, SinkErrorKind::Missing | SinkErrorKind::Schema) => Some(false),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}
