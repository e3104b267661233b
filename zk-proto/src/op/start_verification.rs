use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Lets the terminal recognize people again after a capture, an enrolment or a menu (command 60).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartVerification {
    /// Whoever comes.
    Anybody,
    /// The user in this slot alone.
    Only(Uid),
}

impl Operation for StartVerification {
    const COMMAND: Command = Command::STARTVERIFY;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        if let Self::Only(uid) = self {
            payload.put_u16_le(uid.0);
        }
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
