//! The habits of a terminal about sessions, as its task and its visits learn them. The ledger remembers them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zk_proto::client::SessionRest;

use crate::ledger::Learned;

/// Polls in a row that had to open a session of their own, before the terminal is one that cannot be listened to and
/// read at once. A bad line has the same effect now and then.
const APART_AFTER: u32 = 3;

/// The habits of one terminal, shared by its task and its visits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Habits(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The ledger was asked.
    is_recalled: bool,
    /// The rest that it needs between two sessions.
    rest: SessionRest,
    /// It cannot be listened to and read at once.
    is_apart: bool,
    /// Polls in a row that had to open a session of their own.
    replaced: u32,
}

impl Habits {
    /// Takes over what the ledger remembers, once.
    pub(super) fn recall(&self, learned: &Learned) {
        self.change(|known| {
            if !std::mem::replace(&mut known.is_recalled, true) {
                known.rest = SessionRest::new(Duration::from_millis(learned.session_rest_ms));
                known.is_apart = learned.live_apart;
            }
        });
    }

    /// Adds what the ledger is to remember.
    pub(super) fn add_to(&self, learned: &mut Learned) {
        self.change(|known| {
            learned.session_rest_ms = u64::try_from(known.rest.needed().as_millis()).unwrap_or(0);
            learned.live_apart = known.is_apart;
        });
    }

    /// The rest that the terminal needs between two sessions.
    pub(super) fn rest(&self) -> SessionRest {
        self.change(|known| known.rest)
    }

    /// Changes the rest that the terminal needs between two sessions.
    pub(super) fn change_rest(&self, change: impl FnOnce(&mut SessionRest)) {
        self.change(|known| change(&mut known.rest));
    }

    /// Returns true if the terminal cannot be listened to and read at once.
    pub(super) fn is_apart(&self) -> bool {
        self.change(|known| known.is_apart)
    }

    /// Notes a poll that found records: it kept the session that heard the punch, or had to open another one.
    pub(super) fn found(&self, kept_session: bool) {
        self.change(|known| {
            known.replaced = if kept_session { 0 } else { known.replaced + 1 };
            known.is_apart |= known.replaced >= APART_AFTER;
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        // Nothing can panic while the lock is held.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
