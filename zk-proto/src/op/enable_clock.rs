use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Lets the colon of the clock on the screen blink, or stops it (command 57; one source sends the byte, another none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnableClock {
    /// Whether it blinks.
    pub blink: bool,
}

impl Operation for EnableClock {
    const COMMAND: Command = Command::ENABLE_CLOCK;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.blink.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
