use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::AccessGroup;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads an access group by its number (command 25).
#[derive(Clone, Copy, Debug)]
pub struct ReadAccessGroup(pub u8);

impl Operation for ReadAccessGroup {
    const COMMAND: Command = Command::GRPTZ_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = AccessGroup;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.0);
        payload.put_bytes(0, 7);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<AccessGroup, ProtoError> {
        AccessGroup::parse(reply.ok()?)
    }
}

/// Writes an access group (command 26).
#[derive(Clone, Debug)]
pub struct WriteAccessGroup(Bytes);

impl WriteAccessGroup {
    /// The whole group, in place of what it was.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a field has no place in the record.
    pub fn new(record: &AccessGroup) -> Result<Self, ProtoError> {
        let mut data = BytesMut::new();
        record.encode(&mut data)?;
        Ok(Self(data.freeze()))
    }
}

impl Operation for WriteAccessGroup {
    const COMMAND: Command = Command::GRPTZ_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
