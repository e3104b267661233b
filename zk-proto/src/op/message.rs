//! Short messages.

use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::{MessageLink, ShortMessage};
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads a short message by its number (command 71). `None`: there is none.
#[derive(Clone, Copy, Debug)]
pub struct ReadMessage(pub u16);

impl Operation for ReadMessage {
    const COMMAND: Command = Command::SMS_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = Option<ShortMessage>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<ShortMessage>, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(None);
        }
        ShortMessage::parse(reply.ok()?).map(Some)
    }
}

/// Writes a short message under its number (command 70).
#[derive(Clone, Debug)]
pub struct WriteMessage(Bytes);

impl WriteMessage {
    /// Replaces the message with this number, if there is one.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a field does not fit the record.
    pub fn new(record: &ShortMessage) -> Result<Self, ProtoError> {
        let mut data = BytesMut::new();
        record.encode(&mut data)?;
        Ok(Self(data.freeze()))
    }
}

impl Operation for WriteMessage {
    const COMMAND: Command = Command::SMS_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Deletes a short message by its number (command 72).
#[derive(Clone, Copy, Debug)]
pub struct DeleteMessage(pub u16);

impl Operation for DeleteMessage {
    const COMMAND: Command = Command::DELETE_SMS;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Addresses a short message to a user (command 73; one source, the vendor's manual of 2006).
#[derive(Clone, Copy, Debug)]
pub struct LinkMessage(pub MessageLink);

impl Operation for LinkMessage {
    const COMMAND: Command = Command::UDATA_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        self.0.encode(payload);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Takes a short message away from a user (command 74; one source, the vendor's manual of 2006).
#[derive(Clone, Copy, Debug)]
pub struct UnlinkMessage(pub MessageLink);

impl Operation for UnlinkMessage {
    const COMMAND: Command = Command::DELETE_UDATA;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        self.0.encode(payload);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
