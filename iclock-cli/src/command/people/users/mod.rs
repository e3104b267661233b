//! `users`: the people that a terminal knows.

mod change;
mod delete;
mod list;
mod row;
mod transfer;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// List the users
    List(list::List),
    /// Show single users
    Get(list::Get),
    /// Create a user, or change fields of one
    Set(change::Set),
    /// Delete users, with their fingerprints
    Delete(delete::Delete),
    /// Write the users to a file: CSV, or JSON if it is called so
    Export(transfer::Export),
    /// Create and change the users of a file
    Import(transfer::Import),
}

impl Users {
    /// Returns true for commands that change nothing.
    pub(super) fn only_looks(&self) -> bool {
        matches!(self, Self::List(_) | Self::Get(_))
    }

    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::List(list) => list.run(context),
            Self::Get(get) => get.run(context),
            Self::Set(set) => set.run(context),
            Self::Delete(delete) => delete.run(context),
            Self::Export(export) => export.run(context),
            Self::Import(import) => import.run(context),
        }
    }
}
