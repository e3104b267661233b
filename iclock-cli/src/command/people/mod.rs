//! Commands on the people of terminals: users, fingerprints, backups, and copies from one terminal to others.

pub(crate) mod backup;
pub(crate) mod clone_users;
pub(crate) mod enroll;
mod export;
mod file;
mod key;
pub(crate) mod restore;
mod shown;
mod source;
pub(crate) mod templates;
pub(crate) mod users;
mod write;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show or change the users of terminals, also by files
    #[command(subcommand)]
    Users(users::Users),
    /// Show, copy or delete fingerprints
    #[command(subcommand)]
    Templates(templates::Templates),
    /// Make a terminal ask a person for a finger
    Enroll(enroll::Enroll),
    /// Keep a terminal's people, options and log in one file
    Backup(backup::Backup),
    /// Write the users and fingerprints of a backup to a terminal
    Restore(restore::Restore),
    /// Copy users and fingerprints from one terminal to others
    CloneUsers(clone_users::CloneUsers),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Users(command) => command.run(context),
            Self::Templates(command) => command.run(context),
            Self::Enroll(command) => command.run(context),
            Self::Backup(command) => command.run(context),
            Self::Restore(command) => command.run(context),
            Self::CloneUsers(command) => command.run(context),
        }
    }

    /// Returns true for commands that only look at one terminal, so that a recording can answer them.
    pub(crate) fn can_be_replayed(&self) -> bool {
        match self {
            Self::Users(command) => command.only_looks(),
            Self::Templates(command) => command.only_looks(),
            _ => false,
        }
    }
}
