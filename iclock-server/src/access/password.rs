//! Passwords, of which only a hash is kept (argon2id).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// The lengths of a password, in characters. Length is what makes guessing hopeless; no kinds of characters are asked
/// for.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=256;
/// The hash of a password that nobody has. An account that there is none of takes as long to refuse as a wrong
/// password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                      0000000000000000000000000000000000000000000";

/// The reason why a password cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("a password has {} to {} characters", LENGTHS.start(), LENGTHS.end())]
    Length,
    /// It is the name of the account.
    #[error("the name is no password")]
    IsTheName,
    /// The system has no random numbers, or not enough memory.
    #[error("the password cannot be hashed")]
    Hash,
}

/// Hashes a password for an account.
pub(super) fn hash(password: &str, account: &str) -> Result<String, PasswordError> {
    if !LENGTHS.contains(&password.chars().count()) {
        return Err(PasswordError::Length);
    }
    if password.eq_ignore_ascii_case(account) {
        return Err(PasswordError::IsTheName);
    }
    // The default is argon2id with 19 MiB and two rounds.
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether a password is the one that was hashed. Without a hash the answer is no, and takes as long.
pub(super) fn is_right(password: &str, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    // A very long one would take its time, and is nobody's.
    let is_right =
        password.len() <= 4 * LENGTHS.end() && Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    is_right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let kept = hash("long enough to keep", "office").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, hash("long enough to keep", "office").unwrap(), "each has a salt of its own");
        assert!(is_right("long enough to keep", Some(&kept)));
        for other in ["", "long enough to kee", "Long enough to keep", &"x".repeat(100_000)] {
            assert!(!is_right(other, Some(&kept)), "{other}");
        }
        assert!(!is_right("long enough to keep", None) && !is_right("long enough to keep", Some("broken")));
    }

    #[test]
    fn what_is_easy_to_guess_is_refused() {
        assert_eq!(hash("eleven char", "office"), Err(PasswordError::Length));
        assert_eq!(hash(&"x".repeat(257), "office"), Err(PasswordError::Length));
        assert_eq!(hash("Administrator", "administrator"), Err(PasswordError::IsTheName));
        assert!(hash("ގދބރއސލމނރތވ", "office").is_ok(), "characters are counted, not bytes");
    }

    #[test]
    fn an_account_that_there_is_none_of_takes_as_long() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        let kept = hash("long enough to keep", "office").unwrap();
        let fastest = |hash: Option<&str>| {
            let took = |_| {
                let began = Instant::now();
                assert!(!is_right("a wrong password", hash));
                began.elapsed()
            };
            (0..5).map(took).min().unwrap()
        };
        let (known, unknown) = (fastest(Some(&kept)), fastest(None));
        assert!(unknown * 2 > known && known * 2 > unknown, "{known:?} and {unknown:?}");
    }
}
