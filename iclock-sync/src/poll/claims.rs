//! The serial numbers that terminals have given. Two configured terminals with one number would move one cursor from
//! two sides.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Failure, Visit};
use crate::TerminalError;

/// The longest wait for the terminal that had the number before.
const WAIT: Duration = Duration::from_secs(60);

/// The serial numbers, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Claims(watch::Sender<Claimed>);

#[derive(Debug, Default)]
struct Claimed {
    /// The configured name of the terminal that has a serial number.
    holders: HashMap<String, String>,
    /// Terminals that gave a serial number, or could not be asked.
    heard: HashSet<String>,
}

impl Claims {
    /// Notes that a terminal was visited, whatever came of it.
    pub(super) fn heard(&self, name: &str) {
        self.0.send_if_modified(|claimed| claimed.heard.insert(name.to_owned()));
    }

    /// Gives the number of a terminal free that did not say who it is: what it was may have moved to the address of
    /// another one.
    pub(super) fn let_go(&self, name: &str) {
        self.0.send_modify(|claimed| claimed.holders.retain(|_, holder| holder != name));
    }

    /// Claims a serial number for a terminal. Returns the name of another one that has it.
    fn claim(&self, serial: &str, name: &str, peers: &[Arc<str>]) -> Result<(), String> {
        let mut outcome = Ok(());
        self.0.send_modify(|claimed| {
            // A terminal that was replaced, or is configured no more, gives its number free.
            claimed.holders.retain(|held, holder| match holder == name {
                true => held == serial,
                false => peers.iter().any(|peer| **peer == *holder.as_str()),
            });
            claimed.heard.insert(name.to_owned());
            let holder = claimed.holders.entry(serial.to_owned()).or_insert_with(|| name.to_owned());
            if holder != name {
                outcome = Err(holder.clone());
            }
        });
        outcome
    }
}

impl Visit {
    /// Claims a serial number. If the ledger knows it under the name of another configured terminal, that one is asked
    /// first: which of the two is read must not depend on which answers faster.
    pub(super) async fn claim(&self, serial: &str, known_as: &str) -> Result<(), Failure> {
        let name = &self.device.name;
        let is_peer = self.peers.iter().any(|peer| **peer == *known_as);
        if known_as != name.as_str() && is_peer {
            let mut claimed = self.gates.claims.0.subscribe();
            tokio::select! {
                // It fails only without a sender, and there is one.
                _ = claimed.wait_for(|claimed| claimed.heard.contains(known_as)) => {}
                () = self.clock.sleep(WAIT) => {}
                () = self.stop.cancelled() => return Err(TerminalError::Stopped.into()),
            }
        }
        let claim = self.gates.claims.claim(serial, name, &self.peers);
        claim.map_err(|other| TerminalError::Twice { serial: serial.to_owned(), other }.into())
    }
}
