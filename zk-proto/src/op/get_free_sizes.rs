use bytes::BytesMut;

use super::Operation;
use crate::record::FreeSizes;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads counts and capacities (command 50).
#[derive(Clone, Copy, Debug)]
pub struct GetFreeSizes;

impl Operation for GetFreeSizes {
    const COMMAND: Command = Command::GET_FREE_SIZES;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = FreeSizes;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<FreeSizes, ProtoError> {
        FreeSizes::parse(reply.ok()?)
    }
}
