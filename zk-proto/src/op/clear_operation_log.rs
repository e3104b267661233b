use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Deletes the whole operation log: who changed what at the terminal, and when (command 33). Nothing brings it back.
#[derive(Clone, Copy, Debug)]
pub struct ClearOperationLog;

impl Operation for ClearOperationLog {
    const COMMAND: Command = Command::CLEAR_OPLOG;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
