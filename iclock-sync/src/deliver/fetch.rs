//! Reads the unsent events of a sink from the ledger, batch by batch.

use std::sync::Arc;

use super::flight::Batch;
use crate::error::blocking;
use crate::ledger::{EventReader, SinkState, Unsent};
use crate::{Ledger, SyncError};

/// Fetches unsent events in the sink's batches.
#[derive(Debug)]
pub(super) struct Fetcher {
    ledger: Arc<Ledger>,
    sink: SinkState,
    /// The start of the next batch; `None` after the last.
    next: Option<(EventReader, Unsent)>,
}

impl Fetcher {
    /// Begins with the oldest unsent event.
    pub(super) fn new(ledger: Arc<Ledger>, sink: SinkState) -> Self {
        Self { ledger, sink, next: Some((EventReader::default(), Unsent::Skipped(0))) }
    }

    /// Goes on with events that were admitted since.
    pub(super) fn go_on(&mut self, sink: SinkState) {
        // What was admitted before has been fetched.
        self.next.get_or_insert_with(|| (EventReader::default(), Unsent::Fresh(self.sink.admitted)));
        self.sink = sink;
    }

    /// Returns the next batch of at most `size` events, at least one; `None` after the last.
    pub(super) async fn next(&mut self, size: usize) -> Result<Option<Batch>, SyncError> {
        let Some((mut events, from)) = self.next.take() else { return Ok(None) };
        let (ledger, sink, size) = (Arc::clone(&self.ledger), self.sink, size.max(1));
        let (events, found) = blocking("ledger", move || {
            let found = ledger.unsent(&mut events, &sink, from, size)?;
            Ok((events, found))
        })
        .await?;
        Ok(found.map(|(page, next)| {
            self.next = Some((events, next));
            Batch::new(page, next)
        }))
    }
}
