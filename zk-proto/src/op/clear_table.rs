use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Deletes all rows of one table (command 14 with a type). Nothing brings them back: read them first.
///
/// The request always names a table, for without one it would mean all of them, see [`EraseEverything`](super::EraseEverything).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearTable {
    /// The attendance log; as [`ClearAttendanceLog`](super::ClearAttendanceLog).
    Attendance,
    /// The fingerprints of all users.
    Templates,
    /// The operation log; as [`ClearOperationLog`](super::ClearOperationLog).
    Operations,
    /// All users, and with them their fingerprints.
    Users,
}

impl ClearTable {
    /// Source of the numbers: the field's clients agree. 3 means no table.
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
