use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::record::UserZones;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Reads when a user may enter (command 23).
#[derive(Clone, Copy, Debug)]
pub struct ReadUserZones(pub Uid);

impl Operation for ReadUserZones {
    const COMMAND: Command = Command::USERTZ_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = UserZones;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.0.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<UserZones, ProtoError> {
        UserZones::parse(reply.ok()?)
    }
}

/// Writes when a user may enter (command 24).
#[derive(Clone, Copy, Debug)]
pub struct WriteUserZones {
    /// Who.
    pub uid: Uid,
    /// When.
    pub zones: UserZones,
}

impl Operation for WriteUserZones {
    const COMMAND: Command = Command::USERTZ_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.uid.0.into());
        self.zones.encode(payload);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
