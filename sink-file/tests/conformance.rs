//! The suite that every sink runs, for both formats.

use attendance_model::conformance::{Harness, NamesHarness, View};
use attendance_model::{IdScheme, NamedPerson, Settings, Sink};
use sink_file::{FileOptions, FileSink};
use tempfile::TempDir;

struct Files {
    directory: TempDir,
    scheme: &'static str,
    ids: IdScheme,
    sink: FileSink,
}

impl Files {
    fn new(scheme: &'static str, ids: IdScheme) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sink = open(&directory, scheme, ids);
        Self { directory, scheme, ids, sink }
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(open(&self.directory, self.scheme, self.ids))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("events")).unwrap_or_default()
    }
}

fn open(directory: &TempDir, scheme: &str, ids: IdScheme) -> FileSink {
    let url = format!("{scheme}:{}", directory.path().join("events").display());
    FileSink::open(FileOptions::parse("file", &url, Settings::default()).unwrap().ids(ids).names(true))
}

struct JsonLines(Files);

impl Harness for JsonLines {
    async fn fresh() -> Self {
        Self(Files::new("jsonl", IdScheme::Full))
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        self.0.another()
    }

    async fn stored(&self) -> Vec<View> {
        let view = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let field = |name: &str| match &row[name] {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                number => Some(number.to_string()),
            };
            let id = field("event_id").unwrap().parse().unwrap();
            View::read(id, field)
        };
        self.0.text().lines().map(view).collect()
    }
}

/// Nulls and empty text are the same in CSV: the fields that are never null are told apart by name.
const NULLABLE: [&str; 4] = ["utc_time", "zone", "work_code", "clock_drift_ms"];

fn csv_views(text: &str) -> Vec<View> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader
        .deserialize()
        .map(|row: Result<std::collections::HashMap<String, String>, _>| {
            let row = row.unwrap();
            let field =
                |name: &str| row.get(name).filter(|text| !text.is_empty() || !NULLABLE.contains(&name)).cloned();
            let id = row["event_id"].parse().unwrap();
            View::read(id, field)
        })
        .collect()
}

struct Csv(Files);

impl Harness for Csv {
    async fn fresh() -> Self {
        Self(Files::new("csv", IdScheme::Full))
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        self.0.another()
    }

    async fn stored(&self) -> Vec<View> {
        csv_views(&self.0.text())
    }
}

/// With the Python tool's ids.
struct CsvMerging(Files);

impl Harness for CsvMerging {
    async fn fresh() -> Self {
        Self(Files::new("csv", IdScheme::IclockSyncV1))
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        self.0.another()
    }

    async fn stored(&self) -> Vec<View> {
        csv_views(&self.0.text())
    }

    fn view(&self, event: &attendance_model::AttendanceEvent) -> View {
        let mut stored = event.clone();
        stored.id = IdScheme::IclockSyncV1.id_of(event);
        View::full(&stored)
    }
}

/// A new file for nearly every batch: what is stored is spread over many.
struct Rotated(Files);

impl Rotated {
    fn open(&self) -> FileSink {
        let url = format!("csv:{}?rotate=4kB", self.0.directory.path().join("events.csv").display());
        FileSink::open(FileOptions::parse("file", &url, Settings::default()).unwrap())
    }
}

impl Harness for Rotated {
    async fn fresh() -> Self {
        let mut rotated = Self(Files::new("csv", IdScheme::Full));
        rotated.0.sink = rotated.open();
        rotated
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(self.open())
    }

    async fn stored(&self) -> Vec<View> {
        let files = std::fs::read_dir(self.0.directory.path()).unwrap();
        files.flat_map(|file| csv_views(&std::fs::read_to_string(file.unwrap().path()).unwrap())).collect()
    }
}

mod csv_rotated {
    attendance_model::sink_conformance!(super::Rotated);
}

mod jsonl {
    attendance_model::sink_conformance!(super::JsonLines);
}

mod csv_full {
    attendance_model::sink_conformance!(super::Csv);
}

mod csv_merging {
    attendance_model::sink_conformance!(super::CsvMerging);
}

impl Files {
    fn people_text(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("events.people")).unwrap_or_default()
    }
}

fn person(row: &std::collections::HashMap<String, String>) -> NamedPerson {
    assert_eq!(row.len(), 5, "{row:?}");
    let seen_at = chrono::DateTime::parse_from_rfc3339(&row["seen_at"]).unwrap();
    let device = (row["device_serial"].clone(), row["device_name"].clone());
    NamedPerson::new(device, row["user_id"].clone(), row["name"].clone(), seen_at.into())
}

impl NamesHarness for JsonLines {
    async fn people(&self) -> Vec<NamedPerson> {
        self.0.people_text().lines().map(|line| person(&serde_json::from_str(line).unwrap())).collect()
    }
}

impl NamesHarness for Csv {
    async fn people(&self) -> Vec<NamedPerson> {
        let text = self.0.people_text();
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| person(&row.unwrap())).collect()
    }
}

mod jsonl_with_names {
    attendance_model::names_conformance!(super::JsonLines);
}

mod csv_with_names {
    attendance_model::names_conformance!(super::Csv);
}

#[tokio::test]
async fn without_names_there_is_no_file_of_people() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("csv:{}", directory.path().join("events").display());
    let sink = FileSink::open(FileOptions::parse("file", &url, Settings::default()).unwrap());
    assert!(!sink.capabilities().names);
    let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed", chrono::DateTime::UNIX_EPOCH);
    assert!(sink.write_names(&[person]).await.unwrap_err().hint.unwrap().contains("names = true"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
