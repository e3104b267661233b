use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Deletes every attendance record of the terminal (command 15). Nothing brings them back.
#[derive(Clone, Copy, Debug)]
pub struct ClearAttendanceLog;

impl Operation for ClearAttendanceLog {
    const COMMAND: Command = Command::CLEAR_ATTLOG;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
