//! 100,000 new events into a file, next to the fastest append by hand of the same lines that also knows each id and
//! waits for the disk; and the memory of a process that writes 1,000,000.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use attendance_model::conformance::{sample, sample_range};
use attendance_model::{AttendanceEvent, EventId, Settings, Sink};
use sink_file::{FileOptions, FileSink};

const EVENTS: usize = 100_000;
const ROUNDS: usize = 7;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // On the disk of the target directory: /tmp may be memory.
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    if std::env::args().any(|argument| argument == "--memory") {
        return memory(directory.path()).await;
    }
    let events = sample(EVENTS);
    for format in ["jsonl", "csv"] {
        let (mut sink, mut hand) = (Duration::MAX, Duration::MAX);
        for round in 0..ROUNDS {
            let path = directory.path().join(format!("{round}.{format}"));
            let took = through(&open(format, &path)?, &events).await?;
            sink = sink.min(took);
            let text = std::fs::read_to_string(&path)?;
            std::fs::remove_file(&path)?;
            hand = hand.min(by_hand(&path, &events, &text)?);
            std::fs::remove_file(&path)?;
        }
        let rate = |took: Duration| EVENTS as f64 / took.as_secs_f64();
        println!("{format:5} the sink {:>8.0} events/s, by hand {:>8.0}", rate(sink), rate(hand));
        println!("{format:5} sink / by hand: {:.2}", hand.as_secs_f64() / sink.as_secs_f64());
    }
    // Its peak is read in a process that has done nothing else.
    let child = std::process::Command::new(std::env::current_exe()?).arg("--memory").status()?;
    if child.success() { Ok(()) } else { Err("the process whose memory is measured failed".into()) }
}

fn open(format: &str, path: &Path) -> Result<FileSink, Failure> {
    let url = format!("{format}:{}", path.display());
    Ok(FileSink::open(FileOptions::parse("bench", &url, Settings::default())?))
}

async fn through(sink: &FileSink, events: &[AttendanceEvent]) -> Result<Duration, Failure> {
    sink.probe().await?;
    let began = Instant::now();
    for batch in events.chunks(sink.capabilities().batch) {
        sink.write(batch).await?;
    }
    Ok(began.elapsed())
}

/// Makes each line as the sink does, knows the ids in memory, writes a batch at once and waits for the disk.
fn by_hand(path: &Path, events: &[AttendanceEvent], text: &str) -> Result<Duration, Failure> {
    let csv = text.starts_with("event_id,");
    let mut file = File::create(path)?;
    let began = Instant::now();
    let mut ids: HashSet<EventId> = HashSet::new();
    for batch in events.chunks(5_000) {
        let mut bytes = Vec::new();
        for event in batch.iter().filter(|event| ids.insert(event.id)) {
            let flat = attendance_model::flat::FlatEvent::new(event.id, event);
            if csv {
                let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(&mut bytes);
                writer.serialize((flat, "2026-11-28T00:00:00Z"))?;
                writer.flush()?;
            } else {
                serde_json::to_writer(&mut bytes, &(flat, "2026-11-28T00:00:00Z"))?;
                bytes.push(b'\n');
            }
        }
        file.write_all(&bytes)?;
        file.sync_all()?;
    }
    Ok(began.elapsed())
}

/// Writes 1,000,000 events batch by batch, opens the file again, and prints the process's peak on the way.
async fn memory(directory: &Path) -> Result<(), Failure> {
    let path = directory.join("events.jsonl");
    let sink = open("jsonl", &path)?;
    let batch = sink.capabilities().batch;
    let began = Instant::now();
    for number in 0..1_000_000 / batch {
        let events = sample_range(number * batch..(number + 1) * batch);
        sink.write(&events).await?;
        let written = (number + 1) * batch;
        if written == 200_000 || written == 1_000_000 {
            println!("peak memory after {written} events: {} ({:.1} s)", peak()?, began.elapsed().as_secs_f64());
        }
    }
    let began = Instant::now();
    open("jsonl", &path)?.probe().await?;
    println!("opening a file of 1,000,000 lines: {:.1} s, peak {}", began.elapsed().as_secs_f64(), peak()?);
    Ok(())
}

fn peak() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().to_owned())
}
