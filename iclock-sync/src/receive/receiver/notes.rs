//! What is noted about callers next to their answers, which do not wait for it.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use zk_push::SerialNumber;

use super::PushReceiver;
use crate::chain;
use crate::error::blocking;
use crate::ledger::{PushKey, PushLine};
use crate::receive::callers::Caller;
use crate::receive::told::Facts;
use crate::tasks::Shared;

impl PushReceiver {
    /// Notes a caller for a decision, next to its answer, which is the same for all that are refused.
    pub(super) fn note(&self, serial: &str, address: Option<IpAddr>) {
        let Ok(shared) = self.shared() else { return };
        let serial = serial.to_owned();
        let Ok(permit) = Arc::clone(&self.notes).try_acquire_owned() else { return };
        let is_due = {
            let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
            listing.is_due(&serial, shared.clock.monotonic())
        };
        if !is_due {
            return;
        }
        let address = address.map(|address| address.to_string());
        tokio::spawn(async move {
            let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
            drop(shared);
            let noted = blocking("ledger", move || Ok(ledger.note_caller(&serial, address.as_deref(), now)?)).await;
            if let Err(error) = noted {
                tracing::warn!("a terminal that waits for a decision was not noted: {}", chain(&error));
            }
            drop(permit);
        });
    }

    /// Says and keeps that a terminal calls over another line than before.
    pub(super) fn note_line(&self, shared: &Arc<Shared>, caller: &Caller, line: PushLine) {
        let (ledger, serial, name) = (Arc::clone(&shared.ledger), caller.serial.clone(), &caller.name);
        match line {
            PushLine::FellBack => tracing::warn!(
                "terminal {name} spoke TLS before, and calls over plain HTTP now: its menu was changed, or another \
                 computer uses its serial number"
            ),
            PushLine::Tls => tracing::info!("terminal {name} speaks TLS"),
            PushLine::Plain => {}
        }
        tokio::spawn(async move {
            if let Err(error) = blocking("ledger", move || Ok(ledger.note_push_line(&serial, line)?)).await {
                tracing::warn!("the line of a terminal was not kept: {}", chain(&error));
            }
        });
    }

    /// Keeps what a terminal tells of itself, next to its answer, if it is new.
    pub(super) fn note_told(&self, shared: &Arc<Shared>, serial: &SerialNumber, facts: Facts) {
        // Nothing can panic while the lock is held.
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).is_new(serial.as_str(), &facts) {
            return;
        }
        let (ledger, told, serial) = (Arc::clone(&shared.ledger), Arc::clone(&self.told), serial.to_string());
        tokio::spawn(async move {
            let of = serial.clone();
            if let Err(error) = blocking("ledger", move || Ok(ledger.save_push_facts(&of, &facts)?)).await {
                tracing::debug!("what a terminal told was not kept: {}", chain(&error));
                told.lock().unwrap_or_else(PoisonError::into_inner).forget(&serial);
            }
        });
    }

    /// Keeps where a terminal has presented the key. Until the ledger has it, a restart makes the terminal present it
    /// again.
    pub(super) fn note_key(&self, shared: &Arc<Shared>, key: PushKey) {
        let ledger = Arc::clone(&shared.ledger);
        tokio::spawn(async move {
            if let Err(error) = blocking("ledger", move || Ok(ledger.note_push_key(&key)?)).await {
                tracing::warn!("a terminal has to shake hands after the next start: {}", chain(&error));
            }
        });
    }
}
