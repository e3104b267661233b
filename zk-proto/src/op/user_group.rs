use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Reads a user's access group (command 21).
#[derive(Clone, Copy, Debug)]
pub struct ReadUserGroup(pub Uid);

impl Operation for ReadUserGroup {
    const COMMAND: Command = Command::USERGRP_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = u8;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.0.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<u8, ProtoError> {
        let data = reply.ok()?;
        data.first().copied().ok_or(ProtoError::Truncated { what: "access group of a user", need: 1, have: 0 })
    }
}

/// Puts a user into an access group (command 22): 1-5 on black-and-white terminals, 1-100 on others.
///
/// The vendor's manual of 2006 has the group in four bytes; every client sends one.
#[derive(Clone, Copy, Debug)]
pub struct WriteUserGroup {
    /// Who.
    pub uid: Uid,
    /// The group.
    pub group: u8,
}

impl Operation for WriteUserGroup {
    const COMMAND: Command = Command::USERGRP_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.uid.0.into());
        payload.put_u8(self.group);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
