//! The meaning of an answer: done, refused, busy, or a demand for the key.

use crate::Command;

/// The meaning of a reply code. Source: the code tables of other implementations, which agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Done; the packet may carry data.
    Done,
    /// A data packet: the whole answer, or one part of a transfer.
    Data,
    /// A transfer begins.
    Announced,
    /// Busy: the same request may be sent again after at least 100 ms.
    Later,
    /// A comm key is required or was wrong.
    Unauthorized,
    /// Secure firmware, which speaks another protocol.
    Secure,
    /// Not an answer: a live event.
    Event,
    /// Anything else is a refusal.
    Refused,
}

impl Meaning {
    /// The meaning of a code in a packet from a terminal.
    #[must_use]
    pub fn of(code: Command) -> Self {
        match code {
            Command::ACK_OK | Command::ACK_DATA => Self::Done,
            Command::DATA => Self::Data,
            Command::PREPARE_DATA => Self::Announced,
            Command::ACK_RETRY | Command::ACK_REPEAT => Self::Later,
            Command::ACK_UNAUTH => Self::Unauthorized,
            Command::AUTH_LOCK | Command::SECURE_CHALLENGE => Self::Secure,
            Command::REG_EVENT => Self::Event,
            _ => Self::Refused,
        }
    }
}
