//! `templates`: the fingerprints of a terminal.

mod delete;
mod list;
mod transfer;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Templates {
    /// List the fingerprints
    List(list::List),
    /// Write the fingerprints to a JSON file
    Export(transfer::Export),
    /// Write the fingerprints of a file to users that a terminal has
    Import(transfer::Import),
    /// Delete fingerprints of a user
    Delete(delete::Delete),
}

impl Templates {
    /// Returns true for commands that change nothing.
    pub(super) fn only_looks(&self) -> bool {
        matches!(self, Self::List(_))
    }

    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::List(list) => list.run(context),
            Self::Export(export) => export.run(context),
            Self::Import(import) => import.run(context),
            Self::Delete(delete) => delete.run(context),
        }
    }
}
