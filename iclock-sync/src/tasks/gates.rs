//! The things that all visits share: places, memory, and the serial numbers that are taken.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;
use zk_proto::spool::SpoolDirectory;

use super::claims::Claims;
use crate::EngineOptions;

/// Shared by all visits.
#[derive(Debug)]
pub(crate) struct Gates {
    room: RwLock<Room>,
    /// The serial numbers that terminals have given.
    pub(crate) claims: Claims,
    /// The directory in which a longer log waits.
    pub(crate) spools: SpoolDirectory,
}

/// The room for logs that are being read.
#[derive(Clone, Debug)]
struct Room {
    /// One permit for each terminal of which a long part of the log is kept at once, from its transfer to the last
    /// record entered.
    places: Arc<Semaphore>,
    at_once: usize,
    /// Bytes of a log that each visit may keep in memory.
    memory: usize,
}

impl Gates {
    /// The gates for so many terminals.
    pub(crate) fn new(engine: &EngineOptions, terminals: usize, spools: SpoolDirectory) -> Self {
        Self { room: RwLock::new(Room::new(engine, terminals)), claims: Claims::default(), spools }
    }

    /// Divides the room among another number of terminals. Visits under way keep what they have.
    pub(crate) fn resize(&self, engine: &EngineOptions, terminals: usize) {
        let new = Room::new(engine, terminals);
        let mut room = self.room.write().unwrap_or_else(PoisonError::into_inner);
        room.memory = new.memory;
        if room.at_once != new.at_once {
            *room = new;
        }
    }

    /// The places of terminals of which a long part of the log is kept at once.
    pub(crate) fn places(&self) -> Arc<Semaphore> {
        self.room().places
    }

    /// Bytes of a log that a visit may keep in memory.
    pub(crate) fn spool_memory(&self) -> usize {
        self.room().memory
    }

    fn room(&self) -> Room {
        // Nothing can panic while the lock is held.
        self.room.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Room {
    fn new(engine: &EngineOptions, terminals: usize) -> Self {
        let at_once = engine.concurrency.max(1);
        // A terminal that is alone is not read faster with more than half.
        let memory = engine.spool_memory / terminals.clamp(2, at_once.max(2));
        Self { places: Arc::new(Semaphore::new(at_once)), at_once, memory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_for_logs_is_divided_again_when_the_number_of_terminals_changes() {
        let mut engine = EngineOptions::default();
        (engine.concurrency, engine.spool_memory) = (4, 1_000);
        let gates = Gates::new(&engine, 1, std::env::temp_dir().into());
        let places = gates.places();
        assert_eq!(gates.spool_memory(), 500, "one terminal gets half");
        gates.resize(&engine, 3);
        assert_eq!(gates.spool_memory(), 333);
        gates.resize(&engine, 200);
        assert_eq!(gates.spool_memory(), 250);
        assert!(Arc::ptr_eq(&places, &gates.places()), "places that are taken stay taken");
        engine.concurrency = 8;
        gates.resize(&engine, 200);
        assert_eq!((gates.spool_memory(), gates.places().available_permits()), (125, 8));
    }
}
