//! Randomness: the only place in this crate that draws a random number.
//!
//! Whatever only spreads waits and names runs comes from a [`Random`] that a program can set. A secret never does.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng;

/// A source of randomness: for the jitter of waits, and for the end of a run's id.
pub trait Random: Debug + Send + Sync {
    /// The next 64 random bits.
    fn next(&self) -> u64;
}

/// The host's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next(&self) -> u64 {
        rand::rng().random()
    }
}

/// Numbers that follow from a seed, for tests that are repeated. (SplitMix64.)
#[derive(Debug, Default)]
pub struct Seeded(AtomicU64);

impl Seeded {
    /// The same seed gives the same numbers.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for Seeded {
    fn next(&self) -> u64 {
        let step = 0x9E37_79B9_7F4A_7C15;
        let state = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// A key that nobody can guess, in hexadecimal digits.
pub(crate) fn secret_key() -> String {
    rand::random::<[u8; 16]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random share of 1: at least 0 and below 1.
pub(crate) fn share(random: &dyn Random) -> f64 {
    // The upper 53 bits, which a `f64` holds.
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_shares_again_and_they_are_spread() {
        let shares = |seed| {
            let random = Seeded::new(seed);
            (0..1_000).map(|_| share(&random)).collect::<Vec<_>>()
        };
        assert_eq!(shares(7), shares(7));
        assert_ne!(shares(7), shares(8));
        let mean = shares(7).iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(shares(7).iter().all(|share| (0.0..1.0).contains(share)));
    }
}
