use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Ends whatever the terminal is capturing, an enrolment included (command 62).
#[derive(Clone, Copy, Debug)]
pub struct CancelCapture;

impl Operation for CancelCapture {
    const COMMAND: Command = Command::CANCELCAPTURE;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
