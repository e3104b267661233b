//! Whole syncs, as an administrator runs them: the program in a process of its own, terminals in this one.
//!
//! `cargo bench -p iclock-cli --bench sync` prints each figure next to its bar; `-- NAME` takes one alone: `memory`,
//! `second-poll`, `alone`, `many` or `faulty`. Peak memory is read from `/proc`, so that part is for Linux. The figures
//! and how they were taken are in `benches/README.md`.

mod support;

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use attendance_model::{AttendanceEvent, EventId, Settings, Sink};
use attendance_model::{PunchState, Source, VerifyMode};
use serde_json::Value;
use sink_sql::{SqlOptions, SqlSink};
use zk_proto::DeviceTime;
use zk_sim::{Fault, Punch, Server, Terminal};

use support::{Result, median, peak_mib};

const MIB: f64 = 1024.0 * 1024.0;
/// How often the program's high-water mark is looked at; it is exact up to its last rise.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A measurement, which prints what it found.
type Part = fn(&tokio::runtime::Runtime, &Path) -> Result<()>;

/// One run of the program.
struct Run {
    report: Value,
    took: Duration,
    peak_mib: f64,
}

impl Run {
    fn figure(&self, pointer: &str) -> f64 {
        self.report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let scratch = tempfile::tempdir()?;
    let parts: [(&str, Part); 5] = [
        ("memory", memory),
        ("second-poll", second_poll),
        ("alone", against_the_sink_alone),
        ("many", many_terminals),
        ("faulty", some_faulty_among_many),
    ];
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, part) in parts {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            part(&runtime, scratch.path())?;
        }
    }
    Ok(())
}

fn start(runtime: &tokio::runtime::Runtime, records: usize, seed: u64) -> Result<Server> {
    start_with(runtime, records, seed, None)
}

fn start_with(runtime: &tokio::runtime::Runtime, records: usize, seed: u64, fault: Option<&str>) -> Result<Server> {
    let terminal = Terminal::builder().records(records).users(500).seed(seed).serial(&format!("BENCH{seed}"));
    let terminal = match fault {
        Some(fault) => terminal.fault(Fault::parse(fault)?),
        None => terminal,
    };
    Ok(runtime.block_on(Server::start(terminal.build(), ([127, 0, 0, 1], 0).into()))?)
}

fn sync(servers: &[Server], dir: &Path) -> Result<Run> {
    let (ended, run) = sync_anyway(servers, dir)?;
    if ended.success() { Ok(run) } else { Err(format!("{ended}: {}", run.report).into()) }
}

/// Returns how the program ended, too.
fn sync_anyway(servers: &[Server], dir: &Path) -> Result<(ExitStatus, Run)> {
    sync_with(servers, dir, &[])
}

/// The same with settings in the program's environment.
fn sync_with(servers: &[Server], dir: &Path, settings: &[(&str, &str)]) -> Result<(ExitStatus, Run)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    command.arg("sync").arg("--json").arg("--state").arg(dir.join("state"));
    command.arg("--sink").arg(format!("sqlite:{}", dir.join("attendance.db").display()));
    for (n, server) in servers.iter().enumerate() {
        command.arg("--device").arg(format!("t{n}={}", server.addr()));
    }
    command.envs(settings.iter().copied());
    fs::create_dir_all(dir)?;
    let begun = Instant::now();
    let mut child = command.current_dir(dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    // A report on many terminals is larger than a pipe.
    let mut output = child.stdout.take().ok_or("no output")?;
    let report = thread::spawn(move || {
        let mut report = Vec::new();
        output.read_to_end(&mut report).map(|_| report)
    });
    let mut peak: f64 = 0.0;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        peak = peak_mib(child.id()).max(peak);
        thread::sleep(LOOK_EVERY);
    };
    let took = begun.elapsed();
    let report = report.join().map_err(|_| "the report was not read")??;
    let run = Run { report: serde_json::from_slice(&report)?, took, peak_mib: peak };
    Ok((ended, run))
}

fn memory(runtime: &tokio::runtime::Runtime, scratch: &Path) -> Result<()> {
    let mut peaks = Vec::new();
    for records in [1_000_000, 2_000_000] {
        let server = start(runtime, records, 1)?;
        let run = sync(&[server], &scratch.join(records.to_string()))?;
        assert_eq!(run.figure("/totals/stored"), records as f64);
        let rate = records as f64 / run.took.as_secs_f64();
        println!(
            "sync {records} records into SQLite: {:.1} s, {rate:.0} records/s, peak {:.1} MiB",
            run.took.as_secs_f64(),
            run.peak_mib
        );
        peaks.push(run.peak_mib);
    }
    println!("  bars: peak below 64 MiB; for twice the records at most 4 MiB more: {:+.1} MiB", peaks[1] - peaks[0]);
    Ok(())
}

fn second_poll(runtime: &tokio::runtime::Runtime, scratch: &Path) -> Result<()> {
    let server = start(runtime, 100_000, 2)?;
    let handle = server.handle();
    let servers = [server];
    let first = sync(&servers, &scratch.join("poll"))?;
    let next = handle.records().last().map_or(0, |punch| punch.time.0) + 60;
    handle.add_punches((0..10).map(|n| Punch::new(1, "1", DeviceTime(next + n), 0, 1)));
    let second = sync(&servers, &scratch.join("poll"))?;
    assert_eq!(second.figure("/totals/new"), 10.0);
    let (before, after) = (first.figure("/devices/0/bytes_read"), second.figure("/devices/0/bytes_read"));
    println!("second poll, 10 new of 100000: {after} of {before} bytes, {:.3} % (bar: 1 %)", after / before * 100.0);
    Ok(())
}

/// In each round the sink alone, the program, and the program without its audit, one after the other.
fn against_the_sink_alone(runtime: &tokio::runtime::Runtime, scratch: &Path) -> Result<()> {
    const EVENTS: usize = 100_000;
    const ROUNDS: usize = 7;
    let events: Vec<AttendanceEvent> = (0..EVENTS).map(event).collect();
    let server = [start(runtime, EVENTS, 3)?];
    let (mut ratios, mut without, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let dir = scratch.join(format!("whole-{round}"));
        fs::create_dir_all(&dir)?;
        let alone = sink_alone(runtime, &dir.join("alone.db"), &events)?;
        let mut seconds = Vec::new();
        for audit in ["true", "false"] {
            let (ended, run) = sync_with(&server, &dir.join(audit), &[("ICLOCK_AUDIT", audit)])?;
            assert!(ended.success() && run.figure("/totals/stored") == EVENTS as f64, "{}", run.report);
            seconds.push(run.took.as_secs_f64());
        }
        println!("  the sink alone {alone:.2} s, all {:.2} s, without the audit {:.2} s", seconds[0], seconds[1]);
        ratios.push(seconds[0] / alone);
        without.push(seconds[0] / seconds[1]);
        whole.push(seconds[0]);
        fs::remove_dir_all(&dir)?;
    }
    println!(
        "{EVENTS} new events from terminal to SQLite, ledger included: {:.2} x the sink alone (bar: 1.6 x); {:.2} s, \
         {:.2} x without the audit; medians of {ROUNDS}",
        median(ratios),
        median(whole),
        median(without)
    );
    Ok(())
}

/// Returns the seconds that the sink needs for the events, from opening its file to closing it, as a run does.
fn sink_alone(runtime: &tokio::runtime::Runtime, file: &Path, events: &[AttendanceEvent]) -> Result<f64> {
    let begun = Instant::now();
    let sink = SqlSink::open(SqlOptions::parse("alone", &format!("sqlite:{}", file.display()), Settings::default())?)?;
    runtime.block_on(async {
        sink.probe().await?;
        for batch in events.chunks(sink.capabilities().batch) {
            sink.write(batch).await?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    drop(sink);
    Ok(begun.elapsed().as_secs_f64())
}

fn event(n: usize) -> AttendanceEvent {
    let seconds = i64::try_from(n).unwrap_or_default();
    let local_time = chrono::DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap_or_default().naive_utc();
    let (user_id, verify_mode, punch_state) = ((n % 500).to_string(), VerifyMode(1), PunchState(0));
    let id = EventId::full("BENCH", &user_id, local_time, punch_state, verify_mode);
    let mut event = AttendanceEvent::new(id, "BENCH", "bench", user_id, local_time, Source::Pull);
    (event.verify_mode, event.punch_state) = (verify_mode, punch_state);
    event.clock_drift_ms = Some(0);
    event.raw = vec![0; 40];
    event
}

fn many_terminals(runtime: &tokio::runtime::Runtime, scratch: &Path) -> Result<()> {
    const TERMINALS: usize = 200;
    const RECORDS: usize = 10_000;
    let servers: Vec<Server> =
        (0..TERMINALS).map(|n| start(runtime, RECORDS, 100 + n as u64)).collect::<Result<_>>()?;
    let run = sync(&servers, &scratch.join("many"))?;
    assert_eq!(run.figure("/totals/new"), (TERMINALS * RECORDS) as f64);
    let megabytes =
        run.report["devices"].as_array().into_iter().flatten().filter_map(|device| device["bytes_read"].as_f64());
    println!(
        "{TERMINALS} terminals of {RECORDS} records: {:.1} s for {:.0} MiB and ledger and SQLite, \
         peak {:.1} MiB (bar: 128 MiB)",
        run.took.as_secs_f64(),
        megabytes.sum::<f64>() / MIB,
        run.peak_mib
    );
    Ok(())
}

fn some_faulty_among_many(runtime: &tokio::runtime::Runtime, scratch: &Path) -> Result<()> {
    const TERMINALS: usize = 1_000;
    const RECORDS: usize = 1_000;
    // Silence, a log that shrank on the way, an end in the middle, a damaged log, and an absurd length.
    const FAULTS: [&str; 5] =
        ["stall-packets=2", "cut-head-sized=12", "drop-after=9000", "damaged-patch=130", "absurd-length"];
    let mut servers = Vec::new();
    for n in 0..TERMINALS {
        let fault = FAULTS.get(n.wrapping_sub(100) / 200).filter(|_| n % 200 == 100);
        servers.push(start_with(runtime, RECORDS, 1_000 + n as u64, fault.copied())?);
    }
    let (_, run) = sync_anyway(&servers, &scratch.join("faulty"))?;
    let devices = run.report["devices"].as_array().cloned().unwrap_or_default();
    let is_complete = |device: &&Value| device["status"] == "ok" && device["new"] == RECORDS;
    let complete = devices.iter().filter(is_complete).count();
    let faulty = FAULTS.len();
    println!(
        "{TERMINALS} terminals of {RECORDS} records, {faulty} of them faulty: {:.1} s, {complete} complete (bar: {}), \
         peak {:.1} MiB (bar: 160 MiB)",
        run.took.as_secs_f64(),
        TERMINALS - faulty,
        run.peak_mib
    );
    Ok(())
}
