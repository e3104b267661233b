//! How do I write a sink of my own, and prove it? A directory with a JSON file for each event. `own_sink DIRECTORY [COUNT]`
//!
//! It writes made-up events: run it twice, and the second run finds all of them stored. The tests below are the proof: the suite
//! that the sinks of this project pass (`cargo test -p examples --example own_sink`).

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

#[cfg(test)]
mod tests {
    use attendance_model::conformance::{Harness, View};
    use tempfile::TempDir;

    use super::*;

    /// What the suite needs to know: a fresh target, the sink, a second one, and what is stored, seen without the sink.
    struct Folder(TempDir, FolderSink);

    impl Harness for Folder {
        async fn fresh() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let sink = FolderSink::open(directory.path());
            Self(directory, sink)
        }

        fn sink(&self) -> &dyn Sink {
            &self.1
        }

        fn another(&self) -> Box<dyn Sink> {
            Box::new(FolderSink::open(self.0.path()))
        }

        async fn stored(&self) -> Vec<View> {
            let files = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
            let stored = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
            stored.map(|path| view(&std::fs::read(path).unwrap())).collect()
        }
    }

    fn view(json: &[u8]) -> View {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json).unwrap();
        let id = fields["event_id"].as_str().unwrap().parse().unwrap();
        let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rest = fields.into_iter().filter(|(name, value)| name != "event_id" && !value.is_null());
        // A field's name lives as long as the test.
        rest.fold(View::new(id), |view, (name, value)| view.with(name.leak(), text(&value)))
    }

    attendance_model::sink_conformance!(Folder);
}
