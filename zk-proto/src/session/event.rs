//! The events of a session.

use bytes::Bytes;

use crate::{Packet, Prepared, ProtoError};

/// An event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The session is open.
    Connected,
    /// The answer to a simple request.
    Answer(Packet),
    /// The answer to [`Session::prepare`](super::Session::prepare).
    Prepared(Prepared),
    /// Bytes of a set, in order and each once.
    Data {
        /// Their offset in the set.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// All requested bytes have come.
    Finished,
    /// The answer to [`Session::upload`](super::Session::upload): committed.
    Uploaded {
        /// The terminal's checksum of its buffer, if requested. Its algorithm is not known.
        checksum: Option<u32>,
    },
    /// The request failed.
    Failed(ProtoError),
    /// A live event; it has been acknowledged.
    Live(Packet),
}

/// Counts of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Dropped packets that do not belong to the current request.
    pub stale: u64,
    /// Packets with a wrong checksum.
    pub damaged: u64,
    /// `DATA` packets that answer a request.
    pub data: u64,
    /// `DATA` packets with a wrong checksum that answer a request.
    pub data_damaged: u64,
    /// Packets whose checksum is one too small, from a terminal that computes all of them that way. They count as
    /// intact.
    pub one_short: u64,
    /// Dropped bytes past the size of a transfer.
    pub surplus: u64,
}
