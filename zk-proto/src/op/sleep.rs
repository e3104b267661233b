use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Sends the terminal to sleep (command 1006; one source, not verified). [`Resume`](super::Resume) wakes it.
#[derive(Clone, Copy, Debug)]
pub struct Sleep;

impl Operation for Sleep {
    const COMMAND: Command = Command::SLEEP;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
