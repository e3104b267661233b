use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::record::UnlockCombination;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads an unlock combination by its number, 1-10 (command 29). Black-and-white terminals have it as a text, whose form is not known.
#[derive(Clone, Copy, Debug)]
pub struct ReadUnlockCombination(pub u8);

impl Operation for ReadUnlockCombination {
    const COMMAND: Command = Command::ULG_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = UnlockCombination;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.0);
        payload.put_bytes(0, 7);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<UnlockCombination, ProtoError> {
        UnlockCombination::parse(reply.ok()?)
    }
}

/// Writes an unlock combination (command 30); not on black-and-white terminals, see [`ReadUnlockCombination`].
#[derive(Clone, Copy, Debug)]
pub struct WriteUnlockCombination(pub UnlockCombination);

impl Operation for WriteUnlockCombination {
    const COMMAND: Command = Command::ULG_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        self.0.encode(payload);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
