//! The commands, in groups; a file for each.

pub(crate) mod lab;
pub(crate) mod ledger;
pub(crate) mod setup;
pub(crate) mod sync;
pub(crate) mod terminal;

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
