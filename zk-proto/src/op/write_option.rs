use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Writes one option (command 12). A terminal may acknowledge a write and ignore it: read it back.
#[derive(Clone, Copy)]
pub struct WriteOption<'a> {
    /// The option's name.
    pub name: &'a str,
    /// Its new value; never printed, for it may be the comm key.
    pub value: &'a str,
}

impl core::fmt::Debug for WriteOption<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WriteOption").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Operation for WriteOption<'_> {
    const COMMAND: Command = Command::OPTIONS_WRQ;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(self.name.as_bytes());
        payload.put_u8(b'=');
        payload.put_slice(self.value.as_bytes());
        payload.put_u8(0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
