//! The bytes in the place of an id.

use crate::ids::up_to_nul;

/// The state of an id: present, missing or impossible.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::proof) enum Id {
    Present,
    Empty,
    Garbled,
}

impl Id {
    pub(in crate::proof) fn of_number(number: u32) -> Self {
        if number == 0 { Self::Empty } else { Self::Present }
    }

    #[inline]
    pub(in crate::proof) fn of_text(field: &[u8]) -> Self {
        field.first_chunk().and_then(|head| Self::of_short_text(*head)).unwrap_or_else(|| Self::of_long_text(field))
    }

    /// Judges ids of up to seven characters at once, which most are. `None` if the first eight bytes have no NUL, or
    /// a byte before it is not plain.
    #[inline]
    pub(in crate::proof) fn of_short_text(head: [u8; 8]) -> Option<Self> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x80 * ONES;
        let text = u64::from_le_bytes(head);
        // The lowest bit set belongs to the first zero byte. Bits above it may be set wrongly.
        let zeros = text.wrapping_sub(ONES) & !text & HIGH;
        let bits = zeros.trailing_zeros() & !7;
        if bits == 0 {
            return Some(Self::Empty);
        }
        let below = 1u64.checked_shl(bits)?.wrapping_sub(1);
        let text = (text & below) | ((0x20 * ONES) & !below);
        // For bytes from space to tilde, no sum or difference sets the high bit.
        let plain = (text | text.wrapping_add(ONES) | text.wrapping_sub(0x20 * ONES)) & HIGH == 0;
        plain.then_some(Self::Present)
    }

    fn of_long_text(field: &[u8]) -> Self {
        for (at, byte) in field.iter().enumerate() {
            match byte {
                0 if at == 0 => return Self::Empty,
                0 => return Self::Present,
                b' '..=b'~' => {}
                _ => return Self::of_wide_text(up_to_nul(field)),
            }
        }
        Self::Present
    }

    fn of_wide_text(text: &[u8]) -> Self {
        match core::str::from_utf8(text) {
            Ok(text) if !text.chars().any(char::is_control) => Self::Present,
            _ => Self::Garbled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_judged_as_a_long_one() {
        for byte in 0..=u8::MAX {
            for length in 0..=8 {
                for at in 0..length {
                    let mut field = *b"12345678\x01\x02";
                    field[length..].fill(0);
                    field[at] = byte;
                    assert!(Id::of_text(&field) == Id::of_long_text(&field), "{field:?}");
                }
            }
        }
    }

    #[test]
    fn an_id_may_be_any_text_without_control_characters() {
        assert!(Id::of_text(b"A-7\0\x01") == Id::Present);
        assert!(Id::of_text("\u{664}\u{662}\0".as_bytes()) == Id::Present);
        assert!(Id::of_text(b"\0A") == Id::Empty);
        assert!(Id::of_text(b"4\x01\0") == Id::Garbled);
        assert!(Id::of_text(b"4\xFF\0") == Id::Garbled);
    }
}
