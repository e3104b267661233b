//! A packet: an eight-byte header and its data. A UDP datagram is one; over TCP a frame carries one.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::checksum::{checksum, is_intact};
use crate::{Command, ProtoError, ReplyId, SessionId};

/// Bytes of the header: command, checksum, session field, reply id, each a little-endian `u16`.
pub const HEADER_LEN: usize = 8;

/// One packet as received, its data shared with the buffer that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The request, or the answer.
    pub command: Command,
    /// The checksum as stored; see [`Packet::intact`].
    pub checksum: u16,
    /// The session id in requests; in replies also a chunk index, a size, a state or an event code.
    pub session: SessionId,
    /// Echo of the request's counter; 0 in events.
    pub reply_id: ReplyId,
    /// True if the stored checksum matches the content.
    pub intact: bool,
    /// The bytes after the header.
    pub data: Bytes,
}

impl Packet {
    /// Parses a whole packet.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] when it is shorter than a header. A wrong checksum is not an error: see `intact`.
    pub fn parse(mut bytes: Bytes) -> Result<Self, ProtoError> {
        if bytes.len() < HEADER_LEN {
            return Err(ProtoError::Truncated { what: "packet", need: HEADER_LEN, have: bytes.len() });
        }
        let intact = is_intact(&bytes);
        let command = Command(bytes.get_u16_le());
        let checksum = bytes.get_u16_le();
        let session = SessionId(bytes.get_u16_le());
        let reply_id = ReplyId(bytes.get_u16_le());
        Ok(Self { command, checksum, session, reply_id, intact, data: bytes })
    }

    /// Returns true if the stored checksum is one too small, as some programs compute it (one source: a client that
    /// copied a published formula without its last step). Such a packet is not `intact`.
    #[must_use]
    pub fn is_one_short(&self) -> bool {
        !self.intact && self.checksum == self.exact_checksum().wrapping_sub(1)
    }

    /// The checksum of the content, whatever is stored.
    fn exact_checksum(&self) -> u16 {
        let mut header = [0; HEADER_LEN];
        let mut fields = &mut header[..];
        for field in [self.command.0, 0, self.session.0, self.reply_id.0] {
            fields.put_u16_le(field);
        }
        checksum(&[&header, &self.data])
    }

    /// Appends a packet with its correct checksum to `out`.
    pub fn encode(command: Command, session: SessionId, reply_id: ReplyId, data: &[u8], out: &mut BytesMut) {
        let mut header = [0; HEADER_LEN];
        let mut fields = &mut header[..];
        fields.put_u16_le(command.0);
        fields.put_u16_le(0);
        fields.put_u16_le(session.0);
        fields.put_u16_le(reply_id.0);
        let sum = checksum(&[&header, data]);
        out.reserve(HEADER_LEN + data.len());
        out.put_u16_le(command.0);
        out.put_u16_le(sum);
        out.put_u16_le(session.0);
        out.put_u16_le(reply_id.0);
        out.put_slice(data);
    }
}
