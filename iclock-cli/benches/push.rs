//! Terminals that push, as an administrator runs them: `serve` in a process of its own, terminals in this one.
//!
//! `cargo bench -p iclock-cli --bench push -- steady SECONDS TERMINALS` lets simulated terminals send 100 rows a second
//! in all. It prints how long the answers to their uploads took, and the memory that the program needed. With
//! `-- burst ROWS`, fifty terminals send rows as fast as they go, in turn with the ledger alone, which enters the same
//! rows in this process. Memory is read from `/proc`, so that part is for Linux.

mod support;

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use attendance_model::{PunchState, RawPunch, Source, VerifyMode};
use chrono::Local;
use iclock_sync::{CancellationToken, Engine, Ingest, Ledger, Schedule, ServiceOptions};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use zk_proto::DeviceTime;
use zk_push::SerialNumber;
use zk_sim::Punch;
use zk_sim::push::{Meter, PushDevice, PushProfile, Pusher};

use support::{Result, Running, median, peak_mib};

/// The time between two rows, over all terminals.
const EVERY: Duration = Duration::from_millis(10);
/// The time within which the terminals make their first calls: one delay of theirs.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);
/// The terminals of a burst, and the rows in an upload, as most terminals have it.
const SENDERS: usize = 50;
const BATCH: usize = 128;
/// The rounds of a burst, in each of which come the ledger alone and the program.
const ROUNDS: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let number = |at: usize, usual: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(usual);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match words.first().map(String::as_str) {
        Some("steady") => steady(&runtime, number(1, 300) as u64, number(2, 1_000)),
        Some("burst") => burst(&runtime, number(1, 100_000)),
        _ => {
            steady(&runtime, 30, 1_000)?;
            burst(&runtime, 20_000)
        }
    }
}

/// Starts `serve` for terminals with these serial numbers, and returns the address at which they may call.
fn serve(dir: &Path, terminals: usize) -> Result<(Running, SocketAddr)> {
    let pushing: String = (0..terminals).map(|n| format!("[[pushing]]\nserial = \"{}\"\n", serial(n))).collect();
    let sink = "[[sink]]\nurl = \"sqlite:attendance.db\"\n";
    fs::write(dir.join("iclock.toml"), format!("state_dir = \"state\"\n{pushing}{sink}"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    command.args(["serve", "--push", "127.0.0.1:0"]).current_dir(dir);
    let mut program = Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?);
    let mut said = BufReader::new(program.0.stderr.take().ok_or("no output")?);
    loop {
        let mut line = String::new();
        if said.read_line(&mut line)? == 0 {
            return Err("the program ended before it listened".into());
        }
        if let Some(address) = line.trim().strip_prefix("terminals may call http://") {
            let address = address.parse()?;
            // Nobody else reads it, and a full pipe would stop the program.
            thread::spawn(move || io::copy(&mut said, &mut io::sink()));
            return Ok((program, address));
        }
        eprint!("{line}");
    }
}

fn serial(n: usize) -> String {
    format!("PUSH{n}")
}

/// Terminals at work, and their meter.
struct Terminals {
    meter: Arc<Meter>,
    tasks: JoinSet<()>,
    /// The way to each of them for its punches.
    punches: Vec<UnboundedSender<Punch>>,
}

impl Terminals {
    /// Terminals that make their first calls within a time.
    fn start(server: SocketAddr, logs: Vec<Vec<Punch>>, within: Duration) -> Result<Self> {
        let (meter, mut tasks, mut punches) = (Arc::new(Meter::default()), JoinSet::new(), Vec::new());
        let apart = within / u32::try_from(logs.len().max(1))?;
        for (n, log) in logs.into_iter().enumerate() {
            let number = SerialNumber::new(&serial(n)).ok_or("no serial number")?;
            let mut profile = PushProfile::attendance(number);
            profile.batch = BATCH;
            let mut device = PushDevice::new(profile);
            log.iter().for_each(|punch| device.punch(punch));
            let pusher = Pusher::new(device, server)?.faults([], n as u64).meter(Arc::clone(&meter));
            let (sender, made) = unbounded_channel();
            punches.push(sender);
            let first = apart * u32::try_from(n)?;
            tasks.spawn(async move {
                sleep(first).await;
                pusher.run(made).await;
            });
        }
        Ok(Self { meter, tasks, punches })
    }

    /// Waits until so many rows are acknowledged.
    async fn until_acknowledged(&self, rows: u64) -> Result<()> {
        let begun = Instant::now();
        while self.meter.stats().acknowledged < rows {
            if begun.elapsed() > PATIENCE {
                return Err(format!("not all is acknowledged: {:?}", self.meter.stats()).into());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Checks that the ledger has so many events, and waits until the sink has them, too.
fn check(dir: &Path, rows: u64) -> Result<()> {
    let ledger = Ledger::open_read_only(&dir.join("state"))?.ok_or("there is no ledger")?;
    let entered = ledger.event_count()?;
    if entered != rows {
        return Err(format!("{entered} events in the ledger of {rows} rows").into());
    }
    let begun = Instant::now();
    while stored(dir) != Some(rows) {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{:?} events at the sink of {rows} rows", stored(dir)).into());
        }
        thread::sleep(LOOK_EVERY * 10);
    }
    Ok(())
}

/// The events at the sink; `None` before it has its table.
fn stored(dir: &Path) -> Option<u64> {
    let file = Connection::open_with_flags(dir.join("attendance.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    file.query_row("SELECT count(*) FROM attendance_events", [], |row| row.get::<_, i64>(0)).ok()?.try_into().ok()
}

fn steady(runtime: &Runtime, seconds: u64, terminals: usize) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let (program, address) = serve(scratch.path(), terminals)?;
    let (made, stats) = runtime.block_on(async {
        let all = Terminals::start(address, vec![Vec::new(); terminals], BEGIN_WITHIN)?;
        sleep(BEGIN_WITHIN).await;
        let made = punch(&all, Duration::from_secs(seconds)).await?;
        all.until_acknowledged(made).await?;
        Ok::<_, Box<dyn std::error::Error>>((made, all.meter.stats()))
    })?;
    let peak = peak_mib(program.0.id());
    check(scratch.path(), made)?;
    println!(
        "{terminals} terminals that push, {made} rows in {seconds} s: p50 {:.0?}, p99 {:.0?}, all {:.0?} \
         (bar: p99 200 ms)",
        stats.half_of_uploads, stats.most_of_uploads, stats.slowest_of_uploads
    );
    println!(
        "  {} requests, {} without an answer, 99 of 100 answers within {:.0?}; peak {peak:.1} MiB (bar: 128 MiB)",
        stats.requests, stats.failures, stats.most
    );
    Ok(())
}

/// Lets somebody punch at one terminal after the other. Returns the number of punches.
async fn punch(all: &Terminals, lasts: Duration) -> Result<u64> {
    let (begun, mut ticks, mut made) = (Instant::now(), interval(EVERY), 0usize);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while begun.elapsed() < lasts {
        ticks.tick().await;
        let now = DeviceTime::from_naive(Local::now().naive_local()).ok_or("the clock is wrong")?;
        // No two punches of one terminal within a second are the same person's.
        let (door, person) = (made * 7 % all.punches.len(), (1 + made % 5_000).to_string());
        all.punches[door].send(Punch::new(0, &person, now, 0, 1))?;
        made += 1;
    }
    Ok(made as u64)
}

fn burst(runtime: &Runtime, rows: usize) -> Result<()> {
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let scratch = tempfile::tempdir()?;
        let alone = runtime.block_on(ledger_alone(&scratch.path().join("alone"), rows))?;
        let (program, address) = serve(scratch.path(), SENDERS)?;
        let pushed = runtime.block_on(async {
            let logs = (0..SENDERS).map(|sender| log(sender, rows)).collect();
            let begun = Instant::now();
            let mut all = Terminals::start(address, logs, Duration::ZERO)?;
            all.until_acknowledged(rows as u64).await?;
            let took = begun.elapsed().as_secs_f64();
            all.tasks.shutdown().await;
            Ok::<_, Box<dyn std::error::Error>>(took)
        })?;
        check(scratch.path(), rows as u64)?;
        let peak = peak_mib(program.0.id());
        println!("  round {round}: the ledger alone {alone:.2} s, pushed {pushed:.2} s, peak {peak:.1} MiB");
        ratios.push(alone / pushed);
        rates.push(rows as f64 / pushed);
    }
    println!(
        "{rows} rows from {SENDERS} terminals: {:.2} x the speed of the ledger alone (bar: 0.5 x); {:.0} rows/s; \
         medians of {ROUNDS}",
        median(ratios),
        median(rates)
    );
    Ok(())
}

/// The punches of one of the terminals that send a burst.
fn log(sender: usize, rows: usize) -> Vec<Punch> {
    (sender..rows).step_by(SENDERS).map(|n| Punch::new(0, &person(n), time(n), (n % 2) as u8, 1)).collect()
}

fn person(n: usize) -> String {
    (1 + n % 500).to_string()
}

/// A second of its own for each row, from March 2025 on.
fn time(n: usize) -> DeviceTime {
    let time = chrono::DateTime::from_timestamp(1_740_787_200 + n as i64, 0).unwrap_or_default();
    DeviceTime::from_naive(time.naive_utc()).unwrap_or(DeviceTime::RESET)
}

/// Returns the seconds in which the ledger alone takes the rows: the engine without a sink, in uploads of the same
/// size, as many at once.
async fn ledger_alone(state: &Path, rows: usize) -> Result<f64> {
    let engine = Engine::builder(state).build()?;
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    let service = engine.start(options, &CancellationToken::new()).await?;
    let uploads: Vec<Vec<Ingest>> = (0..SENDERS).map(|sender| uploads(sender, rows)).collect();
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for uploads in uploads {
        let door = service.door();
        tasks.spawn(async move {
            for upload in uploads {
                door.ingest(upload).await?;
            }
            Ok::<_, iclock_sync::SyncError>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let took = begun.elapsed().as_secs_f64();
    service.shutdown(PATIENCE).await?;
    drop(engine);
    let ledger = Ledger::open_read_only(state)?.ok_or("there is no ledger")?;
    if ledger.event_count()? == rows as u64 { Ok(took) } else { Err("the ledger alone has not all rows".into()) }
}

/// The uploads of one of the terminals, as the receiver makes them of its bodies.
fn uploads(sender: usize, rows: usize) -> Vec<Ingest> {
    let serial = serial(sender);
    let punch = |punch: &Punch| {
        let time = punch.time.to_naive().unwrap_or_default();
        let mut raw = RawPunch::new("", "", &*punch.user_id, time, Source::Push);
        (raw.punch_state, raw.verify_mode, raw.work_code) = (PunchState(punch.state), VerifyMode(punch.mode), Some(0));
        raw.raw =
            format!("{}\t{}\t{}\t{}\t0\t0\t0\t0\t0\t0\t", punch.user_id, punch.time, punch.state, punch.mode).into();
        raw
    };
    let log = log(sender, rows);
    let batches = log.chunks(BATCH).map(|batch| batch.iter().map(punch).collect());
    batches.map(|punches| Ingest::new(&serial, &serial, Source::Push, punches).whole()).collect()
}
