//! The proof that the example's sink keeps the promises of `Sink`.

#[path = "../own_sink/folder.rs"]
mod folder;

use attendance_model::Sink;
use attendance_model::conformance::{Harness, View};
use folder::FolderSink;
use tempfile::TempDir;

/// The harness of the suite: a fresh target, the sink, a second one, and the stored events, read without the sink.
struct Folder(TempDir, FolderSink);

impl Harness for Folder {
    // A file for each event, and each is on the disk before it counts: 50,000 take minutes.
    const BIG_LOG: usize = 5_000;

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
