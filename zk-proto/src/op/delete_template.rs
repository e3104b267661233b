use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid, UserId};

/// Deletes one fingerprint by slot (command 19). Finger 0 deletes all fingers of the user on some firmware (one source: F19).
/// A finger that is not there is refused.
#[derive(Clone, Copy, Debug)]
pub struct DeleteTemplate {
    /// Whose finger.
    pub uid: Uid,
    /// Which finger, 0-9.
    pub finger: u8,
}

impl Operation for DeleteTemplate {
    const COMMAND: Command = Command::DELETE_USERTEMP;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.uid.0);
        payload.put_u8(self.finger);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Deletes one fingerprint by user id (command 134), on terminals with 72-byte user records.
#[derive(Clone, Debug)]
pub struct DeleteTemplateOf {
    user_id: [u8; 24],
    finger: u8,
}

impl DeleteTemplateOf {
    /// The finger, 0-9, of a user.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when the id is longer than 24 bytes.
    pub fn new(user_id: &UserId, finger: u8) -> Result<Self, ProtoError> {
        let mut field = [0; 24];
        let id = user_id.as_str().as_bytes();
        field.get_mut(..id.len()).ok_or(ProtoError::Invalid { what: "user id" })?.copy_from_slice(id);
        Ok(Self { user_id: field, finger })
    }
}

impl Operation for DeleteTemplateOf {
    const COMMAND: Command = Command::DEL_FPTMP;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.user_id);
        payload.put_u8(self.finger);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
