//! The meaning of an answer: done, refused, busy, or a demand for the key.

use crate::{Command, ProtoError};

/// The answer to a request, as an operation reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The request.
    pub command: Command,
    /// The code of the answer.
    pub code: Command,
    /// The field at offset 4: mostly the session id; for `STATE_RRQ` the state.
    pub field: u16,
    /// The data of the answer.
    pub data: &'a [u8],
}

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

impl<'a> Reply<'a> {
    /// Returns the data of a positive answer.
    ///
    /// # Errors
    /// [`ProtoError::Refused`] for a refusal, [`ProtoError::Unexpected`] for a code that does not answer a plain
    /// request.
    pub fn ok(&self) -> Result<&'a [u8], ProtoError> {
        match Meaning::of(self.code) {
            Meaning::Done | Meaning::Data => Ok(self.data),
            Meaning::Unauthorized => Err(ProtoError::SessionLost),
            Meaning::Secure => Err(ProtoError::SecureFirmware),
            Meaning::Announced | Meaning::Event => {
                Err(ProtoError::Unexpected { command: self.command, code: self.code })
            }
            Meaning::Later | Meaning::Refused => Err(ProtoError::Refused { command: self.command, code: self.code }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: Command) -> Reply<'static> {
        Reply { command: Command::GET_TIME, code, field: 0, data: &[1] }
    }

    #[test]
    fn done_and_data_yield_what_they_carry() {
        for code in [Command::ACK_OK, Command::ACK_DATA, Command::DATA] {
            assert_eq!(reply(code).ok(), Ok(&[1][..]));
        }
    }

    #[test]
    fn a_code_nobody_named_is_a_refusal_that_carries_its_number() {
        let code = Command(4_987);
        assert_eq!(reply(code).ok(), Err(ProtoError::Refused { command: Command::GET_TIME, code }));
    }

    #[test]
    fn both_signs_of_secure_firmware_are_one_error() {
        assert_eq!(reply(Command::SECURE_CHALLENGE).ok(), Err(ProtoError::SecureFirmware));
        assert_eq!(reply(Command::AUTH_LOCK).ok(), Err(ProtoError::SecureFirmware));
    }
}
