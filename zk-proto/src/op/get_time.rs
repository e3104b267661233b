use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, DeviceTime, ProtoError};

/// Reads the terminal's clock (command 201). Device-local, no zone, whole seconds.
#[derive(Clone, Copy, Debug)]
pub struct GetTime;

impl Operation for GetTime {
    const COMMAND: Command = Command::GET_TIME;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = DeviceTime;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<DeviceTime, ProtoError> {
        DeviceTime::parse(reply.ok()?)
    }
}
