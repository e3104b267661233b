//! API tokens: long random words, of which only a hash is kept.

use std::fmt;

use rand::RngCore as _;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

/// Each token begins so: one that is found in a file is known for what it is.
const PREFIX: &str = "ick_";
/// Random bytes of a token.
const BYTES: usize = 32;

/// A token as its owner has it. It is shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The hash of a token.
pub(super) type Hash = [u8; 32];

impl Token {
    /// Makes a token that nobody can guess.
    pub(super) fn random() -> Self {
        let mut bytes = [0; BYTES];
        OsRng.unwrap_err().fill_bytes(&mut bytes);
        Self(format!("{PREFIX}{}", hex::encode(bytes)))
    }

    /// The token in full.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The hash of what a caller sent. A token has 256 random bits: nobody can try them all, so that a fast hash will do.
pub(super) fn hash(sent: &str) -> Hash {
    Sha256::digest(sent.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_not_printed() {
        let (one, other) = (Token::random(), Token::random());
        assert_ne!(one, other);
        assert!(one.reveal().len() == 68 && one.reveal().starts_with("ick_"));
        assert_eq!(format!("{one:?}"), "Token(…)");
    }
}
