use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Blocks keypad and sensors until [`EnableDevice`](super::EnableDevice) (command 1003).
#[derive(Clone, Copy, Debug)]
pub struct DisableDevice;

impl Operation for DisableDevice {
    const COMMAND: Command = Command::DISABLEDEVICE;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
