use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Plays a voice message (command 1017).
#[derive(Clone, Copy, Debug)]
pub struct TestVoice(pub Voice);

/// A message of the terminal's loudspeaker: an open set, the raw index is kept. Which indexes have a sound differs between firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Voice(pub u32);

impl Voice {
    /// "Thank you".
    pub const THANK_YOU: Self = Self(0);
    /// "Incorrect password".
    pub const INCORRECT_PASSWORD: Self = Self(1);
    /// "Access denied".
    pub const ACCESS_DENIED: Self = Self(2);
    /// "Invalid id".
    pub const INVALID_ID: Self = Self(3);
    /// "Please try again".
    pub const TRY_AGAIN: Self = Self(4);
    /// "Duplicate id".
    pub const DUPLICATE_ID: Self = Self(5);
    /// "The clock flow".
    pub const CLOCK_FLOW: Self = Self(6);
    /// "The clock is full".
    pub const CLOCK_FULL: Self = Self(7);
    /// "Duplicate finger".
    pub const DUPLICATE_FINGER: Self = Self(8);
    /// "Duplicate punch".
    pub const DUPLICATE_PUNCH: Self = Self(9);
    /// A beep; 11, 13 and 24 are others.
    pub const BEEP: Self = Self(10);
    /// A tune.
    pub const TUNE: Self = Self(18);
    /// "Finger not enrolled".
    pub const FINGER_NOT_ENROLLED: Self = Self(20);
    /// "Password not enrolled".
    pub const PASSWORD_NOT_ENROLLED: Self = Self(21);
    /// "Card not enrolled".
    pub const CARD_NOT_ENROLLED: Self = Self(22);
    /// "Face not enrolled".
    pub const FACE_NOT_ENROLLED: Self = Self(23);
    /// "Invalid user".
    pub const INVALID_USER: Self = Self(30);
    /// "Invalid time period".
    pub const INVALID_TIME: Self = Self(31);
    /// "Invalid combination".
    pub const INVALID_COMBINATION: Self = Self(32);
    /// "Illegal access".
    pub const ILLEGAL_ACCESS: Self = Self(33);
    /// "Disk space full".
    pub const DISK_FULL: Self = Self(34);
    /// "Duplicate fingerprint".
    pub const DUPLICATE_FINGERPRINT: Self = Self(35);
    /// "Fingerprint not registered".
    pub const NOT_REGISTERED: Self = Self(36);
    /// "Focus your eyes on the green box".
    pub const FOCUS_EYES: Self = Self(51);
}

impl Operation for TestVoice {
    const COMMAND: Command = Command::TESTVOICE;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
