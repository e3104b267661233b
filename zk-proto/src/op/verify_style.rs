use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::record::UserVerifyStyle;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Bytes of what 79 writes and 80 reads: uid, style, zeros.
const RECORD: usize = 24;

/// Reads how a user has to prove who they are (command 80).
#[derive(Clone, Copy, Debug)]
pub struct ReadVerifyStyle(pub Uid);

impl Operation for ReadVerifyStyle {
    const COMMAND: Command = Command::VERIFY_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = UserVerifyStyle;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<UserVerifyStyle, ProtoError> {
        let data = reply.ok()?;
        let byte = data.get(2).ok_or(ProtoError::Truncated { what: "verify style", need: 3, have: data.len() })?;
        Ok(UserVerifyStyle(*byte))
    }
}

/// Writes how a user has to prove who they are (command 79). Source: `vectors/packets_replies.json`, captured.
#[derive(Clone, Copy, Debug)]
pub struct WriteVerifyStyle {
    /// Who.
    pub uid: Uid,
    /// How.
    pub style: UserVerifyStyle,
}

impl Operation for WriteVerifyStyle {
    const COMMAND: Command = Command::VERIFY_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.uid.0);
        payload.put_u8(self.style.0);
        payload.put_bytes(0, RECORD - 3);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
