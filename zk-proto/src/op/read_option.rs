use alloc::string::String;

use bytes::{BufMut, BytesMut};

use super::{Operation, text};
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads one option by name (command 11). `None`: the terminal has no such option.
#[derive(Clone, Copy, Debug)]
pub struct ReadOption<'a>(pub &'a str);

impl Operation for ReadOption<'_> {
    const COMMAND: Command = Command::OPTIONS_RRQ;
    const REPEATABLE: bool = true;
    type Answer = Option<String>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(self.0.as_bytes());
        payload.put_u8(0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<String>, ProtoError> {
        // Firmware families differ in how they say "no such option": vectors/options.json.
        if matches!(reply.code, Command::ACK_ERROR | Command::ACK_UNKNOWN | Command::OPTION_READ_FAILED) {
            return Ok(None);
        }
        let data = reply.ok()?;
        if data.is_empty() {
            return Ok(None);
        }
        let answer = text(data);
        // The echoed name may differ in case or lack its tilde, so it is not compared; the value may hold further `=`.
        Ok(Some(match answer.split_once('=') {
            Some((_, value)) => value.trim().into(),
            None => answer,
        }))
    }
}
