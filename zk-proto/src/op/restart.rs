use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Restarts the terminal (command 1004). Some firmware goes down without an answer; it is back after 30-90 s.
#[derive(Clone, Copy, Debug)]
pub struct Restart;

impl Operation for Restart {
    const COMMAND: Command = Command::RESTART;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
