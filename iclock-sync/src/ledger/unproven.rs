//! Whole logs and user tables that could not be proven: the files of their bytes, and what else was known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::Transaction;
use super::stored::moment;
use super::terminals;
use crate::{Ledger, LedgerError};

/// The kind of data in a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnprovenKind {
    /// A terminal's attendance log, or its tail.
    #[default]
    Attendance,
    /// A terminal's user table.
    Users,
}

/// A transfer that could not be proven, kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnprovenBuffer {
    /// Its number.
    pub id: i64,
    /// The terminal's serial number, or `name:NAME`.
    pub serial: String,
    /// The terminal's configured name.
    pub device_name: String,
    /// The kind of its data.
    pub kind: UnprovenKind,
    /// The file that holds the bytes as they came, in the state directory.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, in hex; empty for a buffer that an earlier version kept.
    pub digest: String,
    /// The reason why it was not proven.
    pub reason: String,
    /// Other knowledge; `None` for a buffer that an earlier version kept.
    pub evidence: Option<UnprovenEvidence>,
    /// The first time it was read.
    pub seen_at: DateTime<Utc>,
    /// The last time the same bytes were read.
    pub last_seen: DateTime<Utc>,
    /// The number of polls that read the same bytes.
    pub times_seen: u64,
    /// The time when a person accepted it.
    pub accepted_at: Option<DateTime<Utc>>,
}

/// The knowledge at the time when the bytes were read: everything that is needed to look at them again without the
/// terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct UnprovenEvidence {
    /// Bytes of the whole set, as the terminal announced them.
    pub announced: Option<u64>,
    /// Offset in the set at which the buffer begins; 0 for a whole set.
    pub offset: u64,
    /// The set's length word, for a buffer that begins after it.
    pub word: Option<u32>,
    /// Records that the terminal counted before the transfer.
    pub count_before: Option<u32>,
    /// Records that it counted after it.
    pub count_after: Option<u32>,
    /// The time that a right clock on the terminal's wall showed, packed as terminals do.
    pub host_now: u32,
    /// The terminal's clock, packed, if it was read.
    pub terminal_now: Option<u32>,
    /// The terminal's zone (IANA name).
    pub zone: Option<String>,
    /// Its clock's drift, in milliseconds.
    pub drift_ms: Option<i64>,
    /// For 16-byte records: verify mode before punch state.
    pub mode_first: bool,
    /// The layout of its records, as remembered or configured.
    pub layout: Option<String>,
    /// The epoch of its log in the ledger at that time.
    pub epoch: u64,
    /// Records of that epoch that were known.
    pub records: u64,
    /// The reasons why each reading was not proven, in order, in words.
    pub readings: Vec<Vec<String>>,
    /// User ids by place in the user table, if that table was read and proven. No names, no passwords.
    pub users: Option<BTreeMap<u16, String>>,
}

const COLUMNS: &str = "u.id, t.serial, t.name, u.kind, u.file, u.bytes, coalesce(u.digest, ''), u.reason, u.evidence, \
                       u.seen_at, coalesce(u.last_seen, u.seen_at), u.times_seen, u.accepted_at";

impl UnprovenKind {
    /// The word in the ledger and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attendance => "attendance",
            Self::Users => "users",
        }
    }

    fn of(word: &str) -> Self {
        if word == "users" { Self::Users } else { Self::Attendance }
    }
}

impl Ledger {
    /// Returns the transfers that could not be proven, the latest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn unproven(&self) -> Result<Vec<UnprovenBuffer>, LedgerError> {
        self.read("list unproven logs", |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM unproven u JOIN terminals t ON t.id = u.terminal
                     ORDER BY coalesce(u.last_seen, u.seen_at) DESC, u.id DESC"
                ))?
                .query_map((), |row| self.buffer(row))?
                .collect()
        })
    }

    /// Returns one of them.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn unproven_buffer(&self, id: i64) -> Result<Option<UnprovenBuffer>, LedgerError> {
        self.read("look up an unproven log", |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM unproven u JOIN terminals t ON t.id = u.terminal WHERE u.id = ?1"
                ))?
                .query_row([id], |row| self.buffer(row))
                .optional()
        })
    }

    /// Returns the user ids under which the slots of a terminal's user table punched last.
    pub(crate) fn slots(&self, serial: &str) -> Result<BTreeMap<u16, String>, LedgerError> {
        self.read("look up the slots of a terminal", |connection| {
            connection
                .prepare_cached(
                    "SELECT uid, user_id, max(seq) FROM (
                         SELECT uid, user_id, seq, terminal FROM events
                         UNION ALL SELECT uid, user_id, seq, terminal FROM shrunk
                     ) WHERE terminal = (SELECT id FROM terminals WHERE serial = ?1) AND uid IS NOT NULL GROUP BY uid",
                )?
                .query_map([serial], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Counts that the same bytes were read again; `None` if they are not kept.
    pub(crate) fn same_unproven(&self, buffer: &UnprovenBuffer) -> Result<Option<UnprovenBuffer>, LedgerError> {
        let known: Option<i64> = self.write("record an unproven log", |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE unproven SET times_seen = times_seen + 1, last_seen = ?4, reason = ?5, evidence = ?6
                     WHERE terminal = (SELECT id FROM terminals WHERE serial = ?1) AND kind = ?2 AND digest = ?3
                         AND accepted_at IS NULL RETURNING id",
                )?
                .query_row(
                    (
                        &buffer.serial,
                        buffer.kind.as_str(),
                        &buffer.digest,
                        buffer.last_seen.timestamp(),
                        &buffer.reason,
                        as_json(buffer),
                    ),
                    |row| row.get(0),
                )
                .optional()
        })?;
        known.map_or(Ok(None), |id| self.unproven_buffer(id))
    }

    /// Remembers a transfer that could not be proven, and forgets all but the last `kept` of its terminal and kind, or
    /// fewer if these have more than so many bytes together; never the last one. Returns its number, and the names of
    /// files that are no longer needed.
    pub(crate) fn add_unproven(
        &self,
        buffer: &UnprovenBuffer,
        kept: u32,
        bytes: u64,
    ) -> Result<(i64, Vec<String>), LedgerError> {
        self.write("record an unproven log", |transaction| {
            let terminal = terminals::id_of(transaction, &buffer.serial, &buffer.device_name)?;
            transaction
                .prepare_cached(
                    "INSERT INTO unproven (terminal, kind, file, bytes, digest, reason, evidence, seen_at, last_seen)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
                )?
                .execute((
                    terminal,
                    buffer.kind.as_str(),
                    buffer.file.to_string_lossy(),
                    buffer.bytes.cast_signed(),
                    &buffer.digest,
                    &buffer.reason,
                    as_json(buffer),
                    buffer.seen_at.timestamp(),
                ))?;
            let id = transaction.last_insert_rowid();
            let files = transaction
                .prepare_cached(
                    "DELETE FROM unproven WHERE id IN (
                         SELECT id FROM (
                             SELECT id, row_number() OVER newest AS n, sum(bytes) OVER newest AS total
                             FROM unproven WHERE terminal = ?1 AND kind = ?2 WINDOW newest AS (ORDER BY id DESC)
                         ) WHERE n > ?3 OR (n > 1 AND total > ?4)
                     ) RETURNING file",
                )?
                .query_map((terminal, buffer.kind.as_str(), kept, bytes.cast_signed()), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok((id, files))
        })
    }

    fn buffer(&self, row: &Row<'_>) -> rusqlite::Result<UnprovenBuffer> {
        Ok(UnprovenBuffer {
            id: row.get(0)?,
            serial: row.get(1)?,
            device_name: row.get(2)?,
            kind: UnprovenKind::of(row.get_ref(3)?.as_str()?),
            file: self.dir().join(row.get_ref(4)?.as_str()?),
            bytes: row.get::<_, i64>(5)?.cast_unsigned(),
            digest: row.get(6)?,
            reason: row.get(7)?,
            evidence: row.get_ref(8)?.as_str_or_null()?.and_then(|text| serde_json::from_str(text).ok()),
            seen_at: moment(row.get(9)?),
            last_seen: moment(row.get(10)?),
            times_seen: row.get::<_, i64>(11)?.cast_unsigned(),
            accepted_at: row.get::<_, Option<i64>>(12)?.map(moment),
        })
    }
}

/// The ending of a file that is not whole yet.
pub(crate) const PART: &str = "part";

/// Removes files that a process left unfinished when it was killed.
pub(super) fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir.join("unproven")) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|ending| ending == PART) {
            // It costs only room.
            let _ = fs::remove_file(path);
        }
    }
}

/// Marks a buffer as accepted.
pub(crate) fn mark_accepted(transaction: &Transaction<'_>, id: i64, at: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE unproven SET accepted_at = ?2 WHERE id = ?1")?.execute((id, at))?;
    Ok(())
}

fn as_json(buffer: &UnprovenBuffer) -> Option<String> {
    buffer.evidence.as_ref().and_then(|evidence| serde_json::to_string(evidence).ok())
}
