use alloc::string::String;

use bytes::BytesMut;

use super::{Operation, text};
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads the firmware version (command 1100), e.g. `Ver 6.60 Jun 16 2015`.
#[derive(Clone, Copy, Debug)]
pub struct GetVersion;

impl Operation for GetVersion {
    const COMMAND: Command = Command::GET_VERSION;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = String;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<String, ProtoError> {
        reply.ok().map(text)
    }
}
