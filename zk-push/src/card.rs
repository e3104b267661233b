//! Card numbers, which terminals write in two ways.

use crate::Text;

/// A card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Card(pub u64);

impl Card {
    /// Reads decimal digits, or `[15CD5B07]`: the bytes of the number in hexadecimal, the lowest first. Both examples
    /// are the card 123456789. `None` for no card: an empty value, zero, or anything else.
    #[must_use]
    pub fn parse(text: &Text) -> Option<Self> {
        let text = text.to_str()?.trim();
        let number = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(hex) => little_endian(hex)?,
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            None => return None,
        };
        (number != 0).then_some(Self(number))
    }

    /// Writes the number as `[15CD5B07]`: four bytes, the lowest first. `None` beyond 32 bits.
    #[must_use]
    pub fn bracketed(self) -> Option<String> {
        let [first, second, third, fourth] = u32::try_from(self.0).ok()?.to_le_bytes();
        Some(format!("[{first:02X}{second:02X}{third:02X}{fourth:02X}]"))
    }
}

fn little_endian(hex: &str) -> Option<u64> {
    if hex.is_empty() || hex.len() > 16 || hex.len() % 2 == 1 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let padded = format!("{hex:0<16}");
    u64::from_str_radix(&padded, 16).ok().map(u64::swap_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_the_same_card() {
        for text in ["123456789", "[15CD5B07]", "[15cd5b07]", " 0123456789 ", "[15CD5B0700]"] {
            assert_eq!(Card::parse(&text.into()), Some(Card(123_456_789)), "{text}");
        }
        assert_eq!(Card(123_456_789).bracketed().as_deref(), Some("[15CD5B07]"));
        assert_eq!(Card(1 << 32).bracketed(), None);
    }

    #[test]
    fn no_card_is_none() {
        for text in ["", "0", "[00000000]", "[]", "[123]", "[GG]", "-1", "+5", "99999999999999999999"] {
            assert_eq!(Card::parse(&text.into()), None, "{text}");
        }
    }
}
