use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Drops the terminal's transfer buffer (command 1502). Harmless when there is none.
#[derive(Clone, Copy, Debug)]
pub struct FreeData;

impl Operation for FreeData {
    const COMMAND: Command = Command::FREE_DATA;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
