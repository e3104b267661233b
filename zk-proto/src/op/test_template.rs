use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Asks whose finger a template is (command 1011; one source, a manual of 2006). `None`: nobody's.
#[derive(Clone, Copy)]
pub struct TestTemplate<'a>(pub &'a [u8]);

impl core::fmt::Debug for TestTemplate<'_> {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TestTemplate({} bytes)", self.0.len())
    }
}

impl Operation for TestTemplate<'_> {
    const COMMAND: Command = Command::TEST_TEMP;
    const REPEATABLE: bool = true;
    type Answer = Option<Uid>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<Uid>, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(None);
        }
        let data = reply.ok()?;
        let uid = data.first_chunk().map(|uid| Uid(u16::from_le_bytes(*uid)));
        uid.map(Some).ok_or(ProtoError::Truncated { what: "uid of a template", need: 2, have: data.len() })
    }
}
