//! 100,000 new events through the sink, by batch and by writes at once, against the fastest insert by hand; and the
//! memory of a process that writes 1,000,000. `MONGODB_URI` names the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attendance_model::conformance::{sample, sample_range};
use attendance_model::{AttendanceEvent, Settings, Sink};
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};
use mongodb::{Client, Collection};
use sink_mongo::{MongoOptions, MongoSink};

const EVENTS: usize = 100_000;
const ROUNDS: usize = 3;
/// The ways in which the hand-written insert is tried: documents per insert, inserts at once.
const WAYS: [(usize, usize); 6] = [(500, 1), (1_000, 1), (5_000, 1), (500, 4), (1_000, 4), (5_000, 4)];

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Ok(uri) = std::env::var("MONGODB_URI") else {
        println!("skipped: MONGODB_URI is not set");
        return Ok(());
    };
    if std::env::args().any(|argument| argument == "--memory") {
        return memory(&uri).await;
    }
    let events = Arc::new(sample(EVENTS));
    let mut hand = [Duration::MAX; WAYS.len()];
    let mut sink = [Duration::MAX; WAYS.len()];
    for _ in 0..ROUNDS {
        for (way, (batch, at_once)) in WAYS.into_iter().enumerate() {
            hand[way] = hand[way].min(by_hand(&uri, &events, batch, at_once).await?);
            sink[way] = sink[way].min(by_sink(&uri, &events, batch.min(1_000), at_once).await?);
        }
    }
    println!("batch  at once  by hand, events/s  the sink, events/s");
    for (way, (batch, at_once)) in WAYS.into_iter().enumerate() {
        println!("{batch:>5}  {at_once:>7}  {:>17.0}  {:>18.0}", rate(hand[way]), rate(sink[way]));
    }
    // The sink as an engine calls it, in its own batches and as many at once as it says: 1,000 and 4.
    let (fastest, own) = (hand.into_iter().min().unwrap_or_default(), sink[4]);
    println!("ratio to the fastest by hand: {:.2}", fastest.as_secs_f64() / own.as_secs_f64());
    // Its peak is read in a process that has done nothing else.
    let child = std::process::Command::new(std::env::current_exe()?).arg("--memory").status()?;
    if child.success() { Ok(()) } else { Err("the process whose memory is measured failed".into()) }
}

fn rate(took: Duration) -> f64 {
    EVENTS as f64 / took.as_secs_f64()
}

/// An empty collection with the sink's indexes.
async fn fresh(uri: &str) -> Result<(MongoSink, Collection<Document>), Failure> {
    let client = Client::with_uri_str(uri).await?;
    let collection = client.default_database().ok_or("the URI names no database")?.collection("bench");
    let settings = Settings::new([("collection".to_owned(), "bench".to_owned())]);
    let sink = MongoSink::open(MongoOptions::parse("bench", uri, settings)?);
    // Made, so that it can be dropped, and made again.
    sink.probe().await?;
    collection.drop().await?;
    sink.probe().await?;
    Ok((sink, collection))
}

async fn by_sink(
    uri: &str,
    events: &Arc<Vec<AttendanceEvent>>,
    batch: usize,
    at_once: usize,
) -> Result<Duration, Failure> {
    let (sink, _) = fresh(uri).await?;
    let sink = Arc::new(sink);
    let write = move |events: Arc<Vec<AttendanceEvent>>, range: std::ops::Range<usize>| {
        let sink = Arc::clone(&sink);
        async move { Ok(sink.write(&events[range]).await.map(drop)?) }
    };
    timed(events, batch, at_once, write).await
}

/// The same documents, the same write concern, and an outcome for each: the errors of an unordered insert name the
/// others.
async fn by_hand(
    uri: &str,
    events: &Arc<Vec<AttendanceEvent>>,
    batch: usize,
    at_once: usize,
) -> Result<Duration, Failure> {
    let (_, collection) = fresh(uri).await?;
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let write = move |events: Arc<Vec<AttendanceEvent>>, range: std::ops::Range<usize>| {
        let (collection, concern) = (collection.clone(), concern.clone());
        async move {
            let documents: Vec<Document> = events[range].iter().map(document).collect();
            collection.insert_many(documents).ordered(false).write_concern(concern).await?;
            Ok(())
        }
    };
    timed(events, batch, at_once, write).await
}

fn document(event: &AttendanceEvent) -> Document {
    let binary =
        mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes: event.raw.clone() };
    doc! {
        "_id": event.id.to_string(),
        "device_serial": &event.device_serial,
        "device_name": &event.device_name,
        "user_id": &event.user_id,
        "local_time": event.local_time.to_string(),
        "utc_time": null,
        "zone": null,
        "verify_mode": i32::from(event.verify_mode.0),
        "punch_state": i32::from(event.punch_state.0),
        "work_code": null,
        "source": "pull",
        "flags": "",
        "clock_drift_ms": event.clock_drift_ms,
        "raw": binary,
        "stored_at": mongodb::bson::DateTime::now(),
    }
}

async fn timed<F>(
    events: &Arc<Vec<AttendanceEvent>>,
    batch: usize,
    at_once: usize,
    write: impl Fn(Arc<Vec<AttendanceEvent>>, std::ops::Range<usize>) -> F + Clone + Send + 'static,
) -> Result<Duration, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send,
{
    let began = Instant::now();
    let writers: Vec<_> = (0..at_once)
        .map(|writer| {
            let (events, write) = (Arc::clone(events), write.clone());
            tokio::spawn(async move {
                for start in (writer * batch..events.len()).step_by(at_once * batch) {
                    write(Arc::clone(&events), start..(start + batch).min(events.len())).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    Ok(began.elapsed())
}

/// Writes 1,000,000 events batch by batch, and prints the process's peak on the way.
async fn memory(uri: &str) -> Result<(), Failure> {
    let (sink, _) = fresh(uri).await?;
    let batch = sink.capabilities().batch;
    for number in 0..1_000_000 / batch {
        let events = sample_range(number * batch..(number + 1) * batch);
        sink.write(&events).await?;
        let written = (number + 1) * batch;
        if written == 200_000 || written == 1_000_000 {
            println!("peak memory after {written} events: {}", peak()?);
        }
    }
    Ok(())
}

fn peak() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().to_owned())
}
