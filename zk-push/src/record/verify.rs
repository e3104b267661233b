//! Verify styles as a string of bits, which newer access control terminals send instead of a number.

use crate::Text;

/// How a person must prove, or proved, who they are: 16 bits, written as `0` and `1`, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerifyStyle(pub u16);

/// One way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// Bit 1.
    Face,
    /// Bit 2.
    PalmPrint,
    /// Bit 3.
    PalmVein,
    /// Bit 4.
    Fingerprint,
    /// Bit 5.
    FingerVein,
    /// Bit 6.
    Voice,
    /// Bit 7.
    Iris,
    /// Bit 8.
    Retina,
    /// Bit 9.
    Password,
    /// Bit 10.
    UserId,
    /// Bit 11.
    Card,
}

const FACTORS: [(Factor, &str); 11] = [
    (Factor::Face, "face"),
    (Factor::PalmPrint, "palm_print"),
    (Factor::PalmVein, "palm_vein"),
    (Factor::Fingerprint, "fingerprint"),
    (Factor::FingerVein, "finger_vein"),
    (Factor::Voice, "voice"),
    (Factor::Iris, "iris"),
    (Factor::Retina, "retina"),
    (Factor::Password, "password"),
    (Factor::UserId, "user_id"),
    (Factor::Card, "card"),
];

impl VerifyStyle {
    /// Reads sixteen digits `0` and `1`. `None` for a shorter text: it is a number, so `10` is not face.
    #[must_use]
    pub fn parse(text: &Text) -> Option<Self> {
        let text = text.to_str().filter(|text| text.len() == 16)?;
        if text.starts_with('+') { None } else { u16::from_str_radix(text, 2).ok().map(Self) }
    }

    /// Returns true if all factors are needed together: bit 0. Else any one is enough.
    #[must_use]
    pub fn needs_all(self) -> bool {
        self.0 & 1 == 1
    }

    /// The factors, from the lowest bit.
    #[must_use]
    pub fn factors(self) -> Vec<Factor> {
        FACTORS.iter().zip(1..).filter(|(_, bit)| self.0 >> bit & 1 == 1).map(|((factor, _), _)| *factor).collect()
    }
}

impl Factor {
    /// The factor's name in `vectors/push`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        FACTORS.iter().find(|(factor, _)| *factor == self).map_or("", |(_, name)| name)
    }
}

/// Writes sixteen digits.
impl std::fmt::Display for VerifyStyle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016b}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_bits_is_not_a_number() {
        let style = VerifyStyle::parse(&"0000000000000010".into()).unwrap();
        assert_eq!((style.factors(), style.needs_all()), (vec![Factor::Face], false));
        assert_eq!(style.to_string(), "0000000000000010");
        let both = VerifyStyle::parse(&"0000100000010001".into()).unwrap();
        assert_eq!((both.factors(), both.needs_all()), (vec![Factor::Fingerprint, Factor::Card], true));
        for number in ["10", "15", "", "+000000000000010", "0000000000000012"] {
            assert_eq!(VerifyStyle::parse(&number.into()), None, "{number}");
        }
    }
}
