//! The files of all that a program logs, one after the other: a full one is followed by the next, and the oldest are
//! removed.
//!
//! A start continues the last one, so that a program that a timer starts every minute does not push out its own past.
//! No file is ever renamed: several processes can write into one directory, and each finds the last file by its name.
//!
//! No library does this. file-rotate, tracing-rolling-file and logroller rename full files, and each process counts its
//! own bytes alone: a second process would rename a file to which the first one writes. tracing-appender knows no size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::Local;

use crate::config::LogConfig;

/// The least bytes at which a file counts as full.
const LEAST: usize = 4096;

/// The files in a directory, the last of them open.
#[derive(Debug)]
pub(super) struct LogFiles {
    dir: PathBuf,
    size: u64,
    keep: usize,
    last: File,
}

impl LogFiles {
    /// Continues the last file of a directory, which is made if it is missing.
    pub(super) fn open(dir: &Path, log: &LogConfig) -> io::Result<Self> {
        let (size, keep) = (log.size.max(LEAST) as u64, log.keep.max(1));
        let last = last_with_room(dir, size)?;
        prune(dir, keep)?;
        Ok(Self { dir: dir.to_owned(), size, keep, last })
    }
}

impl Write for LogFiles {
    /// Writes one event, which is never divided between two files.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        // Another process may have filled it.
        if self.last.metadata()?.len() >= self.size {
            self.last = last_with_room(&self.dir, self.size)?;
            // One that cannot be removed now is removed later.
            let _ = prune(&self.dir, self.keep);
        }
        self.last.write_all(event)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.last.flush()
    }
}

/// Opens the last file, or the one that follows it if it is full.
fn last_with_room(dir: &Path, size: u64) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let last = names(dir)?.into_iter().rfind(|name| is_whole(name));
    let open = |name: &str| OpenOptions::new().create(true).append(true).open(dir.join(name));
    if let Some(last) = &last {
        let file = open(last)?;
        if file.metadata()?.len() < size {
            return Ok(file);
        }
    }
    open(&following(last.as_deref(), &Local::now().format("%Y%m%d_%H%M%S").to_string()))
}

/// Names a file by its beginning. It comes behind `last` in the order of names, also within one second, and after a
/// clock was set back.
fn following(last: Option<&str>, now: &str) -> String {
    let by_time = format!("sync_{now}.log");
    let Some(last) = last.filter(|last| *last >= by_time.as_str()) else { return by_time };
    let stamp = last.trim_end_matches(".log").trim_start_matches("sync_");
    // A second one of the same time has a number behind it.
    let (time, number) = stamp.split_at_checked(now.len()).unwrap_or((stamp, ""));
    let number = number.trim_start_matches('_').parse::<u32>().unwrap_or(1);
    format!("sync_{time}_{:04}.log", number.saturating_add(1))
}

/// Removes all but the last files.
fn prune(dir: &Path, keep: usize) -> io::Result<()> {
    let mut names = names(dir)?;
    names.truncate(names.len().saturating_sub(keep));
    names.iter().try_for_each(|name| match fs::remove_file(dir.join(name)) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    })
}

/// The names of the files, in their order. Earlier versions numbered full files behind `.log`.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let is_log = |name: &String| {
        let parts = name.strip_prefix("sync_").and_then(|rest| rest.split_once(".log"));
        parts.is_some_and(|(stamp, _)| {
            stamp.len() >= "20260101_000000".len()
                && stamp.chars().all(|letter| letter.is_ascii_digit() || letter == '_')
        })
    };
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().into_string().ok().filter(is_log));
    }
    names.sort();
    Ok(names)
}

fn is_whole(name: &str) -> bool {
    name.ends_with(".log")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, size: usize, keep: usize) -> LogFiles {
        LogFiles::open(dir, &LogConfig { size, keep, ..LogConfig::default() }).unwrap()
    }

    fn left(dir: &Path) -> Vec<String> {
        names(dir).unwrap()
    }

    fn text(dir: &Path) -> String {
        left(dir).iter().map(|name| fs::read_to_string(dir.join(name)).unwrap()).collect()
    }

    #[test]
    fn a_program_that_is_started_every_minute_keeps_the_lines_of_all_its_starts() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..200 {
            open(dir.path(), 4096, 3).write_all(format!("start {n}\n").as_bytes()).unwrap();
        }
        assert_eq!(text(dir.path()).lines().count(), 200);
        assert_eq!(left(dir.path()).len(), 1);
    }

    #[test]
    fn a_full_file_is_followed_by_another_and_no_more_than_the_wanted_number_is_ever_kept() {
        let dir = tempfile::tempdir().unwrap();
        for keep in [1, 3] {
            let mut log = open(dir.path(), 4096, keep);
            for n in 0..100 {
                log.write_all(format!("{n:01023}\n").as_bytes()).unwrap();
                assert!(left(dir.path()).len() <= keep, "{:?}", left(dir.path()));
            }
            let sizes: Vec<u64> =
                left(dir.path()).iter().map(|name| fs::metadata(dir.path().join(name)).unwrap().len()).collect();
            assert_eq!(sizes, vec![4096; keep]);
            // The latest lines are the ones that are left.
            assert!(text(dir.path()).ends_with("99\n"));
        }
    }

    #[test]
    fn two_processes_share_the_files_and_lose_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = [open(dir.path(), 4096, 50), open(dir.path(), 4096, 50)];
        for n in 0..60 {
            for (who, log) in logs.iter_mut().enumerate() {
                log.write_all(format!("{who} {n:0500}\n").as_bytes()).unwrap();
            }
        }
        let (all, sum) = (text(dir.path()), left(dir.path()).len());
        for n in 0..60 {
            for who in 0..2 {
                assert!(all.contains(&format!("{who} {n:0500}\n")), "{who} {n}");
            }
        }
        // 60 kB in files of 4 kB, and not one after the other for each process.
        assert!((14..=16).contains(&sum), "{sum}");
    }

    #[test]
    fn names_stay_in_order_within_a_second_and_when_the_clock_is_set_back() {
        for (last, now, next) in [
            (None, "20260102_000000", "sync_20260102_000000.log"),
            (Some("sync_20260101_000000.log"), "20260102_000000", "sync_20260102_000000.log"),
            (Some("sync_20260102_000000.log"), "20260102_000000", "sync_20260102_000000_0002.log"),
            (Some("sync_20260102_000000_0002.log"), "20260101_000000", "sync_20260102_000000_0003.log"),
            (Some("sync_20260102_000000_0002.log"), "20260103_000000", "sync_20260103_000000.log"),
        ] {
            let found = following(last, now);
            assert_eq!(found, next);
            assert!(last.is_none_or(|last| last < found.as_str()), "{last:?} {found}");
        }
    }

    #[test]
    fn files_of_earlier_versions_are_pruned_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let old = ["sync_20260101_000000.log", "sync_20260101_000000.log.1", "sync_20260102_000000.log"];
        let foreign = ["notes.txt", "sync_notes.log", "terminal-gate.log"];
        for name in old.iter().chain(&foreign) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        drop(open(dir.path(), 4096, 1));
        assert_eq!(left(dir.path()), ["sync_20260102_000000.log"]);
        assert!(foreign.iter().all(|name| fs::read(dir.path().join(name)).unwrap() == b"x"));
    }
}
