//! The serial numbers that terminals have given. Two configured terminals with one number would move one cursor from
//! two sides.

use std::time::Duration;

use super::{Failure, Visit};
use crate::TerminalError;

/// The longest wait for the terminal that had the number before.
const WAIT: Duration = Duration::from_secs(60);

impl Visit {
    /// Claims a serial number. If the ledger knows it under the name of another configured terminal, that one is asked
    /// first: which of the two is read must not depend on which answers faster.
    pub(super) async fn claim(&self, serial: &str, known_as: &str) -> Result<(), Failure> {
        let name = &self.device.name;
        let is_peer = self.peers.iter().any(|peer| **peer == *known_as);
        if known_as != name.as_str() && is_peer {
            tokio::select! {
                () = self.gates.claims.until_heard(known_as) => {}
                () = self.clock.sleep(WAIT) => {}
                () = self.stop.cancelled() => return Err(TerminalError::Stopped.into()),
            }
        }
        let claim = self.gates.claims.claim(serial, name, &self.peers);
        claim.map_err(|other| TerminalError::Twice { serial: serial.to_owned(), other }.into())
    }
}
