//! Live events.

use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Registers for live events (command 500): one bit for each kind, 0 ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterEvents(pub u32);

impl RegisterEvents {
    /// Punches alone.
    pub const ATTENDANCE: Self = Self(1);
    /// Everything that official tools ask for.
    pub const ALL: Self = Self(0xFFFF);
    /// No events any more.
    pub const NONE: Self = Self(0);
}

impl Operation for RegisterEvents {
    const COMMAND: Command = Command::REG_EVENT;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
