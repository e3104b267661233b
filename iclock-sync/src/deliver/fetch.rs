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

#[cfg(test)]
mod tests {
    use attendance_model::IdScheme;

    use super::*;
    use crate::Window;
    use crate::ledger::Admission;
    use crate::ledger::sample::enter;

    fn admit(ledger: &Ledger) -> SinkState {
        let window = Window::default();
        let admission = Admission { target: "memory:db", name: "db", ids: IdScheme::Full, window, max_new: None };
        ledger.admit(&admission).unwrap().sink
    }

    async fn all(fetcher: &mut Fetcher) -> usize {
        let mut events = 0;
        while let Some(batch) = fetcher.next(4).await.unwrap() {
            events += batch.events.len();
        }
        events
    }

    #[tokio::test]
    async fn events_admitted_after_the_last_batch_are_fetched_once() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
        enter(&ledger, 10);
        let mut fetcher = Fetcher::new(Arc::clone(&ledger), admit(&ledger));
        assert_eq!(all(&mut fetcher).await, 10);
        fetcher.go_on(admit(&ledger));
        assert_eq!(all(&mut fetcher).await, 0);
        enter(&ledger, 7);
        fetcher.go_on(admit(&ledger));
        assert_eq!(all(&mut fetcher).await, 7);
    }

    #[tokio::test]
    async fn events_admitted_before_the_last_batch_follow_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
        enter(&ledger, 10);
        let mut fetcher = Fetcher::new(Arc::clone(&ledger), admit(&ledger));
        assert_eq!(fetcher.next(4).await.unwrap().unwrap().events.len(), 4);
        enter(&ledger, 7);
        fetcher.go_on(admit(&ledger));
        assert_eq!(all(&mut fetcher).await, 13);
    }
}
