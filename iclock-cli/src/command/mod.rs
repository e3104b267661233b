//! One file for each command.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
#[cfg(feature = "firestore")]
pub(crate) mod doctor;
pub(crate) mod info;
pub(crate) mod migrate;
pub(crate) mod quarantine;
pub(crate) mod replay;
pub(crate) mod simulate;
pub(crate) mod sync;
pub(crate) mod unproven;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Threads for work that blocks: the ledger, a file or an SQLite database, looking a name up. Each costs memory of its own.
const BLOCKING_THREADS: usize = 8;

/// A runtime for the commands that talk to somebody.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| CliError::because(ExitCode::Fault, "cannot start the runtime", &error))
}
