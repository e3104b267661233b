//! The replies of a terminal, before the line makes packets of them.

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::Command;

/// A packet to send.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) code: Command,
    /// The field at offset 4; the session id when `None`.
    pub(crate) field: Option<u16>,
    /// The reply id of the request when `None`.
    pub(crate) reply_id: Option<u16>,
    pub(crate) data: Bytes,
}

impl Reply {
    pub(crate) fn code(code: Command) -> Self {
        Self { code, field: None, reply_id: None, data: Bytes::new() }
    }

    pub(crate) fn ok() -> Self {
        Self::code(Command::ACK_OK)
    }

    pub(crate) fn ok_with(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), ..Self::ok() }
    }

    pub(crate) fn error() -> Self {
        Self::code(Command::ACK_ERROR)
    }

    /// A live event: not an answer to anything, so its reply id is 0.
    pub(crate) fn event(code: u16, data: Bytes) -> Self {
        Self { code: Command::REG_EVENT, field: Some(code), reply_id: Some(0), data }
    }

    /// One DATA packet of a transfer.
    pub(crate) fn data(index: u16, data: Bytes) -> Self {
        Self { code: Command::DATA, field: Some(index), reply_id: None, data }
    }

    /// The announcement of a transfer: its size, and the size of its packets.
    pub(crate) fn prepare(size: u32, packet: u32) -> Self {
        let mut data = BytesMut::with_capacity(8);
        data.put_u32_le(size);
        data.put_u32_le(packet);
        Self { data: data.freeze(), ..Self::code(Command::PREPARE_DATA) }
    }

    /// The end of a transfer, which carries the low half of its size.
    pub(crate) fn end(size: u32) -> Self {
        Self { field: Some((size & 0xFFFF) as u16), ..Self::ok() }
    }
}
