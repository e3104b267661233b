//! The events as they enter: read once, and passed on to all who listen.

use std::sync::Arc;
use std::time::Duration;

use attendance_model::AttendanceEvent;
use bytes::Bytes;
use iclock_sync::ledger::Commits;
use iclock_sync::query::Query;
use iclock_sync::{LedgerError, chain};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::api::Event;

/// Events that are kept for a slow listener. One that is slower reads the ledger.
const KEPT: usize = 1_024;
/// Events that are read at once.
pub(crate) const PAGE: usize = 500;
/// The least time between two readings. Each wakes every listener: with 200 of them, 50 punches a second would slow the
/// intake, one by one.
const PACE: Duration = Duration::from_millis(100);
/// The wait after the ledger could not be read.
const WAIT: Duration = Duration::from_secs(1);

/// An event, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Its number in the ledger.
    pub(crate) number: i64,
    /// `id`, `event` and `data`, as server-sent events have them.
    pub(crate) text: Bytes,
}

/// The events as they enter.
#[derive(Debug)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Sent>,
    task: JoinHandle<()>,
}

impl Feed {
    /// Begins with what enters from now on.
    pub(crate) fn start(query: Arc<Query>, commits: Commits) -> Result<Self, LedgerError> {
        let (sender, _) = broadcast::channel(KEPT);
        let after = query.last_entered()?;
        let task = tokio::spawn(pass_on(query, commits, sender.clone(), after));
        Ok(Self { sender, task })
    }

    /// The events from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Sent> {
        self.sender.subscribe()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sent {
    pub(crate) fn new(number: i64, event: &AttendanceEvent) -> Self {
        // A line feed in a text is written as `\n` in JSON.
        let json = serde_json::to_string(&Event::new(event)).unwrap_or_default();
        Self { number, text: Bytes::from(format!("id: {number}\nevent: punch\ndata: {json}\n\n")) }
    }
}

async fn pass_on(query: Arc<Query>, mut commits: Commits, sender: broadcast::Sender<Sent>, mut after: i64) {
    while commits.next().await.is_some() {
        loop {
            let (reader, listeners, from) = (Arc::clone(&query), sender.clone(), after);
            let read = tokio::task::spawn_blocking(move || next(&reader, &listeners, from));
            let Ok(read) = read.await else { return };
            match read {
                Ok((last, sent)) => {
                    let more = sent.len() == PAGE;
                    after = last;
                    for one in sent {
                        // The last listener may have left.
                        let _ = sender.send(one);
                    }
                    if !more {
                        sleep(PACE).await;
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!("new events could not be read, and are read again: {}", chain(&error));
                    sleep(WAIT).await;
                }
            }
        }
    }
}

/// Reads the next events. Returns the number of the last one, too.
fn next(query: &Query, listeners: &broadcast::Sender<Sent>, after: i64) -> Result<(i64, Vec<Sent>), LedgerError> {
    // In this order: who listens from now on finds those events in the ledger.
    let last = query.last_entered()?;
    if listeners.receiver_count() == 0 {
        return Ok((last, Vec::new()));
    }
    let events = query.all_entered(after, PAGE)?;
    let last = events.last().map_or(after, |(number, _)| *number);
    Ok((last, events.iter().map(|(number, event)| Sent::new(*number, event)).collect()))
}
