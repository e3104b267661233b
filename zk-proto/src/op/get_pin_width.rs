use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads how many digits a user id may have (command 69). `None`: the terminal does not say, as some firmware whose answer is
/// empty or 0.
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
