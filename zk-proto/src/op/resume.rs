use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Wakes the terminal from [`Sleep`](super::Sleep) (command 1007; one source, not verified).
#[derive(Clone, Copy, Debug)]
pub struct Resume;

impl Operation for Resume {
    const COMMAND: Command = Command::RESUME;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
