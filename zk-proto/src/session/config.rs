//! The settings of a session.

use core::time::Duration;

use crate::CommKey;
use crate::frame::MAX_PACKET;

/// Caps on the sizes that a terminal may claim. A claim above its cap is an error; no claim allocates memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one packet, default 128 KiB. Over UDP 64 KiB at most, because no datagram is longer.
    pub max_packet: usize,
    /// Bytes of an answer that has to be held in memory until it is whole, as over UDP, default 16 MiB.
    pub max_held: u64,
    /// Bytes of one transfer, default 128 MiB.
    pub max_transfer: u64,
    /// Bytes of the answer to one operation that may come as a transfer, default 16 MiB.
    pub max_answer: u64,
    /// The most bytes to request at once. `None` means 65,472 over TCP, as in other clients, and one datagram over UDP.
    /// Over TCP, chunks get smaller after one that was lost, short or damaged, down to 4096 bytes, and larger again
    /// once they come whole.
    pub chunk: Option<u32>,
    /// The slowest transfer rate in bytes per second, default 8 KiB/s. A transfer may take the time for its size at
    /// this rate, plus eight times the timeout. Ranges over UDP need a round trip per datagram and may be four times
    /// as slow.
    pub slowest_rate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet: MAX_PACKET,
            max_held: 16 << 20,
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

    /// Sets the cap on the bytes of an answer that is held in memory.
    #[must_use]
    pub fn max_held(mut self, max_held: u64) -> Self {
        self.max_held = max_held;
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

    /// Sets the most bytes to request at once.
    #[must_use]
    pub fn chunk(mut self, chunk: impl Into<Option<u32>>) -> Self {
        self.chunk = chunk.into();
        self
    }

    /// Sets the slowest transfer rate in bytes per second.
    #[must_use]
    pub fn slowest_rate(mut self, slowest_rate: u32) -> Self {
        self.slowest_rate = slowest_rate;
        self
    }
}

/// How data with a wrong checksum are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChecksumPolicy {
    /// Datagrams are dropped. Data over TCP are requested again; if they stay wrong, the transfer fails.
    #[default]
    Enforce,
    /// The data are accepted and counted, for a terminal that is known to compute wrong checksums.
    Tolerate,
}

/// The settings of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The key for a terminal that demands one. Without it, key 0 is tried once.
    pub comm_key: Option<CommKey>,
    /// How long the answer to a simple request may take.
    pub timeout: Duration,
    /// Caps on the sizes that a terminal may claim.
    pub limits: Limits,
    /// How data with a wrong checksum are treated.
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

    /// Sets the caps on the sizes that a terminal may claim.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how data with a wrong checksum are treated.
    #[must_use]
    pub fn checksums(mut self, checksums: ChecksumPolicy) -> Self {
        self.checksums = checksums;
        self
    }
}
