//! What is remembered of a terminal that pushes, between two of its requests.

use std::collections::BTreeMap;

use crate::{Ledger, LedgerError};

/// The line over which a terminal calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PushLine {
    /// Plain HTTP, as ever.
    #[default]
    Plain,
    Tls,
    /// Plain HTTP, although it has spoken TLS before.
    FellBack,
}

/// What is remembered of one terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PushMemory {
    /// The dialect that it spoke last, in the protocol's word.
    pub(crate) dialect: Option<String>,
    /// It has registered, as access control terminals do.
    pub(crate) is_registered: bool,
    /// It is a controller that needs its commands wrapped (`CmdFormat=1`).
    pub(crate) wraps_commands: bool,
    pub(crate) line: PushLine,
    /// Its stamps, by table.
    pub(crate) stamps: BTreeMap<String, Vec<u8>>,
}

impl PushLine {
    /// The line once a terminal calls over TLS, or not.
    pub(crate) fn after_call(self, over_tls: bool) -> Self {
        match (self, over_tls) {
            (_, true) => Self::Tls,
            (Self::Plain, false) => Self::Plain,
            (Self::Tls | Self::FellBack, false) => Self::FellBack,
        }
    }

    fn of(number: u8) -> Self {
        match number {
            0 => Self::Plain,
            1 => Self::Tls,
            _ => Self::FellBack,
        }
    }
}

impl Ledger {
    /// Returns what is remembered of each terminal, by serial number.
    pub(crate) fn push_memories(&self) -> Result<BTreeMap<String, PushMemory>, LedgerError> {
        self.read("look up terminals that push", |connection| {
            let mut memories = BTreeMap::<String, PushMemory>::new();
            let mut statement =
                connection.prepare("SELECT serial, dialect, registered, wraps, tls FROM push_terminals")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let memory = memories.entry(row.get(0)?).or_default();
                (memory.dialect, memory.is_registered, memory.wraps_commands) = (row.get(1)?, row.get(2)?, row.get(3)?);
                memory.line = PushLine::of(row.get(4)?);
            }
            let mut statement = connection.prepare("SELECT serial, log, stamp FROM push_stamps")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                memories.entry(row.get(0)?).or_default().stamps.insert(row.get(1)?, row.get(2)?);
            }
            Ok(memories)
        })
    }

    /// Returns the dialect that a terminal spoke last, in the protocol's word: `att` or `acc`. `None` before its first
    /// call.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn push_dialect(&self, serial: &str) -> Result<Option<String>, LedgerError> {
        Ok(self.push_memories()?.remove(serial).and_then(|memory| memory.dialect))
    }

    /// Remembers the dialect of a terminal, that it has registered, and if it needs its commands wrapped. The stamps
    /// are kept with their punches.
    pub(crate) fn remember_push(&self, serial: &str, memory: &PushMemory) -> Result<(), LedgerError> {
        self.write("remember a terminal that pushes", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO push_terminals (serial, dialect, registered, wraps) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (serial) DO UPDATE SET dialect = ?2, registered = ?3, wraps = ?4",
                )?
                .execute((serial, &memory.dialect, memory.is_registered, memory.wraps_commands))?;
            Ok(())
        })
    }

    /// Remembers the line over which a terminal calls.
    pub(crate) fn note_push_line(&self, serial: &str, line: PushLine) -> Result<(), LedgerError> {
        self.write("note the line of a terminal that pushes", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO push_terminals (serial, registered, tls) VALUES (?1, 0, ?2)
                     ON CONFLICT (serial) DO UPDATE SET tls = ?2",
                )?
                .execute((serial, line as u8))?;
            Ok(())
        })
    }
}
