//! Options of a search.

use std::time::Duration;
use std::vec::Vec;

use crate::CommKey;

/// Options of a search for terminals. `Debug` prints no key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DiscoverOptions {
    /// The most addresses that are begun in a second, default 200.
    pub per_second: u32,
    /// The most addresses that are tried at the same time, default 128.
    pub at_once: usize,
    /// How long a terminal may take for all answers about itself, default 10 s.
    pub answers_within: Duration,
    /// The keys to try at a terminal that demands one, default none. Anyone who listens at an address can work out a
    /// key that is tried there.
    pub keys: Vec<CommKey>,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self { per_second: 200, at_once: 128, answers_within: Duration::from_secs(10), keys: Vec::new() }
    }
}

impl DiscoverOptions {
    /// Sets the most addresses that are begun in a second; 0 counts as 1.
    #[must_use]
    pub fn per_second(mut self, per_second: u32) -> Self {
        self.per_second = per_second;
        self
    }

    /// Sets the most addresses that are tried at the same time; 0 counts as 1.
    #[must_use]
    pub fn at_once(mut self, at_once: usize) -> Self {
        self.at_once = at_once;
        self
    }

    /// Sets how long a terminal may take for all answers about itself.
    #[must_use]
    pub fn answers_within(mut self, answers_within: Duration) -> Self {
        self.answers_within = answers_within;
        self
    }

    /// Sets the keys to try at a terminal that demands one.
    #[must_use]
    pub fn keys(mut self, keys: Vec<CommKey>) -> Self {
        self.keys = keys;
        self
    }
}
