//! Why an engine could not be built, or a run could not take place.

use std::io;
use std::path::PathBuf;

/// Why an engine could not be built, or a run could not take place. What befalls a single terminal or sink stands in the
/// report instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// A setting cannot be used; nothing was contacted.
    #[error("{setting}: {problem}")]
    Setting {
        /// Which setting, by the name or address of what it belongs to.
        setting: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A part of the engine stopped where it never should.
    #[error("internal fault in {part}")]
    Fault {
        /// Which part.
        part: &'static str,
        /// What it said.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process writes there.
    #[error("state directory {} is in use by {holder}", dir.display())]
    Held {
        /// The state directory.
        dir: PathBuf,
        /// Who holds it: `process 1234`, or `another process`.
        holder: String,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The ledger's file is not a ledger, or is damaged. It was not changed.
    #[error("ledger {} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The ledger was written by a later version of this program.
    #[error("ledger {} has version {found}, this program knows up to {known}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest known.
        known: i64,
    },
    /// SQLite could not do what was asked.
    #[error("cannot {action} in the ledger")]
    Sqlite {
        /// What was asked.
        action: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
}

impl SyncError {
    /// The exit code that it means: 1 a fault of the program, 10 a setting, 60 the state directory.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setting { .. } => 10,
            Self::Ledger(_) => 60,
            Self::Fault { .. } => 1,
        }
    }

    /// What to try next, for people.
    #[must_use]
    pub fn mend(&self) -> Option<&'static str> {
        match self {
            Self::Setting { .. } | Self::Fault { .. } => None,
            Self::Ledger(error) => error.mend(),
        }
    }
}

impl LedgerError {
    /// What to try next, for people.
    #[must_use]
    pub fn mend(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("stop that process, or use another state directory"),
            Self::Io { .. } => Some("check that the directory exists, may be written, and has room"),
            Self::Damaged { .. } => Some(
                "restore it from a backup, or move it away: a new one is filled by one full read, and sinks drop what they have",
            ),
            Self::TooNew { .. } => Some("use the version that wrote it, or a later one"),
            Self::Sqlite { .. } => Some("check that the disk has room and works"),
        }
    }
}
