//! What a session tells its driver.

use bytes::Bytes;

use crate::{Packet, Prepared, ProtoError};

/// What came out of a session.
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
        /// Where in the set they stand.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// All bytes that were asked for have come.
    Finished,
    /// The answer to [`Session::upload`](super::Session::upload): committed.
    Uploaded {
        /// What the terminal says of its buffer, when it was asked. How it is computed is not known.
        checksum: Option<u32>,
    },
    /// The request failed.
    Failed(ProtoError),
    /// A live event; it has been acknowledged.
    Live(Packet),
}

/// What a session saw beside its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets that belong to no request in hand, dropped.
    pub stale: u64,
    /// Packets whose checksum is wrong.
    pub damaged: u64,
    /// `DATA` packets that answer a request.
    pub data: u64,
    /// Those of them whose checksum is wrong.
    pub data_damaged: u64,
    /// Packets whose checksum is one less than that of their content, from a terminal that computes all of them so; they count
    /// as intact.
    pub one_short: u64,
    /// Bytes beyond what a transfer was to have, dropped.
    pub surplus: u64,
}
