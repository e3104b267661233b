//! Documents per second into the emulator, by batch and by batches at once. Not a forecast for the real service.

use std::sync::Arc;
use std::time::Instant;

use attendance_model::Sink;
use attendance_model::conformance::sample;
use sink_firestore::{FirestoreOptions, FirestoreSink};

const EVENTS: usize = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(address) = std::env::var("FIRESTORE_EMULATOR_HOST") else {
        println!("skipped: Firestore emulator (set FIRESTORE_EMULATOR_HOST)");
        return Ok(());
    };
    let events = Arc::new(sample(EVENTS));
    println!("batch  at once  documents/s");
    for batch in [100, 250, 500] {
        for at_once in [1, 4, 8] {
            let collection = format!("bench-{}-{batch}-{at_once}", std::process::id());
            let options = FirestoreOptions::new("bench", "sink-bench", &collection)?.emulator(&address)?;
            let sink = Arc::new(FirestoreSink::open(options)?);
            sink.probe().await?;
            let began = Instant::now();
            let writers: Vec<_> = (0..at_once)
                .map(|writer| {
                    let (sink, events) = (Arc::clone(&sink), Arc::clone(&events));
                    tokio::spawn(async move {
                        for batch in events.chunks(batch).skip(writer).step_by(at_once) {
                            sink.write(batch).await?;
                        }
                        Ok::<_, attendance_model::SinkError>(())
                    })
                })
                .collect();
            for writer in writers {
                writer.await??;
            }
            println!("{batch:>5}  {at_once:>7}  {:>11.0}", EVENTS as f64 / began.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
