//! The removal of one person from the audit. The chain is written again from the first changed line on, and its last
//! line says so, with the hash that the audit had before.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::private::{self, sync_dir};
use crate::trail::Head;
use crate::trail::line::{self, Line, Redacted};

/// The ending of a file that is written again.
const NEW: &str = "new";

/// An audit without a person, next to the one with them.
#[derive(Debug)]
pub(crate) struct RedactedAudit {
    state: PathBuf,
    /// The text for the ledger's setting.
    pub(crate) head: String,
    files: Vec<PathBuf>,
}

/// Counts the events of a person in the audit.
pub(crate) fn count(state: &Path, user_id: &str) -> io::Result<u64> {
    let mut events = 0;
    for (_, path) in line::files(state)? {
        line::each_line(&path, |bytes, _| {
            if let Ok(Line { read: Some(read), .. }) = serde_json::from_slice(bytes) {
                events += read.events.iter().filter(|(_, _, user, _)| user == user_id).count() as u64;
            }
            Ok(())
        })?;
    }
    Ok(events)
}

/// Writes the audit again without a person, next to the one that is there. `None` if it has nothing of them. The audit
/// must verify: a chain that is written again would hide its damage.
pub(crate) fn redact(
    state: &Path,
    user_id: &str,
    events: &BTreeSet<i64>,
    now: DateTime<Utc>,
) -> io::Result<Option<RedactedAudit>> {
    remove_new(state)?;
    let files = line::files(state)?;
    let (mut redacted, mut number) = (0, 0);
    let (mut hash, mut before, mut numbers) = (line::NONE.to_owned(), line::NONE.to_owned(), events.clone());
    let mut written = Vec::new();
    let last = files.len().saturating_sub(1);
    for (place, (_, path)) in files.iter().enumerate() {
        let new = with_new(path);
        let mut file = BufWriter::new(private::create(&new)?);
        let mut push = |mut line: Line| -> io::Result<()> {
            line.prev = std::mem::take(&mut hash);
            let bytes = serde_json::to_vec(&line).map_err(io::Error::other)?;
            hash = line::hash(&bytes);
            file.write_all(&bytes)?;
            file.write_all(b"\n")
        };
        line::each_line(path, |bytes, _| {
            before = line::hash(bytes);
            let mut line: Line = serde_json::from_slice(bytes).map_err(io::Error::other)?;
            if let Some(read) = &mut line.read {
                for (seq, key, user, time) in read.events.iter_mut().filter(|(_, _, user, _)| user == user_id) {
                    redacted += 1;
                    numbers.insert(*seq);
                    for text in [key, user, time] {
                        text.clear();
                    }
                }
            }
            if let Some(sent) = &mut line.sent {
                // A reason may quote what was refused.
                for (_, reason) in sent.refused.iter_mut().filter(|(seq, _)| numbers.contains(seq)) {
                    reason.clear();
                }
            }
            number = line.n;
            push(line)
        })?;
        if place == last {
            let said = Some(Redacted { events: redacted, before: before.clone() });
            number += 1;
            push(Line { redacted: said, ..Line::new(number, String::new(), now) })?;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        written.push(path.clone());
    }
    if redacted == 0 {
        remove_new(state)?;
        return Ok(None);
    }
    sync_dir(&line::dir(state))?;
    let head = Head { n: number, hash }.text();
    Ok(Some(RedactedAudit { state: state.to_owned(), head, files: written }))
}

impl RedactedAudit {
    /// Puts it in the place of the other one.
    pub(crate) fn replace(&self) -> io::Result<()> {
        for path in &self.files {
            fs::rename(with_new(path), path)?;
        }
        sync_dir(&line::dir(&self.state))
    }
}

/// Completes a removal that a crash has cut off, by the last line that the ledger knows.
pub(super) fn complete(state: &Path, head: Option<&Head>) -> io::Result<()> {
    let files = line::files(state)?;
    let new: Vec<&PathBuf> = files.iter().map(|(_, path)| path).filter(|path| with_new(path).is_file()).collect();
    let Some(last) = new.last() else { return Ok(()) };
    let mut hash = String::new();
    line::each_line(&with_new(last), |bytes, _| {
        hash = line::hash(bytes);
        Ok(())
    })?;
    // Some may have been put in their place already.
    if head.is_none_or(|head| head.hash != hash) {
        return remove_new(state);
    }
    for path in new {
        fs::rename(with_new(path), path)?;
    }
    sync_dir(&line::dir(state))
}

fn remove_new(state: &Path) -> io::Result<()> {
    for (_, path) in line::files(state)? {
        match fs::remove_file(with_new(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn with_new(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{NEW}"));
    path.with_file_name(name)
}
