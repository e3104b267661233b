use bytes::BytesMut;

use super::Operation;
use crate::record::MessageLink;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Says that a short message is for a user (command 73; one source, the vendor's manual of 2006).
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

/// Says that a short message is no longer for a user (command 74; one source, the vendor's manual of 2006).
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
