//! The health file: a service says in it, every few seconds, that it runs and how each of its parts is.
//!
//! It is `health.json` in the state directory. A supervisor or a person reads it while the service runs, without
//! disturbing it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::error::is_full;
use crate::metrics::Resources;
use crate::private;
use crate::service::Status;
use crate::service::status::{Activity, Backfill, Failure, TerminalState};

/// The file in the state directory.
const FILE: &str = "health.json";
/// A terminal that pushes calls every few seconds; some take a longer break.
const SELDOM: TimeDelta = TimeDelta::seconds(90);
/// Its length is a multiple of this.
const BLOCK: usize = 4_096;
/// Attempts to read it.
const TRIES: u32 = 3;

/// The health of a service, as its file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// The number of the process.
    pub process: u32,
    /// The version of the program.
    pub version: String,
    /// The seconds after which the file is written again at the latest.
    pub every_seconds: u64,
    /// The resources of the process.
    pub resources: Resources,
    /// The state of each part.
    pub status: Status,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// No service runs, or it hangs: the file was not written again.
    Silent {
        /// The time at which it was written last.
        since: DateTime<Utc>,
    },
    /// A terminal has failed for too long.
    Terminal {
        /// Its configured name.
        name: String,
        /// The failure, its cause, and a hint.
        error: String,
    },
    /// A sink has failed for too long.
    Sink {
        /// Its configured name.
        name: String,
        /// The failure, its cause, and a hint.
        error: String,
    },
}

impl Health {
    /// The health of this process now.
    #[must_use]
    pub fn of(status: Status, resources: Resources, version: &str, every: Duration) -> Self {
        Self {
            process: std::process::id(),
            version: version.to_owned(),
            every_seconds: every.as_secs().max(1),
            resources,
            status,
        }
    }

    /// Writes the file in a state directory, whole or not at all. On a full disk it is written over in its place, so
    /// that it says so.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let mut json = serde_json::to_vec(self)?;
        // Blanks up to whole blocks leave room for it to grow in its place.
        json.resize(json.len().next_multiple_of(BLOCK), b' ');
        let path = state_dir.join(FILE);
        match write_whole(&path, &json) {
            Err(error) if is_full(&error) => write_over(&path, json).map_err(|_| error),
            outcome => outcome,
        }
    }

    /// Reads the file in a state directory; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not one.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        let path = state_dir.join(FILE);
        for left in (0..TRIES).rev() {
            match fs::read(&path) {
                Ok(json) => match serde_json::from_slice(&json) {
                    Ok(health) => return Ok(Some(health)),
                    // On a full disk it may just be written over.
                    Err(_) if left > 0 => std::thread::sleep(Duration::from_millis(20)),
                    Err(error) => return Err(error.into()),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Removes the file, as a service does that has ended.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(state_dir: &Path) -> io::Result<()> {
        match fs::remove_file(state_dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns what is not as it should be. A failure counts once it has lasted longer than `grace`.
    #[must_use]
    pub fn problems(&self, now: DateTime<Utc>, grace: Duration) -> Vec<Problem> {
        let seconds = i64::try_from(self.every_seconds).unwrap_or(i64::MAX / 1_000);
        let silent_after = TimeDelta::try_seconds(seconds.saturating_mul(3)).unwrap_or(TimeDelta::MAX);
        let silence = now.signed_duration_since(self.status.at);
        if silence > silent_after {
            return vec![Problem::Silent { since: self.status.at }];
        }
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        let too_long = |failure: &&Failure| now.signed_duration_since(failure.since) > grace;
        let terminals = self.status.terminals.iter().filter_map(|(name, terminal)| {
            let failed = terminal.error.as_ref().filter(too_long).map(|error| error.text.clone());
            let error = failed.or_else(|| terminal.missing(now, grace))?;
            Some(Problem::Terminal { name: name.clone(), error })
        });
        let sinks = self.status.sinks.iter().filter_map(|(name, sink)| {
            let error = sink.error.as_ref().filter(too_long)?;
            Some(Problem::Sink { name: name.clone(), error: error.text.clone() })
        });
        terminals.chain(sinks).collect()
    }
}

impl TerminalState {
    /// Returns what is missing of a terminal that pushes although nothing has failed: it has not called for longer than
    /// `grace`, or never answered when it was asked for punches.
    #[must_use]
    pub fn missing(&self, now: DateTime<Utc>, grace: TimeDelta) -> Option<String> {
        silent(self, now, grace).or_else(|| unanswered(self, now))
    }
}

/// Returns that a terminal should call, and has not called for too long.
fn silent(terminal: &TerminalState, now: DateTime<Utc>, grace: TimeDelta) -> Option<String> {
    let since = terminal.last_call.filter(|_| terminal.activity == Activity::Pushing)?;
    let is_silent = now.signed_duration_since(since) > grace.max(SELDOM);
    let since = since.format("%Y-%m-%d %H:%M:%S UTC");
    is_silent.then(|| format!("has not called since {since}; check its network, and the server address in its menu"))
}

/// Returns that a terminal was asked for a gap, and never answered.
fn unanswered(terminal: &TerminalState, now: DateTime<Utc>) -> Option<String> {
    let Backfill { since, until, .. } =
        terminal.backfill.filter(|gap| gap.answered_at.is_none() && gap.asked_until <= now)?;
    let [since, until] = [since, until].map(|moment| moment.format("%Y-%m-%d %H:%M"));
    Some(format!("never answered when it was asked for its punches from {since} to {until} UTC; ask it again"))
}

/// Writes a file that only the program's user can read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let written = private::create(&new).and_then(|mut file| file.write_all(content));
    let renamed = written.and_then(|()| fs::rename(&new, path));
    if renamed.is_err() {
        // A part of it would only take room.
        let _ = fs::remove_file(&new);
    }
    renamed
}

/// Writes over a file that is at least as long, in the room that it has.
fn write_over(path: &Path, mut content: Vec<u8>) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length < content.len() || length > content.len() * 16 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    content.resize(length, b' ');
    file.write_all(&content)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use chrono::NaiveDateTime;

    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::observer::Silent;
    use crate::report::{DeviceReport, DeviceStatus, ErrorKind, SinkReport};
    use crate::tasks::Board;

    fn health() -> Health {
        after_failures(&(Arc::new(SystemClock::new()) as _), 1, || {})
    }

    /// After so many failed polls, with time between them.
    fn after_failures(clock: &Arc<dyn Clock>, failures: u32, pass: impl Fn()) -> Health {
        let board = Board::new(Arc::clone(clock), Arc::new(Silent));
        board.add_terminal("gate", "192.0.2.10:4370".to_owned());
        board.add_sink("db");
        let mut report = DeviceReport::new("gate", "192.0.2.10:4370");
        report.status = DeviceStatus::Failed;
        (report.error_kind, report.error) = (Some(ErrorKind::TimedOut), Some("no answer".to_owned()));
        for _ in 0..failures {
            pass();
            board.polled(&report);
        }
        board.delivered(&SinkReport::new("db"));
        Health::of(board.status(), Resources::default(), "1.2.3", Duration::from_secs(10))
    }

    #[test]
    fn the_file_comes_back_and_is_gone_after_the_end() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Health::read(dir.path()).unwrap().is_none());
        health().write(dir.path()).unwrap();
        let read = Health::read(dir.path()).unwrap().unwrap();
        assert_eq!((read.version.as_str(), read.every_seconds), ("1.2.3", 10));
        assert_eq!(read.status.terminals["gate"].error.as_ref().unwrap().kind, ErrorKind::TimedOut);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        Health::remove(dir.path()).unwrap();
        Health::remove(dir.path()).unwrap();
        assert!(Health::read(dir.path()).unwrap().is_none());
    }

    #[test]
    fn without_room_the_file_is_written_over_in_its_place_and_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let long = Health { version: "2".repeat(9_000), ..health() };
        long.write(dir.path()).unwrap();
        let length = fs::metadata(&path).unwrap().len();
        let short = serde_json::to_vec(&health()).unwrap();
        write_over(&path, short).unwrap();
        assert_eq!(Health::read(dir.path()).unwrap().unwrap().version, "1.2.3");
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
        assert!(write_over(&path, vec![b' '; 99_000]).is_err(), "it has no room to grow");
    }

    /// A clock that is set by hand.
    #[derive(Debug, Default)]
    struct ByHand(AtomicU64);

    #[async_trait]
    impl Clock for ByHand {
        fn utc_now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + self.monotonic()
        }

        fn local_now(&self) -> NaiveDateTime {
            self.utc_now().naive_utc()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[test]
    fn a_failure_lasts_since_the_first_one_however_often_it_is_repeated() {
        let clock = Arc::new(ByHand::default());
        let pass = || {
            clock.0.fetch_add(9, Ordering::Relaxed);
        };
        let health = after_failures(&(Arc::clone(&clock) as _), 4, pass);
        let since = DateTime::UNIX_EPOCH + TimeDelta::seconds(9);
        let error = health.status.terminals["gate"].error.clone().unwrap();
        assert_eq!((error.since, error.at), (since, since + TimeDelta::seconds(27)));
        let named = |grace| health.problems(clock.utc_now(), Duration::from_secs(grace)).len();
        assert_eq!((named(26), named(27)), (1, 0));
    }

    #[cfg(feature = "push")]
    #[test]
    fn a_terminal_that_pushes_has_to_call_now_and_then() {
        let clock = Arc::new(ByHand::default());
        let board = Board::new(Arc::clone(&clock) as _, Arc::new(Silent));
        board.add_pushing("gate", "push:SN1".to_owned(), "SN1".to_owned());
        let problems = |seconds| {
            clock.0.store(seconds, Ordering::Relaxed);
            let health = Health::of(board.status(), Resources::default(), "1.2.3", Duration::from_secs(10));
            health.problems(clock.utc_now(), Duration::from_secs(30)).len()
        };
        assert_eq!(problems(1_000), 0, "nobody waits for it");
        board.calls("SN1", true);
        assert_eq!((problems(1_090), problems(1_091)), (0, 1));
        board.calls("SN1", false);
        board.calls("SN1", true);
        assert_eq!((problems(1_181), problems(1_182)), (0, 1));
    }

    #[test]
    fn a_failure_counts_once_it_has_lasted_and_a_silent_service_at_once() {
        let health = health();
        let (now, grace) = (health.status.at, Duration::from_secs(20));
        assert_eq!(health.problems(now, grace), []);
        let later = now + TimeDelta::seconds(25);
        let failed = Problem::Terminal { name: "gate".to_owned(), error: "no answer".to_owned() };
        assert_eq!(health.problems(later, grace), [failed]);
        let hung = now + TimeDelta::seconds(31);
        assert_eq!(health.problems(hung, grace), [Problem::Silent { since: now }]);
    }
}
