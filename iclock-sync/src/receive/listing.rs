//! Which callers are noted for a decision: each now and then, and new ones at a slow rate. A flood of serial numbers
//! costs no write of the ledger for each request, and no memory.

use std::collections::HashMap;
use std::time::Duration;

/// A caller that waits is noted so often.
const EVERY: Duration = Duration::from_secs(60);

/// The most callers that are remembered.
const MOST: usize = 1_000;

/// New callers that are noted at once, and the time after which one more is.
const BURST: u32 = 50;
const REFILL: Duration = Duration::from_secs(1);

/// The callers that were noted.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The time of the last note.
    noted: HashMap<String, Duration>,
    /// The time until which new ones have used up their share.
    used_until: Duration,
}

impl Listing {
    /// Returns true if a caller is to be noted now. `now` is the time since any fixed moment.
    pub(super) fn is_due(&mut self, serial: &str, now: Duration) -> bool {
        match self.noted.get_mut(serial) {
            Some(last) if now < *last + EVERY => return false,
            Some(last) => {
                *last = now;
                return true;
            }
            None => {}
        }
        let used_until = self.used_until.max(now);
        if used_until - now >= REFILL * BURST {
            return false;
        }
        if self.noted.len() >= MOST {
            self.noted.retain(|_, last| now < *last + EVERY);
        }
        if self.noted.len() >= MOST {
            return false;
        }
        self.used_until = used_until + REFILL;
        self.noted.insert(serial.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_caller_is_noted_once_a_minute() {
        let mut listing = Listing::default();
        let noted: Vec<u64> = (0..180).step_by(10).filter(|second| listing.is_due("A1", at(*second))).collect();
        assert_eq!(noted, [0, 60, 120]);
    }

    #[test]
    fn a_flood_of_serial_numbers_is_noted_at_a_slow_rate_and_keeps_no_caller_from_being_noted_again() {
        let mut listing = Listing::default();
        assert!(listing.is_due("A1", at(0)));
        let flood = |listing: &mut Listing, second| {
            (0..100_000).filter(|number| listing.is_due(&format!("{second}-{number}"), at(second))).count()
        };
        assert_eq!(flood(&mut listing, 0), 49);
        assert_eq!(flood(&mut listing, 10), 10);
        assert!(listing.is_due("A1", at(60)));
        for second in 61..10_000 {
            listing.is_due(&second.to_string(), at(second));
        }
        assert!(listing.noted.len() <= MOST);
    }
}
