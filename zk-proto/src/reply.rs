//! The answer to a request, as an operation reads it.

pub use crate::meaning::Meaning;
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
