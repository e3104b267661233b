//! The memory of a process that writes 1,000,000 events, batch by batch, into each database: its peak after 200,000 and
//! in the end.
//!
//! `cargo bench -p sink-sql --bench memory --all-features`, with `TEST_POSTGRES_URL` and `TEST_MYSQL_URL` set for the
//! servers.

use std::process::Command;

use attendance_model::conformance::sample_range;
use attendance_model::{Settings, Sink};
use sink_sql::{SqlOptions, SqlSink};

const EVENTS: usize = 1_000_000;
const TABLE: &str = "sink_sql_memory";

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Each peak is read in a process that has done nothing else.
    if let Some(url) = std::env::args().find_map(|argument| argument.strip_prefix("--into=").map(str::to_owned)) {
        return write(&url).await;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = format!("sqlite:{}", directory.path().join("att.db").display());
    let servers = ["TEST_POSTGRES_URL", "TEST_MYSQL_URL"].map(std::env::var);
    for url in [Ok(file)].into_iter().chain(servers).flatten() {
        println!("{}", url.split(':').next().unwrap_or_default());
        let child = Command::new(std::env::current_exe()?).arg(format!("--into={url}")).status()?;
        if !child.success() {
            return Err("the process whose memory is measured failed".into());
        }
    }
    Ok(())
}

async fn write(url: &str) -> Result<(), Failure> {
    let settings = Settings::new([("table".to_owned(), TABLE.to_owned())]);
    let sink = SqlSink::open(SqlOptions::parse("bench", url, settings)?)?;
    sink.probe().await?;
    let batch = sink.capabilities().batch;
    for start in (0..EVENTS).step_by(batch) {
        sink.write(&sample_range(start..start + batch)).await?;
        if [200_000, EVENTS].contains(&(start + batch)) {
            println!("  peak after {} events: {}", start + batch, peak()?);
        }
    }
    Ok(())
}

fn peak() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().to_owned())
}
