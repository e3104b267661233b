//! The terminal's clock.

use bytes::{BufMut, BytesMut};

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

/// Sets the terminal's clock (command 202) to a wall time of its own zone.
#[derive(Clone, Copy, Debug)]
pub struct SetTime(pub DeviceTime);

impl Operation for SetTime {
    const COMMAND: Command = Command::SET_TIME;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
