//! Errors in the bytes of a terminal, and its refusals.

use core::fmt;

use crate::Command;
use crate::meaning::Meaning;

/// Bytes that violate the protocol, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtoError {
    /// A TCP frame does not start as one.
    BadMagic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// An encrypted frame, or a demand for encryption: secure firmware, which does not speak this protocol.
    SecureFirmware,
    /// As [`ProtoError::SecureFirmware`], seen in the framing.
    SecureFrame,
    /// The answer of an access control panel (C3, inBio), which listens on the same port and speaks another protocol.
    AccessPanel,
    /// A frame's length is shorter than a packet header.
    BadLength {
        /// The length that was claimed.
        length: usize,
    },
    /// A claimed size is over its cap; nothing was allocated.
    TooLarge {
        /// The item with the claim.
        what: &'static str,
        /// The claim, in bytes.
        claimed: u64,
        /// The cap, in bytes.
        cap: u64,
    },
    /// Fewer bytes than the item needs.
    Truncated {
        /// The item.
        what: &'static str,
        /// Bytes that it needs.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// A value that does not fit the item.
    Invalid {
        /// The item or field.
        what: &'static str,
    },
    /// The terminal refused a request.
    Refused {
        /// The request.
        command: Command,
        /// The answer.
        code: Command,
    },
    /// The terminal demands a comm key and none was given.
    KeyRequired,
    /// The terminal does not accept the comm key.
    WrongKey,
    /// The terminal answered with a code that does not belong to the request.
    Unexpected {
        /// The request.
        command: Command,
        /// The answer.
        code: Command,
    },
    /// The terminal no longer knows the session, or its comm key changed: it answered a request with a demand for the
    /// key.
    SessionLost,
    /// Packets whose checksum stayed wrong when they were requested again.
    Damaged {
        /// The request that they answer.
        command: Command,
    },
    /// A transfer ended with missing bytes, after repeated requests. The bytes before them have been handed out.
    Incomplete {
        /// The offset of the first missing byte.
        offset: u64,
        /// The number of missing bytes.
        missing: u64,
    },
    /// Answers over UDP of several datagrams each that never agreed.
    Differs {
        /// The request that they answer.
        command: Command,
        /// The number of answers that were compared.
        readings: usize,
    },
    /// Too many packets of other requests during one request.
    Flooded {
        /// The number of discarded packets.
        discarded: u32,
    },
    /// No answer to a request within its time.
    TimedOut {
        /// The request.
        command: Command,
    },
}

impl ProtoError {
    /// Returns true if a retry on a new session may succeed without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        if let Self::Refused { code, .. } = self {
            return Meaning::of(*code) == Meaning::Later;
        }
        matches!(
            self,
            Self::BadMagic { .. }
                | Self::BadLength { .. }
                | Self::TooLarge { .. }
                | Self::Truncated { .. }
                | Self::Unexpected { .. }
                | Self::SessionLost
                | Self::Damaged { .. }
                | Self::Incomplete { .. }
                | Self::Differs { .. }
                | Self::Flooded { .. }
                | Self::TimedOut { .. }
        )
    }
}

impl fmt::Display for ProtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMagic { found } => write!(f, "frame starts with {found:02x?} instead of 50 50 82 7d"),
            Self::SecureFirmware | Self::SecureFrame => {
                f.write_str("terminal requires the secure pull protocol of its firmware")
            }
            Self::AccessPanel => f.write_str("an access control panel answered, which speaks another protocol"),
            Self::BadLength { length } => write!(f, "frame length {length} is shorter than a packet header"),
            Self::TooLarge { what, claimed, cap } => write!(f, "{what} claims {claimed} bytes, more than {cap}"),
            Self::Truncated { what, need, have } => write!(f, "{what} needs {need} bytes, {have} are there"),
            Self::Invalid { what } => write!(f, "invalid {what}"),
            Self::Refused { command, code } => write!(f, "terminal refused {command} with {code}"),
            Self::KeyRequired => f.write_str("terminal requires a comm key"),
            Self::WrongKey => f.write_str("terminal does not accept the comm key"),
            Self::Unexpected { command, code } => write!(f, "unexpected answer {code} to {command}"),
            Self::SessionLost => f.write_str("terminal ended the session and demands its comm key again"),
            Self::Damaged { command } => write!(f, "answer to {command} has a wrong checksum each time"),
            Self::Incomplete { offset, missing } => write!(f, "transfer lacks {missing} bytes, the first at {offset}"),
            Self::Differs { command, readings: 1 } => {
                write!(f, "answer to {command} came in several UDP datagrams that nothing numbers: try TCP")
            }
            Self::Differs { command, readings } => {
                write!(f, "no two of {readings} answers to {command} over UDP were the same: try TCP")
            }
            Self::Flooded { discarded } => write!(f, "{discarded} packets in a row belong to no request"),
            Self::TimedOut { command } => write!(f, "no answer to {command} in time"),
        }
    }
}

impl core::error::Error for ProtoError {}
