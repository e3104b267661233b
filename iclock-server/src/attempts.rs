//! How often somebody may try to log in: a few times at once, and then slowly.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Attempts at one account from one address at once, and the time after which there is one more.
const ACCOUNT: Limit = Limit { at_once: 5, each: Duration::from_secs(60) };
/// Attempts at one account from everywhere. So many that one address cannot use them up, and keep its owner out.
const EVERYWHERE: Limit = Limit { at_once: 100, each: Duration::from_secs(2) };
/// Attempts from one address.
const ADDRESS: Limit = Limit { at_once: 20, each: Duration::from_secs(10) };
/// Names and addresses are kept by their hashes, in so many places: who tries many cannot fill the memory. Two that
/// share a place wait for each other, which happens seldom.
const PLACES: usize = 4_096;

#[derive(Clone, Copy)]
struct Limit {
    at_once: u32,
    each: Duration,
}

/// The attempts of late.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// By account and address.
    accounts: Places,
    everywhere: Places,
    addresses: Places,
}

/// For each place the time until which its attempts are used up.
#[derive(Debug)]
struct Places {
    used_until: Mutex<Vec<Option<Instant>>>,
    hasher: RandomState,
}

impl Default for Attempts {
    fn default() -> Self {
        let places = || Places { used_until: Mutex::new(vec![None; PLACES]), hasher: RandomState::new() };
        Self { accounts: places(), everywhere: places(), addresses: places() }
    }
}

impl Attempts {
    /// Counts an attempt. The error is the time to wait.
    pub(crate) fn pass(&self, account: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let address = address.filter(|address| !address.is_loopback()).map(network);
        let waits = address.as_deref().map_or(Ok(()), |address| self.addresses.pass(address, ADDRESS, now));
        waits
            .and_then(|()| self.accounts.pass(&at(account, address.as_deref()), ACCOUNT, now))
            .and_then(|()| self.everywhere.pass(account, EVERYWHERE, now))
    }

    /// Takes back an attempt from an address: its password was right. Those that were wrong still count.
    pub(crate) fn take_back(&self, address: Option<IpAddr>) {
        if let Some(address) = address.filter(|address| !address.is_loopback()).map(network) {
            self.addresses.take_back(&address, ADDRESS);
        }
    }

    /// Forgets the attempts at an account from an address: its owner is in.
    pub(crate) fn forget(&self, account: &str, address: Option<IpAddr>) {
        let address = address.filter(|address| !address.is_loopback()).map(network);
        self.accounts.set(&at(account, address.as_deref()), None);
        self.everywhere.set(account, None);
    }
}

/// An account, as somebody at an address tries it.
fn at(account: &str, address: Option<&str>) -> String {
    format!("{} {account}", address.unwrap_or_default())
}

/// The part of an address that one subscriber has.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments().iter().take(4).map(|part| format!("{part:x}:")).collect(),
    }
}

impl Places {
    fn pass(&self, key: &str, limit: Limit, now: Instant) -> Result<(), Duration> {
        // Nothing can panic while the lock is held.
        let mut all = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = all.get_mut(self.place(key)) else { return Ok(()) };
        let used_until = place.unwrap_or(now).max(now) + limit.each;
        let ahead = used_until.duration_since(now);
        match ahead.checked_sub(limit.each * limit.at_once) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *place = Some(used_until);
                Ok(())
            }
        }
    }

    fn take_back(&self, key: &str, limit: Limit) {
        let mut all = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(until)) = all.get_mut(self.place(key)) {
            *until = until.checked_sub(limit.each).unwrap_or(*until);
        }
    }

    fn set(&self, key: &str, until: Option<Instant>) {
        let mut all = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = all.get_mut(self.place(key)) {
            *place = until;
        }
    }

    fn place(&self, key: &str) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the rest of the division is small")]
        let place = (self.hasher.hash_one(key) % PLACES as u64) as usize;
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_attempts_at_an_account_and_then_one_a_minute() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let tries =
            |account: &str, seconds| (0..10).filter(|_| attempts.pass(account, None, at(seconds)).is_ok()).count();
        assert_eq!((tries("a", 0), tries("a", 59), tries("a", 60), tries("a", 180)), (5, 0, 1, 2));
        assert_eq!(attempts.pass("a", None, at(181)), Err(Duration::from_secs(59)));
        attempts.forget("a", None);
        assert_eq!(tries("a", 181), 5);
    }

    #[test]
    fn a_stranger_cannot_keep_the_owner_of_an_account_out() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let (stranger, owner): (Option<IpAddr>, _) =
            (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
        for second in 0..3_600 {
            let now = start + Duration::from_secs(second);
            _ = attempts.pass("a", stranger, now);
            assert!(second % 60 != 0 || attempts.pass("a", owner, now).is_ok(), "after {second} s");
        }
        // Many addresses together have few attempts, too.
        let from = |n: u8| Some(IpAddr::from([198, 51, 100, n]));
        let passed = (0..=255).filter(|n| attempts.pass("b", from(*n), start).is_ok()).count();
        assert_eq!(passed, 100);
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_and_others_do_not() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let from = |address: &str, round: usize| {
            let address = address.parse().unwrap();
            (0..100).filter(|n| attempts.pass(&format!("{round} {n}"), Some(address), start).is_ok()).count()
        };
        assert_eq!(from("192.0.2.1", 0), 20);
        assert_eq!(from("192.0.2.2", 1), 20);
        assert_eq!(from("2001:db8::1", 2) + from("2001:db8::2", 3), 20, "a subscriber has a whole network");
        let address: Option<IpAddr> = Some("192.0.2.3".parse().unwrap());
        for n in 0..200 {
            assert_eq!(attempts.pass(&format!("right {n}"), address, start), Ok(()));
            attempts.take_back(address);
        }
        assert_eq!(from("192.0.2.3", 5), 20, "what was right does not count, and what was wrong does");
        // A proxy on this computer stands for everybody.
        assert!(from("127.0.0.1", 4) > 90);
    }
}
