use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::encoding::TextEncoding;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Bytes of text that one datagram has room for, behind the line number and two more bytes; far more than a screen.
const MAX_TEXT: usize = 1020;

/// Writes a text on a line of the screen (command 66). Black-and-white terminals show it; others say yes and show nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteLcd {
    line: u16,
    text: Vec<u8>,
}

impl WriteLcd {
    /// A text in the terminal's code page on a line, the first of which is 0. What the screen has no room for it leaves out.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when the code page lacks a character.
    pub fn new(line: u16, text: &str, encoding: TextEncoding) -> Result<Self, ProtoError> {
        let text = encoding.encode(text, MAX_TEXT).ok_or(ProtoError::Invalid { what: "text for the screen" })?;
        Ok(Self { line, text })
    }
}

impl Operation for WriteLcd {
    const COMMAND: Command = Command::WRITE_LCD;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.line);
        payload.put_u8(0);
        // Some clients leave the space out.
        payload.put_u8(b' ');
        payload.put_slice(&self.text);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
