//! The lines of the audit: one JSON object each, with the hash of the line before.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The directory of the audit in the state directory.
const DIR: &str = "audit";

/// The hash before the first line.
pub(crate) const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line. It has one of the last seven fields.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Counts the lines of all files, from 0.
    pub(crate) n: u64,
    /// SHA-256 of the line before, without its line feed, in hexadecimal digits.
    pub(crate) prev: String,
    /// The time at which the line was written.
    pub(crate) at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begins: Option<Begins>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read: Option<Read>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<Sent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) push: Option<Push>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Order>,
    /// Damage that was found when the audit was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) damage: Option<String>,
    /// A person was removed, and the chain was written again up to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redacted: Option<Redacted>,
}

impl Line {
    /// A line that says nothing yet.
    pub(crate) fn new(n: u64, prev: String, at: DateTime<Utc>) -> Self {
        Self {
            n,
            prev,
            at,
            begins: None,
            read: None,
            sent: None,
            push: None,
            order: None,
            damage: None,
            redacted: None,
        }
    }
}

/// The removal of a person.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redacted {
    /// Events that were emptied.
    pub(crate) events: u64,
    /// The hash of the last line before.
    pub(crate) before: String,
}

/// The first line of a file: how far the files before it go.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Begins {
    pub(crate) version: u32,
    /// The last event that was read.
    pub(crate) read: i64,
    /// The watermark of each target.
    pub(crate) sinks: BTreeMap<String, i64>,
}

/// Events that entered the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Read {
    pub(crate) read_at: DateTime<Utc>,
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) terminal: String,
    pub(crate) device: String,
    /// `pull`, `live`, `push`, or `by_hand`.
    pub(crate) how: String,
    /// Number, key, user id and time on the terminal of each.
    pub(crate) events: Vec<(i64, String, String, String)>,
}

/// Events that went out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) sink: String,
    pub(crate) target: String,
    /// The sink's watermark once this is recorded.
    pub(crate) through: i64,
    /// Stored now: the first and the last of each run of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stored: Vec<(i64, i64)>,
    /// Found to be stored already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) had: Vec<(i64, i64)>,
    /// Refused for good, with reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused: Vec<(i64, String)>,
    /// The ledger says that they were stored; the time is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) derived: bool,
}

/// Something between this program and a terminal that pushes. It has no value of a command: those may be secrets, or
/// names of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Push {
    /// The serial number that the terminal gives.
    pub(crate) terminal: String,
    /// `sent`: it was sent a command. `answered`: its result came. `dialect`: it speaks another dialect than before.
    pub(crate) what: String,
    /// The number of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<u32>,
    /// The first words of the command; or the dialect before, and the one now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
    /// The code of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i64>,
}

/// An order that a person or a program gave, before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// The name of the one who gave it.
    pub by: String,
    /// The address from which it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The order in one or a few words, such as `pause sink`. It has no secret and nothing of a person.
    pub what: String,
    /// The terminal, sink or record that it is about.
    pub of: String,
}

impl Order {
    /// An order of somebody about something.
    #[must_use]
    pub fn new(by: impl Into<String>, what: impl Into<String>, of: impl Into<String>) -> Self {
        Self { by: by.into(), from: None, what: what.into(), of: of.into() }
    }

    /// With the address from which it came.
    #[must_use]
    pub fn from(mut self, address: impl Into<String>) -> Self {
        self.from = Some(address.into());
        self
    }
}

/// Something that the ledger does not have: after an error it is missing.
#[derive(Clone, Debug)]
pub(crate) enum Beside {
    /// It was between this program and a terminal that pushes.
    #[cfg_attr(not(feature = "push"), allow(dead_code, reason = "only a receiver makes it"))]
    Push(Push),
    /// Somebody ordered it.
    Order(Order),
}

/// The hash of a line without its line feed.
pub(crate) fn hash(line: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(line) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Runs of consecutive numbers.
pub(crate) fn runs(mut numbers: Vec<i64>) -> Vec<(i64, i64)> {
    numbers.sort_unstable();
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number <= *last + 1 => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// The directory of the audit.
pub(crate) fn dir(state: &Path) -> PathBuf {
    state.join(DIR)
}

/// The files of the audit, oldest first, with their numbers.
pub(crate) fn files(state: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let entries = match fs::read_dir(dir(state)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(number_of);
        files.extend(number.map(|number| (number, path)));
    }
    files.sort_unstable();
    Ok(files)
}

/// The path of a file.
pub(crate) fn path(state: &Path, number: u32) -> PathBuf {
    dir(state).join(format!("audit-{number:06}.jsonl"))
}

fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.parse().ok()
}

/// Reads a file line by line. The flag is false for a last line that is cut off.
pub(crate) fn each_line(path: &Path, mut take: impl FnMut(&[u8], bool) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let whole = line.last() == Some(&b'\n');
        take(line.strip_suffix(b"\n").unwrap_or(&line), whole)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_numbers_become_runs() {
        assert_eq!(runs(vec![3, 1, 2, 9, 7, 8, 20]), [(1, 3), (7, 9), (20, 20)]);
        assert_eq!(runs(Vec::new()), []);
    }
}
