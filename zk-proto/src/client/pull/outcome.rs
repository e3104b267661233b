//! The result of a pull.

use std::string::String;
use std::vec::Vec;

use crate::proof::{Counts, Doubt, Known, Proven, Remembered, Unproven, UserTable};

/// The records that a pull found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pulled {
    /// Nothing is new: the log ends where it is known to end.
    Unchanged,
    /// The records after the known end.
    Tail(Proven),
    /// The whole log, from its first record on.
    Full(Proven),
    /// The log could not be proven, not on a new session either.
    Unproven {
        /// The last reading, with its bytes.
        last: Unproven,
        /// Why each reading failed, in order.
        readings: Vec<Vec<Doubt>>,
    },
    /// The records name people by slot, and the user table could not be proven, not on a new session either. Holds its
    /// last reading.
    UsersUnproven(Unproven),
}

/// The result of a pull, and what it learned on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pull {
    /// The records.
    pub found: Pulled,
    /// The user table, if there are records that name people by slot
    /// ([`AttendanceLayout::needs_users`](crate::record::AttendanceLayout::needs_users)).
    pub users: Option<UserTable>,
    /// Bytes of the log that were read, including repeated reads.
    pub bytes_read: u64,
    /// Sessions that were used.
    pub sessions: u32,
    /// Why each earlier reading was not proven and had to be repeated; empty if one reading was enough.
    pub readings: Vec<Vec<Doubt>>,
    /// Why the transfer continued in another session, one entry each: a lost connection, missing or damaged bytes.
    pub interruptions: Vec<String>,
    /// The number of records in the log, from its bytes; `None` if they are not proven.
    pub records_on_device: Option<u64>,
    /// The terminal's counts of records before and after the transfer.
    pub counts: Counts,
    /// Facts about the terminal to remember for the next pull.
    pub remembered: Remembered,
    /// The terminal refused a read from an offset.
    pub offsets_refused: bool,
    /// The known end of the log for the next pull; `None` for an empty or unproven log.
    pub known: Option<Known>,
}
