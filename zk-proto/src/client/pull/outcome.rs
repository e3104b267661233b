//! What a pull found.

use std::string::String;
use std::vec::Vec;

use crate::proof::{Counts, Doubt, Known, Proven, Remembered, Unproven, UserTable};

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of it that came.
    pub bytes: u64,
    /// Bytes that are to come.
    pub of: u64,
}

/// What a pull found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pulled {
    /// The log ends where it is known to end.
    Unchanged,
    /// What stands behind the known end.
    Tail(Proven),
    /// The whole log, from its first record on.
    Full(Proven),
    /// No proof, on a fresh session either. The last reading, and why each failed.
    Unproven {
        /// The last reading, with its bytes.
        last: Unproven,
        /// Why each reading failed, in order.
        readings: Vec<Vec<Doubt>>,
    },
    /// The records name people by their place in the user table, and that has no proof, on a fresh session either. Its last
    /// reading.
    UsersUnproven(Unproven),
}

/// What a pull found, and what it learnt on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pull {
    /// What it found.
    pub found: Pulled,
    /// The user table, where there are records that name people by their place in it
    /// ([`AttendanceLayout::needs_users`](crate::record::AttendanceLayout::needs_users)).
    pub users: Option<UserTable>,
    /// Bytes of the log that were read, those read again included.
    pub bytes_read: u64,
    /// Sessions that it took.
    pub sessions: u32,
    /// Why each earlier reading of the log was not proven, so that it was read again; empty when one reading was enough.
    pub readings: Vec<Vec<Doubt>>,
    /// Why the transfer went on in another session, once for each: a lost line, missing or damaged bytes.
    pub interruptions: Vec<String>,
    /// How many records the log has, as its bytes say; `None` when they are not proven.
    pub records_on_device: Option<u64>,
    /// How many records the terminal counted before and after.
    pub counts: Counts,
    /// What is to be remembered of the terminal.
    pub remembered: Remembered,
    /// The terminal refused to read from an offset.
    pub offsets_refused: bool,
    /// The log's end as it is known now, for the next pull; `None` for an empty log and for one that is not proven.
    pub known: Option<Known>,
}
