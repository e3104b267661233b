use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Deletes a user, and the user's templates with it (command 18). A slot that nobody has is refused (2001).
#[derive(Clone, Copy, Debug)]
pub struct DeleteUser(pub Uid);

impl Operation for DeleteUser {
    const COMMAND: Command = Command::DELETE_USER;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
