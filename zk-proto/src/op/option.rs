//! The terminal's options, by name.

use alloc::string::String;

use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::encoding::TextEncoding;
use crate::ids::up_to_nul;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads one option by name (command 11). `None`: the terminal has no such option.
#[derive(Clone, Copy, Debug)]
pub struct ReadOption<'a>(pub &'a str);

/// The value of an option: the bytes as they came, without surrounding spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionValue(pub Bytes);

impl OptionValue {
    /// The value as text; most are ASCII, but a device name is in the terminal's code page.
    #[must_use]
    pub fn text(&self, encoding: TextEncoding) -> String {
        encoding.decode(&self.0)
    }
}

impl Operation for ReadOption<'_> {
    const COMMAND: Command = Command::OPTIONS_RRQ;
    const REPEATABLE: bool = true;
    type Answer = Option<OptionValue>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(self.0.as_bytes());
        payload.put_u8(0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<OptionValue>, ProtoError> {
        // Firmware families differ in how they say "no such option": vectors/options.json.
        if matches!(reply.code, Command::ACK_ERROR | Command::ACK_UNKNOWN | Command::OPTION_READ_FAILED) {
            return Ok(None);
        }
        let data = reply.ok()?;
        if data.is_empty() {
            return Ok(None);
        }
        // The echoed name may differ in case or miss its tilde, so it is not compared. The value may contain further
        // `=`.
        let answer = up_to_nul(data);
        let value = match answer.iter().position(|byte| *byte == b'=') {
            Some(at) => answer.get(at + 1..).unwrap_or_default(),
            None => answer,
        };
        Ok(Some(OptionValue(Bytes::copy_from_slice(value.trim_ascii()))))
    }
}

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

/// Makes the terminal take over written options (command 1014). Without it, some firmware keeps using the old ones.
#[derive(Clone, Copy, Debug)]
pub struct RefreshOptions;

bare!(RefreshOptions, REFRESHOPTION, repeatable);
