//! How do I write a sink of my own, and prove it? A directory with a JSON file for each event. `own_sink DIRECTORY
//! [COUNT]`
//!
//! It writes made-up events: run it twice, and the second run finds all of them stored. The sink is
//! `own_sink/folder.rs`, the proof `tests/own_sink.rs`: the suite that the sinks of this project pass (`cargo test -p
//! examples --test own_sink`).

#[path = "own_sink/folder.rs"]
mod folder;

use std::error::Error;

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Sink};
use folder::FolderSink;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let sink = FolderSink::open(args.next().ok_or("usage: own_sink DIRECTORY [COUNT]")?);
    let count = args.next().map_or(Ok(3), |count| count.parse())?;

    sink.probe().await?;
    let mut stored = 0;
    for batch in sample(count).chunks(sink.capabilities().batch) {
        stored += sink.write(batch).await?.iter().filter(|outcome| **outcome == Outcome::Stored).count();
    }
    println!("{}: {stored} of {count} events are new", sink.target());
    Ok(())
}
