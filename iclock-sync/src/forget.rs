//! Removes one person's data: from the ledger, the quarantine, the names, the audit and the kept logs.
//!
//! | place | what happens |
//! |---|---|
//! | events, quarantine, names | removed, and overwritten in the file |
//! | the audit | the person's entries are emptied, the chain is written again, and its last line says so |
//! | logs that could not be proven | a file that may have the person's records is removed as a whole |
//! | captures of what terminals push | removed as a whole |
//! | sinks, copies of cleared logs | not changed: [`traces`] lists them |
//!
//! The person stays known by a digest under a random key of the ledger, so that the next full read of a terminal does
//! not bring them back. Somebody who has the ledger and tries every user id can find out that this one was forgotten,
//! and nothing else. Punches after the removal count again: a user id may be given to somebody else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};

pub use crate::ledger::AtSink;

use crate::audit::{self, Problem, redact};
use crate::ledger::{Removal, UnprovenBuffer};
use crate::{Ledger, LedgerError};

/// The directory with copies of logs that were cleared.
const CLEARED: &str = "cleared";

/// What is stored about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traces {
    /// Events in the ledger.
    pub events: u64,
    /// Records in the quarantine.
    pub quarantined: u64,
    /// The names that terminals have for the person.
    pub names: Vec<String>,
    /// Events in the audit.
    pub audited: u64,
    /// Kept logs that may have records of the person. They are removed as a whole.
    pub unproven: Vec<UnprovenBuffer>,
    /// What the sinks were given. They are not changed.
    pub sinks: Vec<AtSink>,
    /// Copies of cleared logs that may have records of the person. They are not changed.
    pub cleared: Vec<PathBuf>,
}

/// The reason why a person was not forgotten. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The audit was changed. A chain that is written again would hide it.
    #[error("the audit has {} problems, which writing it again would hide; the first is {}", .0.len(), first(.0))]
    Audit(Vec<Problem>),
    /// The audit or a kept log cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}

/// Collects what is stored about a person. It works while a service runs.
///
/// # Errors
/// [`ForgetError::Ledger`] and [`ForgetError::Io`].
pub fn traces(ledger: &Ledger, user_id: &str) -> Result<Traces, ForgetError> {
    let rows = ledger.person(user_id)?;
    let unproven = ledger.unproven()?.into_iter().filter(|buffer| may_have(buffer, user_id)).collect();
    Ok(Traces {
        events: rows.events.len() as u64,
        quarantined: rows.quarantined,
        names: rows.names,
        audited: redact::count(ledger.dir(), user_id).map_err(io(ledger.dir()))?,
        unproven,
        sinks: rows.sinks,
        cleared: cleared(ledger.dir(), user_id).map_err(io(ledger.dir()))?,
    })
}

/// Removes a person's data, and returns what there was. `wall` is the time on the terminals' walls: punches up to it
/// are the person's and do not enter again.
///
/// # Errors
/// [`ForgetError`]; then nothing was changed.
pub fn forget(ledger: &Ledger, user_id: &str, wall: NaiveDateTime, now: DateTime<Utc>) -> Result<Traces, ForgetError> {
    let verdict = audit::verify(ledger).map_err(io(ledger.dir()))?;
    if !verdict.problems.is_empty() {
        return Err(ForgetError::Audit(verdict.problems));
    }
    let traces = traces(ledger, user_id)?;
    let events = ledger.person(user_id)?.events;
    let redacted = redact::redact(ledger.dir(), user_id, &events, now).map_err(io(ledger.dir()))?;
    let unproven: Vec<i64> = traces.unproven.iter().map(|buffer| buffer.id).collect();
    ledger.remove_person(&Removal {
        user_id,
        until: wall.and_utc().timestamp(),
        now: now.timestamp(),
        unproven: &unproven,
        audit: redacted.as_ref().map(|redacted| redacted.head.as_str()),
    })?;
    // From here on it is done. What a crash leaves is completed when the audit or the ledger is opened next.
    if let Some(redacted) = redacted {
        redacted.replace().map_err(io(ledger.dir()))?;
    }
    for buffer in &traces.unproven {
        match fs::remove_file(&buffer.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(&buffer.file)(error)),
            _ => {}
        }
    }
    // They have punches, too, and none that is needed.
    #[cfg(feature = "push")]
    {
        let captures = ledger.dir().join(crate::receive::capture::CAPTURES);
        match fs::remove_dir_all(&captures) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(&captures)(error)),
            _ => {}
        }
    }
    Ok(traces)
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> ForgetError {
    let path = path.to_owned();
    move |source| ForgetError::Io { path, source }
}

/// Returns true if a kept log may have records of a person. In doubt it may.
fn may_have(buffer: &UnprovenBuffer, user_id: &str) -> bool {
    let known = buffer.evidence.clone().unwrap_or_default();
    if known.users.as_ref().is_some_and(|users| users.values().any(|user| user == user_id)) {
        return true;
    }
    // A missing file has nothing.
    let Ok(bytes) = fs::read(&buffer.file) else { return false };
    has_text(&bytes, user_id) || has_number(&bytes, user_id, known.layout.as_deref())
}

/// Returns true if the bytes have the user id as a text of its own.
fn has_text(bytes: &[u8], user_id: &str) -> bool {
    let wanted = user_id.as_bytes();
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !wanted.is_empty()
        && bytes.windows(wanted.len()).enumerate().any(|(at, part)| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            part == wanted && !is_part(before) && !is_part(bytes.get(at + wanted.len()))
        })
}

/// Returns true if the bytes may have the user id as a number, in a layout that has numbers. Where people are named by
/// their slots, nothing tells whose records they are.
fn has_number(bytes: &[u8], user_id: &str, layout: Option<&str>) -> bool {
    let Ok(number) = user_id.parse::<u32>() else { return false };
    match layout {
        Some("16") | None => bytes.windows(4).any(|part| part == number.to_le_bytes()),
        Some(layout) => layout.starts_with('8'),
    }
}

/// The copies of cleared logs that may have records of a person.
fn cleared(state: &Path, user_id: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(state.join(CLEARED)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_checksum = path.extension().is_some_and(|ending| ending == "sha256");
        let bytes = if is_checksum || !path.is_file() { continue } else { fs::read(&path)? };
        found.extend((has_text(&bytes, user_id) || has_number(&bytes, user_id, None)).then_some(path));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_found_as_a_text_of_its_own_and_not_within_another() {
        assert!(!has_text(b"\0\0", "42") && has_text(b"\x0142\0\0", "42"));
        assert!(!has_text(b"1042\0", "42") && !has_text(b"421\0", "42") && has_text(b"1042\0\x0042", "42"));
    }

    #[test]
    fn a_number_counts_in_layouts_with_numbers_alone() {
        let bytes = [0, 42, 0, 0, 0, 7];
        assert!(has_number(&bytes, "42", Some("16")) && !has_number(&bytes, "43", Some("16")));
        assert!(!has_number(&bytes, "42", Some("40")) && has_number(&bytes, "43", Some("8b")));
    }
}
