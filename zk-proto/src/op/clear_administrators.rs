use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Makes every administrator a common user (command 20): the way into the menu of a terminal whose administrators left.
#[derive(Clone, Copy, Debug)]
pub struct ClearAdministrators;

impl Operation for ClearAdministrators {
    const COMMAND: Command = Command::CLEAR_ADMIN;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
