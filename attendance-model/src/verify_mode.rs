//! How a person proved who they are: a code, and the protocol in whose table it is to be looked up.

use serde::{Deserialize, Serialize};

/// The terminal's code for how the person proved who they are, as it came. Its meaning depends on the [`Protocol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VerifyMode(pub u8);

/// The protocol by which a punch came, which decides what its codes mean: a card is 2 or 4 in one and 4 in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// The binary protocol of port 4370: logs that are pulled, and live events.
    Binary,
    /// The HTTP push protocol.
    Push,
}

impl VerifyMode {
    /// Returns true if the code is in the protocol's published table. Meanings differ between firmware families too.
    #[must_use]
    pub const fn is_documented(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Binary => matches!(self.0, 0..=16 | 25),
            Protocol::Push => matches!(self.0, 0..=29 | 200),
        }
    }

    /// The code's meaning in the protocol, in words. `None` if it has none, or if firmware families differ: of the
    /// binary protocol's codes 5 to 14 and 16 only the number is sure.
    #[must_use]
    pub const fn word(self, protocol: Protocol) -> Option<&'static str> {
        match protocol {
            Protocol::Binary => binary(self.0),
            Protocol::Push => push(self.0),
        }
    }
}

const fn binary(code: u8) -> Option<&'static str> {
    Some(match code {
        0 | 3 => "password",
        1 => "fingerprint",
        2 | 4 => "card",
        15 => "face",
        25 => "palm",
        _ => return None,
    })
}

/// The table of attendance and access terminals that push. Terminals for the United States number differently.
const fn push(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "any",
        1 => "fingerprint",
        2 => "user id",
        3 => "password",
        4 => "card",
        5 => "fingerprint or password",
        6 => "fingerprint or card",
        7 => "card or password",
        8 => "user id and fingerprint",
        9 => "fingerprint and password",
        10 => "card and fingerprint",
        11 => "card and password",
        12 => "fingerprint, password and card",
        13 => "user id, fingerprint and password",
        14 => "user id and fingerprint, or card and fingerprint",
        15 => "face",
        16 => "face and fingerprint",
        17 => "face and password",
        18 => "face and card",
        19 => "face, fingerprint and card",
        20 => "face, fingerprint and password",
        21 => "finger vein",
        22 => "finger vein and password",
        23 => "finger vein and card",
        24 => "finger vein, password and card",
        25 => "palm",
        26 => "palm and card",
        27 => "palm and face",
        28 => "palm and fingerprint",
        29 => "palm, face and fingerprint",
        200 => "other",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_one_code_more_in_the_binary_protocol() {
        let cards = |protocol| (0..=255).filter(move |code| VerifyMode(*code).word(protocol) == Some("card"));
        assert_eq!(cards(Protocol::Binary).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(cards(Protocol::Push).collect::<Vec<_>>(), [4]);
        assert_eq!(VerifyMode(2).word(Protocol::Push), Some("user id"));
    }

    #[test]
    fn a_code_with_a_word_is_documented_and_every_push_code_has_one() {
        for code in (0..=255).map(VerifyMode) {
            for protocol in [Protocol::Binary, Protocol::Push] {
                assert!(code.is_documented(protocol) || code.word(protocol).is_none(), "{code:?} {protocol:?}");
            }
            assert_eq!(code.is_documented(Protocol::Push), code.word(Protocol::Push).is_some(), "{code:?}");
        }
        assert_eq!(VerifyMode(101).word(Protocol::Binary), None);
    }
}
