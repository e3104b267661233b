use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Opens the door (command 31).
#[derive(Clone, Copy, Debug)]
pub struct Unlock {
    /// How long, in the terminal's own unit: tenths of a second on most firmware, seconds on some.
    pub ticks: u32,
}

impl Operation for Unlock {
    const COMMAND: Command = Command::UNLOCK;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.ticks);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
