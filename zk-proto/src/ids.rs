//! Numbers and texts with a meaning.

use alloc::string::String;
use core::fmt;

/// The slot a user occupies in one terminal's table. Means nothing on another terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Uid(pub u16);

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

    /// Whether the value stands in the field's published tables: 0-16 and 25.
    #[must_use]
    pub fn is_documented(self) -> bool {
        matches!(self.0, 0..=16 | 25)
    }
}

/// What the person declared: an open set, the raw byte is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PunchState(pub u8);

impl PunchState {
    /// Arrival.
    pub const CHECK_IN: Self = Self(0);
    /// Departure.
    pub const CHECK_OUT: Self = Self(1);
    /// Begin of a break.
    pub const BREAK_OUT: Self = Self(2);
    /// End of a break.
    pub const BREAK_IN: Self = Self(3);
    /// Begin of overtime.
    pub const OVERTIME_IN: Self = Self(4);
    /// End of overtime.
    pub const OVERTIME_OUT: Self = Self(5);
    /// The terminal asks for no state.
    pub const UNDEFINED: Self = Self(255);

    /// Whether the value is one of the constants.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(self.0, 0..=5 | 255)
    }
}

/// What a person keys in at the terminal: text, zeros kept. Empty when the terminal recorded none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UserId(pub String);

impl UserId {
    /// Reads a text field: the bytes up to the first NUL or the field's end, as UTF-8 with the invalid bytes left out.
    ///
    /// That is what the field's most used client does, and ids derived from the text depend on it.
    #[must_use]
    pub fn from_field(field: &[u8]) -> Self {
        let text = up_to_nul(field);
        Self(match core::str::from_utf8(text) {
            Ok(valid) => valid.into(),
            Err(_) => text.utf8_chunks().map(|chunk| chunk.valid()).collect(),
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a text field that means something: what follows the first NUL is left over from other text.
pub(crate) fn up_to_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    field.get(..end).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_ends_at_the_first_nul_and_leaves_invalid_bytes_out() {
        assert_eq!(UserId::from_field(b"42\x0099").as_str(), "42");
        assert_eq!(UserId::from_field(b" 0042 ").as_str(), " 0042 ");
        assert_eq!(UserId::from_field(b"4\xE2\x822\xFF\xF0\x80A").as_str(), "42A");
        assert_eq!(UserId::from_field(b"\x001").as_str(), "");
        assert_eq!(UserId::from_field("\u{664}\u{662}".as_bytes()).as_str(), "\u{664}\u{662}");
    }
}
