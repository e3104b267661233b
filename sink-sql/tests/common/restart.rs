//! A server that is stopped again and again while events are written to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use attendance_model::conformance::sample;
use attendance_model::{EventId, Outcome, Sink};

use crate::own_server::{End, OwnServer};

pub(crate) const EVENTS: usize = 6_000;

/// Writes [`EVENTS`] events in small batches while the server ends four times, by request and by a kill, and comes
/// back. What was called stored before the last end is there after it, and in the end everything is.
pub(crate) async fn writes_through_restarts(mut server: OwnServer, sink: &dyn Sink) -> OwnServer {
    let events = sample(EVENTS);
    while sink.probe().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let over = Arc::new(AtomicBool::new(false));
    let writing = async {
        let mut failures = 0;
        for batch in events.chunks(100) {
            loop {
                match sink.write(batch).await {
                    Ok(outcomes) => {
                        assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Rejected { .. })));
                        break;
                    }
                    Err(error) => {
                        assert!(error.is_transient(), "{error:?}");
                        failures += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
            // What was said to be stored is there, also right after a restart.
            let ids: Vec<EventId> = batch.iter().map(|event| event.id).collect();
            while let Err(error) = check(sink, &ids).await {
                assert!(error.is_transient(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if !over.load(Ordering::SeqCst) {
                // Slow enough that every end of the server meets a write.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        failures
    };
    let ends = Arc::clone(&over);
    let restarting = tokio::task::spawn_blocking(move || {
        for end in [End::Asked, End::Killed, End::Killed, End::Asked] {
            std::thread::sleep(Duration::from_millis(400));
            server.stop(end);
            server.start();
        }
        ends.store(true, Ordering::SeqCst);
        server
    });
    let both = async { tokio::join!(writing, restarting) };
    let (failures, server) = tokio::time::timeout(Duration::from_secs(120), both).await.expect("the server comes back");
    assert!(failures > 0, "no write met a server that was away");
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    for ids in ids.chunks(1_000) {
        check(sink, ids).await.unwrap();
    }
    server.unwrap()
}

async fn check(sink: &dyn Sink, ids: &[EventId]) -> Result<(), attendance_model::SinkError> {
    let found = sink.lookup(ids).await?;
    assert!(found.iter().all(|found| *found), "an event that was called stored is not there");
    Ok(())
}
