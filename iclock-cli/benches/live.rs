//! Terminals held live, as an administrator runs them: the program in a process of its own, terminals in this one.
//!
//! `cargo bench -p iclock-cli --bench live -- TERMINALS SECONDS` punches twenty times a second, spread over the
//! terminals, and prints how long each punch took to the SQLite sink, the sessions that were opened, and what the
//! program used while it was idle. Memory and processor time are read from `/proc`, so that part is for Linux.

mod support;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use attendance_model::{EventId, PunchState, VerifyMode};
use chrono::NaiveDateTime;
use rusqlite::{Connection, OpenFlags};
use zk_sim::{Handle, Punch, Server, Terminal};

use support::{Result, Running, peak_mib};

/// The time between two punches.
const EVERY: Duration = Duration::from_millis(50);
/// How often the sink is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The longest wait for the last punch.
const PATIENCE: Duration = Duration::from_secs(30);
/// Clock ticks of a second in `/proc`, on every common Linux.
const TICKS: f64 = 100.0;

fn main() -> Result<()> {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (terminals, seconds) = match numbers[..] {
        [terminals, seconds, ..] => (terminals, seconds),
        _ => (50, 10),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let scratch = tempfile::tempdir()?;
    let mut servers = Vec::new();
    for n in 0..terminals {
        let terminal = Terminal::builder().records(1_000).users(50).seed(n).serial(&format!("LIVE{n}")).build();
        servers.push(runtime.block_on(Server::start(terminal, ([127, 0, 0, 1], 0).into()))?);
    }
    let handles: Vec<Handle> = servers.iter().map(Server::handle).collect();
    let program = Running(start(&servers, scratch.path())?);
    let sink = until_all_are_heard(&handles, scratch.path())?;
    let (idle, began) = (cpu(program.0.id()), Instant::now());
    thread::sleep(Duration::from_secs(seconds));
    let idle = (cpu(program.0.id()) - idle) / began.elapsed().as_secs_f64();
    let (busy, began) = (cpu(program.0.id()), Instant::now());
    let mut took = punch(&handles, &sink, Duration::from_secs(seconds))?;
    let busy = (cpu(program.0.id()) - busy) / began.elapsed().as_secs_f64();
    took.sort_unstable();
    let place =
        |percent: usize| took.get((took.len() * percent / 100).min(took.len() - 1)).copied().unwrap_or_default();
    let sessions: u64 = handles.iter().map(|handle| handle.stats().connections).sum();
    println!(
        "{terminals} terminals held live, {} punches in {seconds} s: p50 {:.0?}, p99 {:.0?}, all {:.0?} \
         (bars: p99 1 s, all 3 s)",
        took.len(),
        place(50),
        place(99),
        place(100)
    );
    println!("  {sessions} sessions (bar: {terminals}); peak {:.1} MiB (bar: 96 MiB)", peak_mib(program.0.id()));
    println!("  processor: idle {:.2} % of a core (bar: 1 %), with the punches {:.1} %", idle * 100.0, busy * 100.0);
    Ok(())
}

fn start(servers: &[Server], dir: &Path) -> Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    command.args(["sync", "--live", "--json", "--state"]).arg(dir.join("state"));
    command.arg("--sink").arg(format!("sqlite:{}", dir.join("attendance.db").display()));
    for (n, server) in servers.iter().enumerate() {
        command.arg("--device").arg(format!("t{n}={}", server.addr()));
    }
    Ok(command.current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Waits until every log is at the sink, and returns the sink's file.
fn until_all_are_heard(handles: &[Handle], dir: &Path) -> Result<Connection> {
    let begun = Instant::now();
    let known: HashSet<EventId> = handles.iter().flat_map(ids).collect();
    loop {
        thread::sleep(Duration::from_millis(200));
        let file = Connection::open_with_flags(dir.join("attendance.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
        if let Ok(file) = file {
            let count = file.query_row("SELECT count(*) FROM attendance_events", [], |row| row.get(0));
            if count.is_ok_and(|count: i64| usize::try_from(count) == Ok(known.len())) {
                return Ok(file);
            }
        }
        if begun.elapsed() > 20 * PATIENCE {
            return Err("the logs never were at the sink".into());
        }
    }
}

fn ids(handle: &Handle) -> Vec<EventId> {
    let serial = handle.serial();
    handle.records().iter().filter_map(|punch| id(&serial, punch)).collect()
}

fn id(serial: &str, punch: &Punch) -> Option<EventId> {
    let time = NaiveDateTime::parse_from_str(&punch.time.to_string(), "%Y-%m-%d %H:%M:%S").ok()?;
    Some(EventId::full(serial, &punch.user_id, time, PunchState(punch.state), VerifyMode(punch.mode)))
}

/// Punches for so long, and returns the time that each punch took to the sink.
fn punch(handles: &[Handle], sink: &Connection, lasts: Duration) -> Result<Vec<Duration>> {
    let mut rows = sink.prepare("SELECT rowid, event_id FROM attendance_events WHERE rowid > ?1 ORDER BY rowid")?;
    let mut last: i64 = sink.query_row("SELECT max(rowid) FROM attendance_events", [], |row| row.get(0))?;
    let (mut waiting, mut took) = (HashMap::new(), Vec::new());
    let (begun, mut made) = (Instant::now(), 0u32);
    while begun.elapsed() < lasts || (!waiting.is_empty() && begun.elapsed() < lasts + PATIENCE) {
        if begun.elapsed() < lasts && begun.elapsed() >= EVERY * made {
            let handle = &handles[made as usize * 7 % handles.len()];
            let now = Instant::now();
            if let Some(id) = handle.punch_now().and_then(|punch| id(&handle.serial(), &punch)) {
                waiting.insert(id.to_string(), now);
            }
            made += 1;
        }
        for row in rows.query_map([last], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))? {
            let (at, id) = row?;
            last = last.max(at);
            took.extend(waiting.remove(&id).map(|made| made.elapsed()));
        }
        thread::sleep(LOOK_EVERY);
    }
    if waiting.is_empty() { Ok(took) } else { Err(format!("{} punches never came", waiting.len()).into()) }
}

/// The seconds for which a process has used a core.
fn cpu(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain spaces; fields 14 and 15 follow it.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}
