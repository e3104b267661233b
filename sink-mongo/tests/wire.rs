//! A wire to the server of `MONGODB_URI` that is cut, paused and reset.

mod common;

use attendance_model::conformance::{Direction, Fault, Proxy, View, sample, skipped};
use attendance_model::{Outcome, Sink, SinkErrorKind};
use common::{drop_collection, open, place, server, stored, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_cut_anywhere_is_completed_by_another_and_nothing_is_called_stored_that_is_not() {
    if skipped(server().err()) {
        return;
    }
    let (uri, collection) = (server().unwrap(), unique());
    let proxy = Proxy::start(place(&uri)).await.unwrap();
    let through = uri.replace(place(&uri), &proxy.address());
    let sink = open(&through, &format!("collection={collection}&timeout=5s"));
    sink.probe().await.unwrap();
    let events = sample(16 * 200);
    let offsets = [0, 1, 15, 16, 100, 4_000, 30_000, 60_000];
    let places = [Direction::ToServer, Direction::ToClient].into_iter().flat_map(|way| offsets.map(|at| (way, at)));
    for (batch, (direction, bytes)) in events.chunks(200).zip(places) {
        // What goes over the open connections is counted from now.
        proxy.set(Fault::CutAfter { bytes, direction });
        let first = sink.write(batch).await;
        let there = stored(&collection).await;
        if let Ok(outcomes) = &first {
            assert_eq!(outcomes.len(), 200);
            assert!(
                batch.iter().all(|event| there.contains(&View::full(event))),
                "called stored: {direction:?} {bytes}"
            );
        } else {
            assert!(first.unwrap_err().is_transient());
        }
        proxy.heal();
        let outcomes = sink.write(batch).await.unwrap();
        for (event, outcome) in batch.iter().zip(outcomes) {
            let was_there = there.contains(&View::full(event));
            // What was not there when we looked may have been on its way still; what was there is never called new.
            assert!(outcome == Outcome::AlreadyStored || (outcome == Outcome::Stored && !was_there), "{outcome:?}");
        }
    }
    let (mut sent, mut there): (Vec<View>, _) = (events.iter().map(View::full).collect(), stored(&collection).await);
    sent.sort();
    there.sort();
    assert_eq!(there, sent);
    drop_collection(&collection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_at_the_time_out_and_afterwards_all_goes_on() {
    if skipped(server().err()) {
        return;
    }
    let (uri, collection) = (server().unwrap(), unique());
    let proxy = Proxy::start(place(&uri)).await.unwrap();
    let through = uri.replace(place(&uri), &proxy.address());
    let sink = open(&through, &format!("collection={collection}&timeout=2s"));
    sink.probe().await.unwrap();
    proxy.set(Fault::Pause);
    let error = sink.write(&sample(3)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::TimedOut, "{error:?}");
    proxy.heal();
    // What was on its way may have arrived.
    let outcomes = sink.write(&sample(3)).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored | Outcome::AlreadyStored)));
    assert_eq!(stored(&collection).await.len(), 3);
    proxy.set(Fault::ResetAfter { bytes: 0, direction: Direction::ToClient });
    assert!(sink.write(&sample(5)).await.unwrap_err().is_transient());
    proxy.set(Fault::Delay(std::time::Duration::from_millis(20)));
    sink.write(&sample(5)).await.unwrap();
    assert_eq!(stored(&collection).await.len(), 5);
    drop_collection(&collection).await;
}
