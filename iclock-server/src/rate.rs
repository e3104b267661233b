//! How many requests a caller may make in a second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests in a second, in the long run.
const PER_SECOND: u32 = 50;
/// Requests that may come at once after a rest.
const BURST: u32 = 200;
/// Callers that have been silent are forgotten at this number.
const MOST: usize = 1_024;

/// The requests of each caller.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// The time until which a caller's requests have used up its rate.
    used_until: Mutex<HashMap<String, Instant>>,
}

impl Rates {
    /// Lets a request pass, or says how long to wait.
    pub(crate) fn pass(&self, caller: &str, now: Instant) -> Result<(), Duration> {
        let each = Duration::from_secs(1) / PER_SECOND;
        // Nothing can panic while the lock is held.
        let mut all = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, until| *until > now);
        }
        let used_until = all.get(caller).copied().unwrap_or(now).max(now) + each;
        let ahead = used_until.duration_since(now);
        match ahead.checked_sub(each * BURST) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                all.insert(caller.to_owned(), used_until);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_a_flood_waits_and_nobody_else_does() {
        let (rates, start) = (Rates::default(), Instant::now());
        let passed = |caller: &str, after: u64| {
            (0..1_000).filter(|_| rates.pass(caller, start + Duration::from_secs(after)).is_ok()).count()
        };
        assert_eq!((passed("a", 0), passed("a", 0), passed("a", 2), passed("b", 2)), (200, 0, 100, 200));
        assert_eq!(rates.pass("a", start + Duration::from_secs(2)), Err(Duration::from_millis(20)));
    }
}
