//! The framing of packets: in a byte stream, or one per datagram.

use bytes::{Bytes, BytesMut};

use crate::frame::{self, Decoded, FrameDecoder, SECURE_MAGIC};
use crate::{Command, Packet, ProtoError, ReplyId, SessionId};

/// Room for a little more than one data packet.
const TRANSFER_ROOM: usize = 72 << 10;
/// Room for any simple answer.
const ANSWER_ROOM: usize = 2 << 10;

/// The framing of packets.
#[derive(Debug)]
pub(super) enum Framing {
    Stream(FrameDecoder),
    Datagrams,
}

impl Framing {
    pub(super) fn is_datagrams(&self) -> bool {
        matches!(self, Self::Datagrams)
    }

    pub(super) fn encode(&self, command: Command, session: SessionId, reply_id: ReplyId, data: &[u8]) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Stream(_) => frame::encode(command, session, reply_id, data, &mut out),
            Self::Datagrams => Packet::encode(command, session, reply_id, data, &mut out),
        }
        out.freeze()
    }

    /// The receive buffer of a stream with free room: much during a transfer, otherwise little, because a process may
    /// hold hundreds of sessions.
    pub(super) fn receive_buffer(&mut self, transfer: bool) -> Option<&mut BytesMut> {
        let Self::Stream(decoder) = self else { return None };
        let buffer = decoder.buffer_mut();
        let room = if transfer { TRANSFER_ROOM } else { ANSWER_ROOM };
        // The free room is used up first, because making room moves a partly received packet.
        if buffer.capacity() - buffer.len() < room / 4 {
            buffer.reserve(room);
        }
        Some(buffer)
    }

    /// Takes the next whole packet of a stream; always `None` for datagrams.
    pub(super) fn next_packet(&mut self) -> Result<Option<Packet>, ProtoError> {
        let Self::Stream(decoder) = self else { return Ok(None) };
        match decoder.next_frame()? {
            Decoded::Item(bytes) => Packet::parse(bytes).map(Some),
            Decoded::Incomplete { .. } => Ok(None),
        }
    }
}

/// The packet of a datagram. `None` for a datagram that contains none: anyone can send one.
pub(super) fn packet_of(datagram: &[u8]) -> Result<Option<Packet>, ProtoError> {
    if datagram.starts_with(&SECURE_MAGIC) {
        return Err(ProtoError::SecureFrame);
    }
    if datagram.starts_with(&frame::PANEL_MAGIC) {
        return Err(ProtoError::AccessPanel);
    }
    Ok(Packet::parse(Bytes::copy_from_slice(datagram)).ok())
}
