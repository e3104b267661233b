use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Deletes **every user, every fingerprint and every log** of the terminal at once (command 14 without a type). Nothing brings them
/// back, and nobody can enter any more. To empty one table there is [`ClearTable`](super::ClearTable).
#[derive(Clone, Copy, Debug)]
pub struct EraseEverything;

impl Operation for EraseEverything {
    const COMMAND: Command = Command::CLEAR_DATA;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
