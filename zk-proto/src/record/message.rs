//! Short messages that a terminal shows to everyone, or to linked users.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::encoding::TextEncoding;
use crate::ids::up_to_nul;
use crate::{DeviceTime, ProtoError, Uid};

/// Size of a message in bytes.
const WIDTH: usize = 72;
/// Size of a text in bytes, without the NUL at its end.
const TEXT: usize = 60;
/// Size of a link in bytes.
const LINK: usize = 4;

/// The audience of a message: an open set, the raw byte is kept. The numbers are not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageKind(pub u8);

impl MessageKind {
    /// Shown to everyone.
    pub const PUBLIC: Self = Self(253);
    /// Shown to linked users.
    pub const PRIVATE: Self = Self(254);
    /// Shown to nobody yet.
    pub const DRAFT: Self = Self(255);
}

/// A short message. Source: the vendor's manual of 2006; `vectors/messages.json`, constructed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortMessage {
    /// The audience.
    pub kind: MessageKind,
    /// The number; 0 in an unused row.
    pub id: u16,
    /// Minutes for which it is shown; 0 for forever.
    pub minutes: u16,
    /// Two bytes of unknown meaning, as stored.
    pub reserved: u16,
    /// The time from which it is shown.
    pub start: DeviceTime,
    /// The text in the terminal's code page, up to 60 bytes.
    pub text: Bytes,
}

impl ShortMessage {
    /// Creates a message that is shown from a time on, for a number of minutes or (0) forever.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if a character is missing in the code page, or the text needs more than 60 bytes.
    pub fn new(
        kind: MessageKind,
        id: u16,
        start: DeviceTime,
        minutes: u16,
        text: &str,
        encoding: TextEncoding,
    ) -> Result<Self, ProtoError> {
        match encoding.encode(text, usize::MAX) {
            Some(text) if text.len() <= TEXT && !text.contains(&0) => {
                Ok(Self { kind, id, minutes, reserved: 0, start, text: text.into() })
            }
            _ => Err(ProtoError::Invalid { what: "text of a message" }),
        }
    }

    /// The text, decoded.
    #[must_use]
    pub fn text(&self, encoding: TextEncoding) -> String {
        encoding.decode(&self.text)
    }

    /// Reads one record of 72 bytes.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] when it is shorter.
    pub fn parse(mut data: &[u8]) -> Result<Self, ProtoError> {
        let have = data.len();
        if have < WIDTH {
            return Err(ProtoError::Truncated { what: "short message", need: WIDTH, have });
        }
        let kind = MessageKind(data.get_u8());
        let (id, minutes, reserved) = (data.get_u16_le(), data.get_u16_le(), data.get_u16_le());
        let start = DeviceTime(data.get_u32_le());
        let text = Bytes::copy_from_slice(up_to_nul(data.get(..TEXT).unwrap_or_default()));
        Ok(Self { kind, id, minutes, reserved, start, text })
    }

    /// Appends the record.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if the text is longer than 60 bytes or contains a NUL.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        if self.text.len() > TEXT || self.text.contains(&0) {
            return Err(ProtoError::Invalid { what: "text of a message" });
        }
        out.put_u8(self.kind.0);
        out.put_u16_le(self.id);
        out.put_u16_le(self.minutes);
        out.put_u16_le(self.reserved);
        out.put_u32_le(self.start.0);
        out.put_slice(&self.text);
        out.put_bytes(0, TEXT + 1 - self.text.len());
        Ok(())
    }

    /// Reads the messages of a whole table with its length word, without unused rows. It is not verified that the
    /// table holds such records: a size that does not divide into them is an error.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] or [`ProtoError::Invalid`] if the set is not whole.
    pub fn parse_table(table: &[u8]) -> Result<Vec<Self>, ProtoError> {
        let messages: Result<Vec<_>, _> = rows(table, WIDTH, "table of messages")?.map(Self::parse).collect();
        Ok(messages?.into_iter().filter(|message| message.id != 0).collect())
    }
}

/// A link between a message and a user. Source: the vendor's manual of 2006; `vectors/messages.json`, constructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageLink {
    /// The user.
    pub uid: Uid,
    /// The message's number.
    pub message: u16,
}

impl MessageLink {
    /// Reads one record of 4 bytes.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] when it is shorter.
    pub fn parse(mut data: &[u8]) -> Result<Self, ProtoError> {
        if data.len() < LINK {
            return Err(ProtoError::Truncated { what: "link of a message", need: LINK, have: data.len() });
        }
        Ok(Self { uid: Uid(data.get_u16_le()), message: data.get_u16_le() })
    }

    /// Appends the record.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u16_le(self.uid.0);
        out.put_u16_le(self.message);
    }

    /// Reads the links of a whole table with its length word. It is not verified that the table holds such records.
    ///
    /// # Errors
    /// As [`ShortMessage::parse_table`].
    pub fn parse_table(table: &[u8]) -> Result<Vec<Self>, ProtoError> {
        rows(table, LINK, "table of message links")?.map(Self::parse).collect()
    }
}

/// Returns the rows of a whole table: the length word states what follows, and that divides into rows.
fn rows<'a>(
    mut table: &'a [u8],
    width: usize,
    what: &'static str,
) -> Result<core::slice::ChunksExact<'a, u8>, ProtoError> {
    if table.is_empty() {
        return Ok(table.chunks_exact(width));
    }
    let have = table.len();
    let word = table.try_get_u32_le().map_err(|_| ProtoError::Truncated { what, need: 4, have })? as usize;
    if word > table.len() {
        return Err(ProtoError::Truncated { what, need: word, have: table.len() });
    }
    if word < table.len() || word % width != 0 {
        return Err(ProtoError::Invalid { what });
    }
    Ok(table.chunks_exact(width))
}
