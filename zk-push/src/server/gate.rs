//! The share of one terminal: how many requests it may have at once, and in a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Limits;
use super::addresses::{Addresses, Open};
use super::body::Room;
use crate::SerialNumber;

/// The time over which the rate is counted: a terminal that was offline sends in bursts.
const OVER: Duration = Duration::from_secs(10);

/// Terminals that have been silent are forgotten at this number.
const MOST: usize = 4_096;

/// The gate that each request of an admitted terminal passes.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    at_once: usize,
    /// The part of a second that a request takes up.
    each: Duration,
    /// The room for all bodies.
    pub(super) room: Room,
    terminals: Arc<Mutex<HashMap<SerialNumber, Terminal>>>,
    per_address: usize,
    /// The requests of each address that came through a proxy.
    forwarded: Addresses,
}

#[derive(Clone, Copy, Debug)]
struct Terminal {
    requests: usize,
    /// The time until which its requests have used up its rate.
    used_until: Instant,
}

/// A request that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Entered {
    gate: Gate,
    serial: SerialNumber,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        let each = Duration::from_secs(1) / limits.requests_per_second.max(1);
        let room = Room::new(limits);
        Self {
            at_once: limits.requests_per_terminal.max(1),
            each,
            room,
            terminals: Arc::default(),
            per_address: limits.connections_per_address,
            forwarded: Addresses::default(),
        }
    }

    /// Lets a request pass that a proxy has forwarded, or returns `None` if the address has used up its share.
    pub(super) fn enter_from(&self, address: IpAddr) -> Option<Open> {
        self.forwarded.enter(address, self.per_address)
    }

    /// Lets a request pass, or returns `None` if its terminal has used up its share.
    pub(super) fn enter(&self, serial: &SerialNumber, now: Instant) -> Option<Entered> {
        let mut terminals = self.terminals();
        if terminals.len() >= MOST {
            terminals.retain(|_, terminal| terminal.requests > 0 || terminal.used_until > now);
        }
        let terminal = terminals.entry(serial.clone()).or_insert(Terminal { requests: 0, used_until: now });
        let used_until = terminal.used_until.max(now) + self.each;
        if terminal.requests >= self.at_once || used_until > now + OVER {
            return None;
        }
        terminal.requests += 1;
        terminal.used_until = used_until;
        Some(Entered { gate: self.clone(), serial: serial.clone() })
    }

    fn terminals(&self) -> MutexGuard<'_, HashMap<SerialNumber, Terminal>> {
        // Nothing can panic while the lock is held.
        self.terminals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(terminal) = self.gate.terminals().get_mut(&self.serial) {
            terminal.requests = terminal.requests.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(at_once: usize, per_second: u32) -> Gate {
        let limits = Limits { requests_per_terminal: at_once, requests_per_second: per_second, ..Limits::default() };
        Gate::new(&limits)
    }

    fn serial(text: &str) -> SerialNumber {
        SerialNumber::new(text).unwrap()
    }

    #[test]
    fn a_terminal_has_so_many_requests_at_once_and_takes_none_from_another() {
        let (gate, now) = (gate(2, 1_000), Instant::now());
        let held: Vec<_> = (0..3).map(|_| gate.enter(&serial("A1"), now)).collect();
        assert_eq!(held.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        assert!(gate.enter(&serial("B2"), now).is_some());
        drop(held);
        assert!(gate.enter(&serial("A1"), now).is_some());
    }

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let (gate, start) = (gate(8, 5), Instant::now());
        let passed = |after: u64| {
            (0..1_000).filter(|_| gate.enter(&serial("A1"), start + Duration::from_secs(after)).is_some()).count()
        };
        assert_eq!((passed(0), passed(0), passed(2), passed(100)), (50, 0, 10, 50));
    }
}
