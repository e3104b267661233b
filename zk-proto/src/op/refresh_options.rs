use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Makes the terminal take over written options (command 1014). Without it some firmware goes on with the old ones.
#[derive(Clone, Copy, Debug)]
pub struct RefreshOptions;

impl Operation for RefreshOptions {
    const COMMAND: Command = Command::REFRESHOPTION;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
