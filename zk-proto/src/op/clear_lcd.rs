use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Clears the screen of what [`WriteLcd`](super::WriteLcd) put there (command 67).
#[derive(Clone, Copy, Debug)]
pub struct ClearLcd;

impl Operation for ClearLcd {
    const COMMAND: Command = Command::CLEAR_LCD;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
