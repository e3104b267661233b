//! How does a school system embed the engine? As a service on its own runtime, with its own list of students.
//! `school HOST PORT`, then on stdin: `students 1 2 3`, `poll`, `quit`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::{Rules, Settings};
use iclock_sync::service::Progress;
use iclock_sync::{CancellationToken, DeviceOptions, Engine, EngineOptions, Schedule, ServiceOptions};
use sink_sql::{SqlOptions, SqlSink};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (host, port) = args.next().zip(args.next()).ok_or("usage: school HOST PORT")?;
    let mut gate = DeviceOptions::new("gate", host);
    gate.port = port.parse()?;
    let sink = SqlSink::open(SqlOptions::parse("attendance", "sqlite:attendance.db", Settings::default())?)?;
    // Nobody is a student yet: their punches wait in the quarantine, and lose nothing by it.
    let mut options = EngineOptions::default();
    options.rules = Rules::default().allow_list(Vec::<String>::new());
    let engine = Engine::builder("state").options(options).device(gate).sink(Arc::new(sink)).build()?;

    let live = ServiceOptions::new(Schedule::graduated(Duration::from_secs(300))).live(true);
    let service = engine.start(live, &CancellationToken::new()).await?;
    let mut progress = service.progress();
    tokio::spawn(async move {
        while let Ok(step) = progress.recv().await {
            match step {
                Progress::Polled(poll) => println!("{}: {} new, {} wait", poll.name, poll.new, poll.quarantined),
                Progress::Delivered(sink) if sink.stored > 0 => println!("{}: {} stored", sink.name, sink.stored),
                _ => {}
            }
        }
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let mut words = line.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("students") => println!("{} released", service.set_rules(Rules::default().allow_list(words)).await?),
            Some("poll") => service.poll_now("gate").await?,
            _ => break,
        }
    }
    Ok(service.shutdown(Duration::from_secs(10)).await?)
}
