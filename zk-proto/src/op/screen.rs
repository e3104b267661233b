//! Screen and loudspeaker.

use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::encoding::TextEncoding;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Bytes of text that fit into one datagram after the line number and two more bytes. No screen shows that many.
const MAX_TEXT: usize = 1020;

/// Writes a text on a line of the screen (command 66). Black-and-white terminals show it; others
/// acknowledge it and show nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteLcd {
    line: u16,
    text: Vec<u8>,
}

impl WriteLcd {
    /// Encodes a text in the terminal's code page. Lines count from 0. The terminal cuts a text that is too long for
    /// its screen.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a character is missing from the code page.
    pub fn new(line: u16, text: &str, encoding: TextEncoding) -> Result<Self, ProtoError> {
        let text = encoding.encode(text, MAX_TEXT).ok_or(ProtoError::Invalid { what: "text for the screen" })?;
        Ok(Self { line, text })
    }
}

impl Operation for WriteLcd {
    const COMMAND: Command = Command::WRITE_LCD;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.line);
        payload.put_u8(0);
        // Some clients leave the space out.
        payload.put_u8(b' ');
        payload.put_slice(&self.text);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Clears the text that [`WriteLcd`] put on the screen (command 67).
#[derive(Clone, Copy, Debug)]
pub struct ClearLcd;

bare!(ClearLcd, CLEAR_LCD, repeatable);

/// Lets the colon of the clock on the screen blink, or stops it (command 57; one source sends the byte, another none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnableClock {
    /// True if it blinks.
    pub blink: bool,
}

impl Operation for EnableClock {
    const COMMAND: Command = Command::ENABLE_CLOCK;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.blink.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Plays a voice message (command 1017).
#[derive(Clone, Copy, Debug)]
pub struct TestVoice(pub Voice);

/// A message of the terminal's loudspeaker: an open set, the raw index is kept. Firmware differs in which indexes have
/// a sound.
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
