//! The last requests and answers of each terminal, as text without secrets: for a person who looks for an error.
//!
//! They are files in the directory `captures` of the state directory, two for each terminal: when the first one is
//! full, it replaces the second one. They are written next to the answers, which never wait for them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use zk_push::SerialNumber;
use zk_push::exchange::Exchange;

use crate::{chain, private};

/// The directory in the state directory. Forgetting a person removes it.
pub(crate) const CAPTURES: &str = "captures";

/// The most terminals of which there are files. For one more, those of the terminal that was silent longest are
/// removed.
const MOST_TERMINALS: usize = 64;
/// Exchanges that wait to be written. Of more, the number is kept.
const MOST_WAITING: usize = 64;

/// A request and its answer, as they were kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Captured {
    /// The time of the answer.
    pub at: DateTime<Utc>,
    /// Method and target.
    pub request: String,
    /// The body, without secrets.
    pub body: String,
    /// The length of the body as it came, in bytes.
    pub body_bytes: usize,
    /// The status of the answer.
    pub status: u16,
    /// The answer, without secrets.
    pub answer: String,
    /// Exchanges before this one that were not kept, because too many came at once.
    #[serde(default)]
    pub missed: u64,
}

impl Captured {
    /// Returns what is kept of a terminal, the oldest first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(state_dir: &Path, serial: &SerialNumber) -> io::Result<Vec<Self>> {
        let mut found = Vec::new();
        for file in files(&state_dir.join(CAPTURES), serial.as_str()) {
            match fs::read_to_string(&file) {
                // A line that a crash or a full disk has cut is none.
                Ok(text) => found.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// The files of a terminal, the older one first.
fn files(dir: &Path, serial: &str) -> [PathBuf; 2] {
    ["old", "jsonl"].map(|end| dir.join(format!("{serial}.{end}")))
}

/// Captures what terminals send, once it is told how much.
#[derive(Debug)]
pub(super) struct Captures {
    /// The bytes that each terminal may take. 0 captures nothing.
    bytes: AtomicU64,
    missed: AtomicU64,
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Keep { serial: SerialNumber, line: Vec<u8>, bytes: u64 },
    Tell(oneshot::Sender<()>),
}

impl Captures {
    /// Writes below a state directory.
    pub(super) fn new(state_dir: &Path) -> Self {
        let (jobs, waiting) = mpsc::channel(MOST_WAITING);
        tokio::spawn(write(state_dir.join(CAPTURES), waiting));
        Self { bytes: AtomicU64::new(0), missed: AtomicU64::new(0), jobs }
    }

    pub(super) fn set(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_on(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Keeps an exchange, unless too many wait.
    pub(super) fn keep(&self, exchange: &Exchange<'_>, at: DateTime<Utc>) {
        let Ok(place) = self.jobs.try_reserve() else {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let captured = Captured {
            at,
            request: exchange.line(),
            body: exchange.body(),
            body_bytes: exchange.body.len(),
            status: exchange.reply.status,
            answer: exchange.answer(),
            missed: self.missed.swap(0, Ordering::Relaxed),
        };
        let Ok(mut line) = serde_json::to_vec(&captured) else { return };
        line.push(b'\n');
        let bytes = self.bytes.load(Ordering::Relaxed);
        place.send(Job::Keep { serial: exchange.head.serial.clone(), line, bytes });
    }

    /// Waits until everything is written.
    pub(super) async fn flush(&self) {
        let (tell, told) = oneshot::channel();
        if self.jobs.send(Job::Tell(tell)).await.is_ok() {
            // It ends with the runtime.
            let _ = told.await;
        }
    }
}

/// Writes what comes, as long as somebody may send something.
async fn write(dir: PathBuf, mut waiting: mpsc::Receiver<Job>) {
    let fails = AtomicBool::new(false);
    while let Some(job) = waiting.recv().await {
        let (serial, line, bytes) = match job {
            Job::Keep { serial, line, bytes } => (serial, line, bytes),
            Job::Tell(tell) => {
                let _ = tell.send(());
                continue;
            }
        };
        let of = dir.clone();
        let written = tokio::task::spawn_blocking(move || append(&of, serial.as_str(), &line, bytes)).await;
        match written {
            Ok(Ok(())) => fails.store(false, Ordering::Relaxed),
            // One line, however long it lasts.
            Ok(Err(error)) if !fails.swap(true, Ordering::Relaxed) => {
                tracing::warn!("what terminals send cannot be captured in {}: {}", dir.display(), chain(&error));
            }
            _ => {}
        }
    }
}

/// Adds a line to the files of a terminal, which together stay below `bytes`, or have this line alone.
fn append(dir: &Path, serial: &str, line: &[u8], bytes: u64) -> io::Result<()> {
    let [old, new] = files(dir, serial);
    let length = match fs::metadata(&new) {
        Ok(file) => file.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private::create_dir_all(dir)?;
            make_room(dir)?;
            0
        }
        Err(error) => return Err(error),
    };
    if length > 0 && length.saturating_add(line.len() as u64) > bytes / 2 {
        fs::rename(&new, &old)?;
        // More was kept before.
        if fs::metadata(&old)?.len() > bytes / 2 {
            fs::remove_file(&old)?;
        }
    }
    let mut file: File = private::options().append(true).open(&new)?;
    file.write_all(line)
}

/// Removes the files of the terminals that were silent longest, until there is room for one more.
fn make_room(dir: &Path) -> io::Result<()> {
    let mut known = BTreeSet::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        if path.extension().is_some_and(|end| end == "jsonl") {
            known.insert((fs::metadata(&path)?.modified()?, path));
        }
    }
    let surplus = (known.len() + 1).saturating_sub(MOST_TERMINALS);
    for (_, path) in known.into_iter().take(surplus) {
        fs::remove_file(&path)?;
        match fs::remove_file(path.with_extension("old")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize) -> Vec<u8> {
        let captured = Captured {
            at: DateTime::UNIX_EPOCH,
            request: format!("GET /iclock/getrequest?SN=A1&number={number}"),
            body: String::new(),
            body_bytes: 0,
            status: 200,
            answer: "OK".to_owned(),
            missed: 0,
        };
        [serde_json::to_vec(&captured).unwrap(), b"\n".to_vec()].concat()
    }

    fn size(dir: &Path) -> u64 {
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }

    #[test]
    fn the_last_exchanges_stay_within_their_bytes_and_a_smaller_bound_holds_at_once() {
        let state = tempfile::tempdir().unwrap();
        let dir = state.path().join(CAPTURES);
        let serial = SerialNumber::new("A1").unwrap();
        for (bytes, range) in [(8_192, 0..500), (2_048, 500..600)] {
            for number in range.clone() {
                append(&dir, "A1", &entry(number), bytes).unwrap();
                assert!(number == 500 || size(&dir) <= bytes, "{number}: {}", size(&dir));
            }
            let kept = Captured::of(state.path(), &serial).unwrap();
            assert!(kept.len() as u64 * 200 > bytes / 2, "{}", kept.len());
            let last: Vec<String> = (range.end - kept.len()..range.end).map(|n| format!("number={n}")).collect();
            assert!(kept.iter().zip(&last).all(|(kept, last)| kept.request.ends_with(last)), "without a hole");
        }
        assert_eq!(Captured::of(state.path(), &SerialNumber::new("B2").unwrap()).unwrap(), []);
    }

    #[test]
    fn of_too_many_terminals_the_one_that_was_silent_longest_has_no_files_any_more() {
        let state = tempfile::tempdir().unwrap();
        let dir = state.path().join(CAPTURES);
        for number in 0..MOST_TERMINALS {
            for entry in 0..3 {
                append(&dir, &format!("N{number}"), &self::entry(entry), 600).unwrap();
            }
            let file = File::options().append(true).open(dir.join(format!("N{number}.jsonl"))).unwrap();
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000 - number as u64);
            file.set_modified(at).unwrap();
        }
        append(&dir, "NEW", &entry(0), 600).unwrap();
        let exists = |name: &str| files(&dir, name).map(|file| file.exists());
        assert_eq!(exists(&format!("N{}", MOST_TERMINALS - 1)), [false, false]);
        assert_eq!((exists("N0"), exists("NEW")), ([true, true], [false, true]));
    }
}
