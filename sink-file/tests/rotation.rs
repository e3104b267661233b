//! Files that are full: by size, by day, with several writers, through crashes.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Settings, Sink, SinkErrorKind};
use sink_file::{FileOptions, FileSink};

fn open(path: &Path, rotate: &str) -> FileSink {
    let url = format!("jsonl:{}?rotate={rotate}", path.display());
    FileSink::open(FileOptions::parse("file", &url, Settings::default()).unwrap())
}

/// Every file of events in the directory, by name. A process that was killed may have left a hidden index, too.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.file_name().unwrap().to_str().unwrap().starts_with(".iclock-ids-"));
    files.sort();
    files
}

/// The ids of all lines of all files; panics where a line is not whole.
fn ids(directory: &Path) -> Vec<String> {
    let text: String = files(directory).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(text.is_empty() || text.ends_with('\n'));
    let id = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["event_id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}

/// The files hold these many sample events, each once.
fn assert_holds(directory: &Path, count: usize) {
    let ids = ids(directory);
    assert_eq!(ids.len(), count, "no line is doubled or lost");
    let sent: HashSet<String> = sample(count).iter().map(|event| event.id.to_string()).collect();
    assert_eq!(ids.into_iter().collect::<HashSet<_>>(), sent);
}

#[tokio::test]
async fn a_file_is_begun_anew_before_it_would_grow_beyond_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let sink = open(&live, "20kB");
    let events = sample(600);
    for batch in events.chunks(20) {
        assert_eq!(sink.write(batch).await.unwrap(), vec![Outcome::Stored; 20]);
    }
    assert_holds(directory.path(), 600);
    assert!(files(directory.path()).len() > 5, "{:?}", files(directory.path()));
    assert!(files(directory.path()).iter().all(|file| file.metadata().unwrap().len() <= 20_000));
    // One that knows nothing finds the ids in all of them.
    assert_eq!(open(&live, "20kB").write(&events).await.unwrap(), vec![Outcome::AlreadyStored; 600]);
    let all: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(open(&live, "never").lookup(&all).await.unwrap(), vec![true; 600]);
}

#[tokio::test]
async fn a_file_of_another_day_gets_that_day_s_name() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let sink = open(&live, "day");
    let events = sample(4);
    sink.write(&events[..1]).await.unwrap();
    sink.write(&events[1..2]).await.unwrap();
    assert_eq!(files(directory.path()).len(), 1, "the same day, the same file");
    let earlier = SystemTime::now() - Duration::from_secs(3 * 86_400);
    File::options().write(true).open(&live).unwrap().set_modified(earlier).unwrap();
    assert_eq!(sink.write(&events).await.unwrap()[1..3], [Outcome::AlreadyStored, Outcome::Stored]);
    let day = chrono::DateTime::<chrono::Local>::from(earlier).format("%Y-%m-%d");
    let rotated = directory.path().join(format!("events.{day}.jsonl"));
    assert_eq!(files(directory.path()), [rotated.clone(), live.clone()]);
    assert_eq!(fs::read_to_string(&rotated).unwrap().lines().count(), 2);
    assert_holds(directory.path(), 4);
}

#[tokio::test]
async fn a_crash_between_renaming_and_making_the_new_file_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let sink = open(&live, "1MB");
    sink.write(&sample(3)).await.unwrap();
    fs::rename(&live, directory.path().join("events.2026-01-05.jsonl")).unwrap();
    assert_eq!(open(&live, "1MB").lookup(&[sample(1)[0].id]).await.unwrap(), [true]);
    assert!(!live.exists(), "a lookup makes nothing");
    for sink in [sink, open(&live, "1MB")] {
        assert_eq!(sink.write(&sample(3)).await.unwrap(), vec![Outcome::AlreadyStored; 3]);
    }
    open(&live, "1MB").write(&sample(5)).await.unwrap();
    assert_holds(directory.path(), 5);
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    open(&live, "2kB").write(&sample(8)).await.unwrap();
    open(&live, "2kB").write(&sample(16)).await.unwrap();
    fs::remove_file(&files(directory.path())[0]).unwrap();
    let outcomes = open(&live, "2kB").write(&sample(16)).await.unwrap();
    assert_eq!(outcomes, [vec![Outcome::Stored; 8], vec![Outcome::AlreadyStored; 8]].concat());
}

#[tokio::test]
async fn something_of_somebody_else_s_among_the_rotated_files_is_refused_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let other = directory.path().join("events.2026-01-05.jsonl");
    fs::write(&other, "my diary\n").unwrap();
    let error = open(&live, "1MB").write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Schema);
    assert!(error.message.contains("2026-01-05"), "{error}");
    assert_eq!(fs::read_to_string(&other).unwrap(), "my diary\n");
}

/// Runs [`a_process_of_its_own`] as a process, writing the sample events to this file.
fn child(path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_process_of_its_own", "--nocapture"]).env("SINK_FILE_TEST", path);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

const EVENTS: usize = 3_000;

/// Not a test by itself: what the tests below start.
#[tokio::test]
async fn a_process_of_its_own() {
    let Some(path) = std::env::var_os("SINK_FILE_TEST") else { return };
    let sink = open(Path::new(&path), "30kB");
    for batch in sample(EVENTS).chunks(20) {
        sink.write(batch).await.unwrap();
    }
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn processes_that_write_the_same_events_share_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let children: Vec<Child> = (0..3).map(|_| child(&live).spawn().unwrap()).collect();
    children.into_iter().for_each(finish);
    assert_holds(directory.path(), EVENTS);
    assert!(files(directory.path()).len() > 10);
}

#[test]
fn a_process_that_is_killed_anywhere_leaves_whole_lines_and_another_completes_them() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let mut done = 0;
    for number in 0..20 {
        let mut child = child(&live).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + number * 7));
        let _ = child.kill();
        done += u32::from(child.wait().unwrap().success());
    }
    assert!(done < 20, "no process was killed in the midst of it");
    finish(child(&live).spawn().unwrap());
    assert_holds(directory.path(), EVENTS);
}

/// The limit on a file's size acts like a full disk: the write stops in the middle of a line.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_whole_lines_and_what_is_missing_follows_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("events.jsonl");
    let program = std::env::current_exe().unwrap();
    // 200 KiB, in blocks of 512 bytes; the index of ids needs 64. A signal would end the process before the error is
    // seen.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" --exact a_process_that_fills_its_disk --nocapture";
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(&program).env("SINK_FILE_FULL", &live).stdout(Stdio::null()).stderr(Stdio::piped());
    finish(shell.spawn().unwrap());
    let text = fs::read_to_string(&live).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() < 1_000, "cut back to whole lines");
    finish(child(&live).spawn().unwrap());
    assert_holds(directory.path(), EVENTS);
}

/// Not a test by itself: runs under a limit on the size of files.
#[tokio::test]
async fn a_process_that_fills_its_disk() {
    let Some(path) = std::env::var_os("SINK_FILE_FULL") else { return };
    let sink = open(Path::new(&path), "never");
    let mut stored = 0;
    for batch in sample(1_000).chunks(10) {
        match sink.write(batch).await {
            Ok(_) => stored += batch.len(),
            Err(error) => {
                assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Full, true), "{error:?}");
                assert!(error.hint.unwrap().contains("make room"));
                let lines = fs::read_to_string(Path::new(&path)).unwrap().lines().count();
                assert_eq!(lines, stored, "what was called stored is there, and nothing else");
                return;
            }
        }
    }
    panic!("the disk was not full");
}
