//! Passwords that were right: a program that sends its password with each request costs the work of hashing it once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::token;

/// Accounts that are remembered; at more, all are forgotten.
const MOST: usize = 64;

/// The passwords that were right since the start, as digests under a key that the memory of this process alone has.
pub(super) struct Recent {
    key: [u8; 32],
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    digest: [u8; 32],
    /// The hash in the file of which the password is one. With another one it counts for nothing.
    hash: String,
}

impl Default for Recent {
    fn default() -> Self {
        Self { key: token::bytes(), known: Mutex::default() }
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recent(…)")
    }
}

impl Recent {
    /// Returns the hash that the password of an account was found to be one of.
    pub(super) fn hash_of(&self, name: &str, password: &str) -> Option<String> {
        let digest = self.digest(password);
        self.lock().get(name).filter(|known| known.digest == digest).map(|known| known.hash.clone())
    }

    pub(super) fn remember(&self, name: &str, password: &str, hash: &str) {
        let known = Known { digest: self.digest(password), hash: hash.to_owned() };
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(name) {
            all.clear();
        }
        all.insert(name.to_owned(), known);
    }

    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    /// The key is unknown to all, so that the time of a comparison tells nothing.
    fn digest(&self, password: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(password).finalize().into()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Nothing can panic while the lock is held.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recalled_for_its_account_alone() {
        let recent = Recent::default();
        assert_eq!(recent.hash_of("office", "a good password"), None);
        recent.remember("office", "a good password", "hash");
        assert_eq!(recent.hash_of("office", "a good password").as_deref(), Some("hash"));
        assert_eq!(recent.hash_of("office", "a good passwore"), None);
        assert_eq!(recent.hash_of("gatehouse", "a good password"), None);
        recent.remember("office", "another password", "other");
        assert_eq!(recent.hash_of("office", "a good password"), None);
        for n in 0..1_000 {
            recent.remember(&n.to_string(), "a good password", "hash");
        }
        assert!(recent.lock().len() <= MOST);
    }
}
