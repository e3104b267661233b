//! Documents per second into the emulator: by batch and by batches at once, next to an insert by hand, and the peak of
//! memory by the number of events. Not a forecast for the real service.

use std::error::Error;
use std::future::Future;
use std::sync::Mutex;
use std::time::Instant;

use attendance_model::conformance::sample;
use attendance_model::{AttendanceEvent, IdScheme, Outcome, Sink};
use sink_firestore::{FirestoreOptions, FirestoreSink};

mod by_hand;

const PROJECT: &str = "sink-bench";
/// Events of one run of the table, and runs.
const EVENTS: usize = 10_000;
const RUNS: usize = 3;
/// Turns next to the insert by hand, and events in one.
const TURNS: usize = 60;
const TURN: usize = 2000;
/// Set in the process whose memory is measured, to the number of events that it writes.
const MEMORY: &str = "SINK_FIRESTORE_BENCH_MEMORY";

type Answer<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Answer<()> {
    let Ok(address) = std::env::var("FIRESTORE_EMULATOR_HOST") else {
        println!("skipped: Firestore emulator (set FIRESTORE_EMULATOR_HOST)");
        return Ok(());
    };
    if let Ok(events) = std::env::var(MEMORY) {
        return write_and_tell_memory(&address, events.parse()?).await;
    }
    // `cargo bench -- memory 200000 1000000` measures memory alone: the emulator needs some 4 GB for a million
    // documents.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let Some(("memory", counts)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return counts.iter().try_for_each(|count| memory_of_a_process(count));
    }
    table(&address).await?;
    beside_an_insert_by_hand(&address).await
}

/// The best of some runs: the emulator stops now and then to collect its garbage.
async fn table(address: &str) -> Answer<()> {
    let events = sample(EVENTS);
    println!("batch  at once  documents/s");
    for batch in [100, 250, 500] {
        for at_once in [1, 4, 8, 16] {
            let mut best = 0.0_f64;
            for run in 0..RUNS {
                let sink = open(address, &format!("table-{batch}-{at_once}-{run}"))?;
                sink.probe().await?;
                let began = Instant::now();
                side_by_side(at_once, events.chunks(batch), async |batch| write(&sink, batch).await).await?;
                best = best.max(EVENTS as f64 / began.elapsed().as_secs_f64());
            }
            println!("{batch:>5}  {at_once:>7}  {best:>11.0}");
        }
    }
    Ok(())
}

/// Four batches of 500 at once, then as many by hand, and so on by turns: the middle of the ratios, which a pause of
/// the emulator in one of them does not move.
async fn beside_an_insert_by_hand(address: &str) -> Answer<()> {
    let events = sample(TURNS * TURN);
    let sink = open(address, "sink")?;
    sink.probe().await?;
    let client = by_hand::Client::connect(address, PROJECT, &collection("hand")).await?;
    let mut ratios = Vec::with_capacity(TURNS);
    for turn in events.chunks(TURN) {
        let began = Instant::now();
        side_by_side(4, turn.chunks(500), async |batch| write(&sink, batch).await).await?;
        let of_sink = began.elapsed();
        let began = Instant::now();
        side_by_side(4, turn.chunks(500), async |batch| client.insert(batch).await).await?;
        ratios.push(began.elapsed().as_secs_f64() / of_sink.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let [low, middle, high] = [TURNS / 4, TURNS / 2, TURNS * 3 / 4].map(|place| ratios[place]);
    println!("{middle:.2} x the insert by hand, half of {TURNS} turns between {low:.2} and {high:.2}");
    Ok(())
}

fn memory_of_a_process(count: &str) -> Answer<()> {
    let status = std::process::Command::new(std::env::current_exe()?).env(MEMORY, count).status()?;
    if status.success() { Ok(()) } else { Err("the measured process failed".into()) }
}

/// Writes so many events, made as they are written, and prints the process's high-water mark.
async fn write_and_tell_memory(address: &str, count: usize) -> Answer<()> {
    let sink = open(address, &format!("memory-{count}"))?;
    sink.probe().await?;
    let one = sample(1).remove(0);
    let batches = (0..count).step_by(500).map(|first| {
        let last = (first + 500).min(count);
        (first..last).map(|number| numbered(&one, number)).collect::<Vec<AttendanceEvent>>()
    });
    let began = Instant::now();
    side_by_side(4, batches, async |batch| write(&sink, &batch).await).await?;
    let took = began.elapsed();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or(" unknown");
    println!("{count} events in {took:.1?}: peak{peak}, {} reads", sink.reads());
    Ok(())
}

/// An event like another, of its own id.
fn numbered(event: &AttendanceEvent, number: usize) -> AttendanceEvent {
    let mut id = [0; 16];
    // Spread over the range of names, as real ids are.
    let spread = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    id[..8].copy_from_slice(&spread.to_be_bytes());
    let mut other = event.clone();
    other.id = attendance_model::EventId::from_bytes(id);
    other
}

fn collection(name: &str) -> String {
    format!("bench-{}-{name}", std::process::id())
}

fn open(address: &str, name: &str) -> Answer<FirestoreSink> {
    let options = FirestoreOptions::new("bench", PROJECT, &collection(name))?.emulator(address)?;
    Ok(FirestoreSink::open(options.ids(IdScheme::Full)))
}

async fn write(sink: &FirestoreSink, batch: &[AttendanceEvent]) -> Answer<()> {
    let outcomes = sink.write(batch).await?;
    if outcomes.iter().all(|outcome| *outcome == Outcome::Stored) { Ok(()) } else { Err("not all is new".into()) }
}

/// Takes every batch, so many at once.
async fn side_by_side<B, F>(at_once: usize, batches: impl Iterator<Item = B>, write: impl Fn(B) -> F) -> Answer<()>
where
    F: Future<Output = Answer<()>>,
{
    let batches = Mutex::new(batches);
    let next = || batches.lock().ok().and_then(|mut batches| batches.next());
    let writers = (0..at_once).map(|_| async {
        while let Some(batch) = next() {
            write(batch).await?;
        }
        Ok(())
    });
    futures::future::try_join_all(writers).await.map(drop)
}
