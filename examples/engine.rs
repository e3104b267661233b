//! How do I embed the engine? One terminal into a SQLite file. `engine HOST [PORT]`
//!
//! Run it twice: the second run finds nothing new, and does not call the sink.

use std::error::Error;
use std::sync::Arc;

use attendance_model::Settings;
use iclock_sync::{CancellationToken, DeviceOptions, Engine, RunOptions};
use sink_sql::{SqlOptions, SqlSink};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut gate = DeviceOptions::new("gate", args.next().ok_or("usage: engine HOST [PORT]")?);
    if let Some(port) = args.next() {
        gate.port = port.parse()?;
    }
    let sink = SqlSink::open(SqlOptions::parse("attendance", "sqlite:attendance.db", Settings::default())?)?;

    // Neither opening nor building contacts anything: that begins with the run.
    let engine = Engine::builder("state").device(gate).sink(Arc::new(sink)).build()?;
    let report = engine.run(&RunOptions::default(), &CancellationToken::new()).await?;

    for device in &report.devices {
        println!("{}: {} records read, {} new", device.name, device.records_read, device.new);
        device.error.iter().for_each(|error| println!("{}: {error}", device.name));
    }
    for sink in &report.sinks {
        println!("{}: {} stored, {} pending", sink.name, sink.stored, sink.pending);
        sink.error.iter().for_each(|error| println!("{}: {error}", sink.name));
    }
    std::process::exit(report.run.exit_code.into())
}
