//! What a session may wait for, and what it takes.

use core::time::Duration;

use crate::CommKey;
use crate::frame::MAX_PACKET;

/// Caps on what a terminal may claim. Nothing is allocated by a claim; above the cap it is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one packet, default 16 MiB.
    pub max_packet: usize,
    /// Bytes of one transfer, default 128 MiB.
    pub max_transfer: u64,
    /// Bytes of the answer to one operation that may come as a transfer, default 16 MiB.
    pub max_answer: u64,
    /// Bytes asked for at once at most; `None` takes 65,472 over TCP, as other clients do, and what fits into one datagram over
    /// UDP. Over TCP, less is asked for after a chunk that was lost, short or damaged, down to 4096 bytes, and more again once
    /// they come whole.
    pub chunk: Option<u32>,
    /// Bytes per second below which a transfer is given up, default 8 KiB/s, on top of twelve times the answer time-out. Ranges
    /// over UDP, which take a round trip per datagram, may be four times as slow.
    pub slowest_rate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet: MAX_PACKET,
            max_transfer: 128 << 20,
            max_answer: 16 << 20,
            chunk: None,
            slowest_rate: 8 << 10,
        }
    }
}

impl Limits {
    /// Sets the cap on the bytes of one packet.
    #[must_use]
    pub fn max_packet(mut self, max_packet: usize) -> Self {
        self.max_packet = max_packet;
        self
    }

    /// Sets the cap on the bytes of one transfer.
    #[must_use]
    pub fn max_transfer(mut self, max_transfer: u64) -> Self {
        self.max_transfer = max_transfer;
        self
    }

    /// Sets the cap on the bytes of an answer that comes as a transfer.
    #[must_use]
    pub fn max_answer(mut self, max_answer: u64) -> Self {
        self.max_answer = max_answer;
        self
    }

    /// Sets how many bytes are asked for at once at most.
    #[must_use]
    pub fn chunk(mut self, chunk: impl Into<Option<u32>>) -> Self {
        self.chunk = chunk.into();
        self
    }

    /// Sets the bytes per second below which a transfer is given up.
    #[must_use]
    pub fn slowest_rate(mut self, slowest_rate: u32) -> Self {
        self.slowest_rate = slowest_rate;
        self
    }
}

/// What becomes of data whose checksum is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChecksumPolicy {
    /// Datagrams are dropped; data over TCP is asked for again, and wrong each time it fails the transfer.
    #[default]
    Enforce,
    /// Taken as it is and counted, for a terminal known to compute its checksums wrong.
    Tolerate,
}

/// How a session behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Key for a terminal that demands one; without it, key 0 is tried once.
    pub comm_key: Option<CommKey>,
    /// How long the answer to a simple request may take.
    pub timeout: Duration,
    /// Caps on claims.
    pub limits: Limits,
    /// What becomes of wrong checksums.
    pub checksums: ChecksumPolicy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            comm_key: None,
            timeout: Duration::from_secs(5),
            limits: Limits::default(),
            checksums: ChecksumPolicy::default(),
        }
    }
}

impl Config {
    /// Sets the key for a terminal that demands one.
    #[must_use]
    pub fn comm_key(mut self, comm_key: impl Into<Option<CommKey>>) -> Self {
        self.comm_key = comm_key.into();
        self
    }

    /// Sets how long the answer to a simple request may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the caps on claims.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what becomes of data with a wrong checksum.
    #[must_use]
    pub fn checksums(mut self, checksums: ChecksumPolicy) -> Self {
        self.checksums = checksums;
        self
    }
}
