//! Deleting whole tables.

use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Deletes every attendance record of the terminal (command 15). Nothing brings them back.
#[derive(Clone, Copy, Debug)]
pub struct ClearAttendanceLog;

bare!(ClearAttendanceLog, CLEAR_ATTLOG);

/// Deletes the whole operation log: who changed what at the terminal, and when (command 33). Nothing brings it back.
#[derive(Clone, Copy, Debug)]
pub struct ClearOperationLog;

bare!(ClearOperationLog, CLEAR_OPLOG);

/// Deletes all rows of one table (command 14 with a type). Nothing brings them back: read them first.
///
/// The request always names a table. Without one it would clear all of them, see
/// [`EraseEverything`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearTable {
    /// The attendance log; as [`ClearAttendanceLog`].
    Attendance,
    /// The fingerprints of all users.
    Templates,
    /// The operation log; as [`ClearOperationLog`].
    Operations,
    /// All users, and with them their fingerprints.
    Users,
}

impl ClearTable {
    /// Source of the numbers: other implementations agree. 3 means no table.
    const fn number(self) -> u8 {
        match self {
            Self::Attendance => 1,
            Self::Templates => 2,
            Self::Operations => 4,
            Self::Users => 5,
        }
    }
}

impl Operation for ClearTable {
    const COMMAND: Command = Command::CLEAR_DATA;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.number());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Deletes **every user, every fingerprint and every log** of the terminal at once (command 14 without a type). Nothing
/// brings them back, and nobody can enter any more. [`ClearTable`] empties one table.
#[derive(Clone, Copy, Debug)]
pub struct EraseEverything;

bare!(EraseEverything, CLEAR_DATA);
