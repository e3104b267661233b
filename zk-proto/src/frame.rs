//! The TCP envelope: `50 50 82 7D`, a little-endian `u32` length, then one packet. UDP has none.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use nom::bytes::streaming::take;
use nom::number::streaming::le_u32;
use nom::{IResult, Parser};

use crate::packet::{HEADER_LEN, Packet};
use crate::{Command, ProtoError, ReplyId, SessionId};

/// The first four bytes of every frame. Source: `vectors/framing.json`.
pub const MAGIC: [u8; 4] = [0x50, 0x50, 0x82, 0x7D];
/// The first four bytes of an encrypted frame of secure firmware.
pub const SECURE_MAGIC: [u8; 4] = [0x50, 0x50, 0x83, 0x7C];
/// The first two bytes from an access control panel on the same port.
pub(crate) const PANEL_MAGIC: [u8; 2] = [0xAA, 0x01];
/// Bytes before each packet.
pub const PREFIX_LEN: usize = 8;
/// The longest packet that is accepted by default: 128 KiB. Terminals send at most 64 KiB and a header.
pub const MAX_PACKET: usize = 128 << 10;

/// The result of trying to take one item off the front of the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// A complete item. Its bytes have been consumed.
    Item(T),
    /// At least `need` more bytes are required. Nothing was consumed.
    Incomplete {
        /// The least number of missing bytes.
        need: usize,
    },
}

/// Splits a byte stream into packets, however it arrives.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: BytesMut,
    max_packet: usize,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::with_max_packet(MAX_PACKET)
    }
}

impl FrameDecoder {
    /// A decoder that refuses packets longer than `max_packet` bytes, including the header.
    #[must_use]
    pub fn with_max_packet(max_packet: usize) -> Self {
        Self { buffer: BytesMut::new(), max_packet }
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The receive buffer itself, for a driver that reads directly into it.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The number of bytes that were received and not yet taken.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next packet, without its prefix.
    ///
    /// # Errors
    /// [`ProtoError::BadMagic`], [`ProtoError::SecureFrame`], [`ProtoError::BadLength`] or [`ProtoError::TooLarge`].
    /// The stream is then lost.
    pub fn next_frame(&mut self) -> Result<Decoded<Bytes>, ProtoError> {
        let length = match prefix(&self.buffer) {
            Ok((_, (magic, length))) => self.check(magic, length)?,
            Err(_) => {
                self.check_start()?;
                return Ok(Decoded::Incomplete { need: PREFIX_LEN - self.buffer.len().min(PREFIX_LEN - 1) });
            }
        };
        let whole = PREFIX_LEN + length;
        if self.buffer.len() < whole {
            return Ok(Decoded::Incomplete { need: whole - self.buffer.len() });
        }
        self.buffer.advance(PREFIX_LEN);
        Ok(Decoded::Item(self.buffer.split_to(length).freeze()))
    }

    fn check(&self, magic: [u8; 4], length: u32) -> Result<usize, ProtoError> {
        check_magic(magic)?;
        let length = length as usize;
        if length < HEADER_LEN {
            return Err(ProtoError::BadLength { length });
        }
        if length > self.max_packet {
            return Err(ProtoError::TooLarge { what: "packet", claimed: length as u64, cap: self.max_packet as u64 });
        }
        Ok(length)
    }

    /// Checks the prefix. A wrong first byte is found before the prefix is complete.
    fn check_start(&self) -> Result<(), ProtoError> {
        if MAGIC.starts_with(&self.buffer) || SECURE_MAGIC.starts_with(&self.buffer) {
            return Ok(());
        }
        let mut magic = MAGIC;
        magic.iter_mut().zip(&self.buffer[..]).for_each(|(to, from)| *to = *from);
        check_magic(magic)
    }
}

fn check_magic(magic: [u8; 4]) -> Result<(), ProtoError> {
    match magic {
        MAGIC => Ok(()),
        SECURE_MAGIC => Err(ProtoError::SecureFrame),
        found if found.starts_with(&PANEL_MAGIC) => Err(ProtoError::AccessPanel),
        found => Err(ProtoError::BadMagic { found }),
    }
}

fn prefix(input: &[u8]) -> IResult<&[u8], ([u8; 4], u32)> {
    let magic = take(4usize).map(|bytes: &[u8]| {
        let mut magic = [0; 4];
        magic.copy_from_slice(bytes);
        magic
    });
    (magic, le_u32).parse(input)
}

/// Appends a frame with one packet to `out`.
pub fn encode(command: Command, session: SessionId, reply_id: ReplyId, data: &[u8], out: &mut BytesMut) {
    out.reserve(PREFIX_LEN + HEADER_LEN + data.len());
    out.put_slice(&MAGIC);
    // No request comes near 4 GiB: uploads are sent in chunks.
    out.put_u32_le((HEADER_LEN + data.len()) as u32);
    Packet::encode(command, session, reply_id, data, out);
}
