//! The serial numbers that terminals have given. Two configured terminals with one number would move one cursor from
//! two sides.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;

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
    pub(crate) fn heard(&self, name: &str) {
        self.0.send_if_modified(|claimed| claimed.heard.insert(name.to_owned()));
    }

    /// Gives the number of a terminal free that did not say who it is: what it was may have moved to the address of
    /// another one.
    pub(crate) fn let_go(&self, name: &str) {
        self.0.send_modify(|claimed| claimed.holders.retain(|_, holder| holder != name));
    }

    /// Claims a serial number for a terminal. Returns the name of another one that has it.
    pub(crate) fn claim(&self, serial: &str, name: &str, peers: &[Arc<str>]) -> Result<(), String> {
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

    /// Waits until a terminal was heard.
    pub(crate) async fn until_heard(&self, name: &str) {
        // It fails only without a sender, and there is one.
        let _ = self.0.subscribe().wait_for(|claimed| claimed.heard.contains(name)).await;
    }
}
