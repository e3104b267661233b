use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Lets people use the terminal again (command 1002).
#[derive(Clone, Copy, Debug)]
pub struct EnableDevice;

impl Operation for EnableDevice {
    const COMMAND: Command = Command::ENABLEDEVICE;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
