//! Facts about the firmware that are not options.

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

/// Reads how many digits a user id may have (command 69). `None` when the terminal does not say: some firmware answers
/// nothing, or 0.
#[derive(Clone, Copy, Debug)]
pub struct GetPinWidth;

impl Operation for GetPinWidth {
    const COMMAND: Command = Command::GET_PINWIDTH;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = Option<u8>;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<u8>, ProtoError> {
        Ok(reply.ok()?.first().copied().filter(|width| *width != 0))
    }
}
