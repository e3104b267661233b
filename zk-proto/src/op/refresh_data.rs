use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Makes the terminal take over written users and templates (command 1013). Without it some firmware goes on with the old ones.
#[derive(Clone, Copy, Debug)]
pub struct RefreshData;

impl Operation for RefreshData {
    const COMMAND: Command = Command::REFRESHDATA;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
