//! Secrets that nobody can guess: API tokens, one-time links, sessions. Only their hashes are kept.

use std::fmt;

use rand::RngCore as _;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

/// Random bytes of a secret.
const BYTES: usize = 32;

/// A secret as its owner has it. It is shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The hash of a secret.
pub(super) type Hash = [u8; 32];

impl Secret {
    /// Makes one. It begins with the prefix: one that is found in a file is known for what it is.
    pub(super) fn random(prefix: &str) -> Self {
        Self(format!("{prefix}{}", hex::encode(bytes::<BYTES>())))
    }

    /// Makes one of 160 bits: programs may have no room for more.
    pub(super) fn short() -> Self {
        Self(hex::encode(bytes::<20>()))
    }

    /// One that was put together.
    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    /// The secret in full.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Random bytes.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.unwrap_err().fill_bytes(&mut bytes);
    bytes
}

/// The hash of what a caller sent. A secret has 256 random bits: nobody can try them all, so that a fast hash will do.
pub(super) fn hash(sent: &str) -> Hash {
    Sha256::digest(sent.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_not_printed() {
        let (one, other) = (Secret::random("ick_"), Secret::random("ick_"));
        assert_ne!(one, other);
        assert!(one.reveal().len() == 68 && one.reveal().starts_with("ick_"));
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }
}
