//! The accidents of a file: crashes, other programs, other files.

use std::path::PathBuf;

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Settings, Sink, SinkErrorKind};
use sink_file::{FileOptions, FileSink};
use tempfile::TempDir;

const SCHEMES: [&str; 2] = ["jsonl", "csv"];

struct Place {
    _directory: TempDir,
    scheme: &'static str,
    path: PathBuf,
}

impl Place {
    fn new(scheme: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        Self { _directory: directory, scheme, path }
    }

    fn sink(&self) -> FileSink {
        let url = format!("{}:{}", self.scheme, self.path.display());
        FileSink::open(FileOptions::parse("file", &url, Settings::default()).unwrap())
    }

    fn read(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }
}

/// A line without the time at which it was stored.
fn without_stored_at(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    text.lines()
        .map(|line| line.split("\"stored_at\"").next().unwrap().rsplit_once(',').unwrap().0.to_owned())
        .collect()
}

#[tokio::test]
async fn a_file_cut_anywhere_is_whole_again_after_the_next_write() {
    for scheme in SCHEMES {
        let place = Place::new(scheme);
        let batch = sample(2);
        place.sink().write(&batch).await.unwrap();
        let whole = place.read();
        // Each cut waits for the disk: not every byte, but every field.
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&place.path, &whole[..length]).unwrap();
            let outcomes = place.sink().write(&batch).await.unwrap();
            let expected = without_stored_at(&whole);
            assert_eq!(without_stored_at(&place.read()), expected, "{scheme} cut to {length}");
            assert!(outcomes.contains(&Outcome::Stored), "{scheme} cut to {length}: the last line was lost");
        }
    }
}

#[tokio::test]
async fn zeros_that_a_power_cut_left_at_the_end_are_cut_off() {
    for scheme in SCHEMES {
        let place = Place::new(scheme);
        place.sink().write(&sample(1)).await.unwrap();
        let whole = place.read();
        std::fs::write(&place.path, [whole.as_slice(), &[0; 512]].concat()).unwrap();
        assert_eq!(place.sink().write(&sample(1)).await.unwrap(), [Outcome::AlreadyStored]);
        assert_eq!(place.read(), whole);
    }
}

#[tokio::test]
async fn a_file_of_somebody_elses_is_refused_and_stays_as_it_is() {
    for scheme in SCHEMES {
        for text in ["my diary", "my diary\n", "name,age\nx,1\n", "{\"a\":1}\n{\"a\":2}"] {
            let place = Place::new(scheme);
            std::fs::write(&place.path, text).unwrap();
            let error = place.sink().write(&sample(1)).await.unwrap_err();
            assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Schema, false), "{scheme} {text:?}");
            assert_eq!(place.read(), text.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_long_file_without_lines_is_not_read_whole_and_not_cut() {
    for scheme in SCHEMES {
        let place = Place::new(scheme);
        let length = 16 << 20;
        std::fs::File::create(&place.path).unwrap().set_len(length).unwrap();
        assert_eq!(place.sink().probe().await.unwrap_err().kind, SinkErrorKind::Schema);
        assert_eq!(std::fs::metadata(&place.path).unwrap().len(), length);
    }
}

#[tokio::test]
async fn a_csv_file_has_one_header_whatever_opens_it() {
    let place = Place::new("csv");
    for count in 0..4 {
        place.sink().probe().await.unwrap();
        place.sink().write(&sample(count)).await.unwrap();
    }
    let text = String::from_utf8(place.read()).unwrap();
    assert_eq!(text.matches("event_id").count(), 1);
    assert!(text.starts_with("event_id,device_serial,"));
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew() {
    for scheme in SCHEMES {
        let place = Place::new(scheme);
        let sink = place.sink();
        sink.write(&sample(2)).await.unwrap();
        std::fs::rename(&place.path, place.path.with_extension("old")).unwrap();
        assert_eq!(sink.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
        assert!(place.path.exists());
    }
}

#[tokio::test]
async fn a_missing_directory_is_named_with_the_hint() {
    let place = Place::new("jsonl");
    let missing = place.path.join("deeper").join("events");
    let url = format!("jsonl:{}", missing.display());
    let sink = FileSink::open(FileOptions::parse("file", &url, Settings::default()).unwrap());
    let error = sink.probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Missing);
    assert!(error.hint.unwrap().contains(&*missing.parent().unwrap().to_string_lossy()));
    assert!(!place.path.exists(), "nothing was created");
}

#[tokio::test]
async fn a_directory_in_the_files_place_is_refused() {
    let place = Place::new("csv");
    std::fs::create_dir(&place.path).unwrap();
    assert!(!place.sink().probe().await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_lookup_creates_nothing() {
    let place = Place::new("jsonl");
    assert_eq!(place.sink().lookup(&[sample(1)[0].id]).await.unwrap(), [false]);
    assert!(!place.path.exists());
}

/// Two openings share nothing but the file, like two processes: each batch meets lines that the other wrote meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_in_turn_and_at_once_leave_whole_lines_and_no_event_twice() {
    for scheme in SCHEMES {
        let place = Place::new(scheme);
        let events = sample(400);
        let write_all = |sink: FileSink, step: usize| {
            let events = events.clone();
            tokio::spawn(async move {
                for batch in events.chunks(step) {
                    sink.write(batch).await.unwrap();
                }
            })
        };
        let (first, second) = (write_all(place.sink(), 30), write_all(place.sink(), 70));
        first.await.unwrap();
        second.await.unwrap();
        let known = place.sink().write(&events).await.unwrap();
        assert_eq!(known, vec![Outcome::AlreadyStored; 400]);
        let header = usize::from(scheme == "csv");
        assert_eq!(place.read().iter().filter(|byte| **byte == b'\n').count(), 400 + header, "{scheme}");
    }
}

#[tokio::test]
async fn a_file_that_another_program_holds_is_busy_and_written_to_afterwards() {
    let place = Place::new("jsonl");
    let sink = place.sink();
    sink.write(&sample(1)).await.unwrap();
    let holder = std::fs::File::open(&place.path).unwrap();
    holder.lock().unwrap();
    let error = sink.write(&sample(2)).await.unwrap_err();
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Busy, true), "{error:?}");
    assert!(error.hint.unwrap().contains("other program"));
    drop(holder);
    assert_eq!(sink.write(&sample(2)).await.unwrap(), [Outcome::AlreadyStored, Outcome::Stored]);
}

#[tokio::test]
async fn every_refusal_is_told_apart_with_its_hint() {
    let mut told = std::collections::HashSet::new();
    let place = Place::new("csv");
    let missing = FileSink::open(
        FileOptions::parse("file", &format!("csv:{}/no/events", place.path.display()), Settings::default()).unwrap(),
    );
    let mut refusals = vec![("missing", missing.probe().await.unwrap_err())];
    std::fs::create_dir(&place.path).unwrap();
    refusals.push(("directory", place.sink().probe().await.unwrap_err()));
    std::fs::remove_dir(&place.path).unwrap();
    // The columns of a newer program.
    std::fs::write(&place.path, "event_id,device_serial,mood\n").unwrap();
    refusals.push(("newer", place.sink().probe().await.unwrap_err()));
    assert_eq!(std::fs::read_to_string(&place.path).unwrap(), "event_id,device_serial,mood\n");
    for (what, error) in refusals {
        assert!(!error.is_transient(), "{what}");
        assert!(error.message.contains("events") && error.hint.is_some(), "{what}: {error:?}");
        assert!(told.insert(error.message), "{what} is told as another");
    }
}
