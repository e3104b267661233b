//! Numbers and texts with a meaning.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// The slot that a user has in one terminal's table; 0 for none. It means nothing on another terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Uid(pub u16);

/// The id of a session, given by the terminal at `CONNECT`; 0 before that.
///
/// In answers the same field of a packet may hold something else: see [`Packet::session`](crate::Packet::session).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionId(pub u16);

/// The counter of a request, which its answers repeat. It wraps; 65535 is never used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReplyId(pub u16);

impl ReplyId {
    /// Returns the id of the next request.
    #[must_use]
    pub fn next(self) -> Self {
        // 65535 is never used by other implementations.
        Self(if self.0 >= u16::MAX - 1 { 0 } else { self.0 + 1 })
    }
}

/// How the person proved who they are: an open set, the raw byte is kept.
///
/// Meanings differ between firmware families; only the constants here are taken as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VerifyMode(pub u8);

impl VerifyMode {
    /// Password, or not reported.
    pub const PASSWORD: Self = Self(0);
    /// Fingerprint.
    pub const FINGERPRINT: Self = Self(1);
    /// Card (older numbering).
    pub const CARD: Self = Self(2);
    /// Face.
    pub const FACE: Self = Self(15);
    /// Palm (one source).
    pub const PALM: Self = Self(25);

    /// Returns true if public tables list the value: 0-16 and 25.
    #[must_use]
    pub fn is_documented(self) -> bool {
        matches!(self.0, 0..=16 | 25)
    }
}

/// The punch state that the person declared: an open set, the raw byte is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PunchState(pub u8);

impl PunchState {
    /// Arrival.
    pub const CHECK_IN: Self = Self(0);
    /// Departure.
    pub const CHECK_OUT: Self = Self(1);
    /// Start of a break.
    pub const BREAK_OUT: Self = Self(2);
    /// End of a break.
    pub const BREAK_IN: Self = Self(3);
    /// Start of overtime.
    pub const OVERTIME_IN: Self = Self(4);
    /// End of overtime.
    pub const OVERTIME_OUT: Self = Self(5);
    /// The terminal asks for no state.
    pub const UNDEFINED: Self = Self(255);

    /// Returns true if the value is one of the constants.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(self.0, 0..=5 | 255)
    }
}

/// The id that a person keys in at the terminal: text, with leading zeros. Empty if the terminal recorded none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UserId(pub String);

/// Marks a byte that is no text: two hexadecimal digits follow it.
const MARK: char = char::REPLACEMENT_CHARACTER;

impl UserId {
    /// Reads a text field: the bytes up to the first NUL or the field's end, as UTF-8.
    ///
    /// A byte that is not part of UTF-8 text becomes U+FFFD and two hexadecimal digits: `35 D2` is read as
    /// `5\u{FFFD}D2`. Two fields with different bytes never give the same id. Other implementations leave such bytes
    /// out, and the punch then belongs to user `5`.
    #[must_use]
    pub fn from_field(field: &[u8]) -> Self {
        let text = up_to_nul(field);
        match core::str::from_utf8(text) {
            Ok(valid) if !valid.contains(MARK) => Self(valid.into()),
            _ => Self(marked(text)),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true unless the id has bytes that are not text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        !self.0.contains(MARK)
    }

    /// Returns true if at least one byte of the field is text.
    pub(crate) fn has_text(&self) -> bool {
        let mut pieces = self.0.split(MARK);
        // Two digits follow each mark.
        pieces.next().is_some_and(|first| !first.is_empty()) || pieces.any(|piece| piece.len() > 2)
    }

    /// The bytes of the field that [`UserId::from_field`] reads as this id.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((text, behind)) = rest.split_once(MARK) {
            bytes.extend_from_slice(text.as_bytes());
            match behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = behind.get(2..).unwrap_or_default();
                }
                // Not written by `from_field`: the character means itself.
                None => {
                    bytes.extend_from_slice(MARK.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = behind;
                }
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        bytes
    }
}

/// Reads a field as text and marks each invalid byte. U+FFFD itself is marked too: the text was already lost elsewhere.
fn marked(field: &[u8]) -> String {
    let mut text = String::with_capacity(field.len() + 8);
    let mark = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            text.push(MARK);
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02X}");
        }
    };
    for chunk in field.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                MARK => mark(&mut text, MARK.encode_utf8(&mut [0; 4]).as_bytes()),
                other => text.push(other),
            }
        }
        mark(&mut text, chunk.invalid());
    }
    text
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the part of a text field that means something. Bytes after the first NUL are left over from other text.
#[must_use]
pub fn up_to_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    field.get(..end).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_ends_at_the_first_nul() {
        assert_eq!(UserId::from_field(b"42\x0099").as_str(), "42");
        assert_eq!(UserId::from_field(b" 0042 ").as_str(), " 0042 ");
        assert_eq!(UserId::from_field(b"\x001").as_str(), "");
        assert_eq!(UserId::from_field("\u{664}\u{662}".as_bytes()).as_str(), "\u{664}\u{662}");
    }

    #[test]
    fn a_byte_that_is_no_text_is_marked_and_never_left_out() {
        let read = |field: &[u8]| UserId::from_field(field).0;
        assert_eq!(read(b"\x35\xD2"), "5\u{FFFD}D2");
        assert_eq!(read(b"\xD2\x35\0\x37"), "\u{FFFD}D25");
        assert_eq!(read(b"\xD2"), "\u{FFFD}D2");
        assert_eq!(read(b"\x35\x03"), "5\u{3}");
        assert_eq!(read(b"4\xE2\x822\xFF\xF0\x80A"), "4\u{FFFD}E2\u{FFFD}822\u{FFFD}FF\u{FFFD}F0\u{FFFD}80A");
        let has_text = [&b"5\xD2"[..], b"\xD25", b"\xD2\xD3", b""].map(|field| UserId::from_field(field).has_text());
        assert_eq!(has_text, [true, true, false, false]);
        assert!(UserId::from_field(b"5").is_text() && !UserId::from_field(b"5\xD2").is_text());
    }

    #[test]
    fn an_id_gives_its_bytes_back() {
        let fields: [&[u8]; 6] =
            [b"42", b"5\xD2", b"\xD25", "5\u{FFFD}D2".as_bytes(), "5\u{FFFD}".as_bytes(), b"\xFF\xFF"];
        for field in fields {
            assert_eq!(UserId::from_field(field).to_bytes(), field);
        }
        assert_eq!(UserId("\u{FFFD}\u{664}".into()).to_bytes(), "\u{FFFD}\u{664}".as_bytes());
    }
}
