use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, DeviceTime, ProtoError};

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
