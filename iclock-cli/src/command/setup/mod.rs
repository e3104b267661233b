//! Commands to set the program up and to check it.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod service;
pub(crate) mod version;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find what is wrong with terminals, sinks and the ledger, and how to fix it
    Doctor(doctor::Doctor),
    /// Move over from the Python tool, or write its cache for going back
    Migrate(migrate::Migrate),
    /// Write a configuration from questions or flags, and try it
    Init(init::Init),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Keep it running: install, remove or look at the service
    #[command(subcommand)]
    Service(service::Service),
    /// Print the completions of a shell
    Completions(completions::Completions),
    /// Print the manual pages
    Man(man::Man),
    /// Show the version, and the sinks of this build
    Version(version::Version),
}

impl Command {
    pub(crate) fn run(self, context: &Context, tree: fn() -> clap::Command) -> Outcome {
        match self {
            Self::Doctor(command) => command.run(context),
            Self::Migrate(command) => command.run(context),
            Self::Init(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Service(command) => command.run(context),
            Self::Completions(command) => command.run(tree()),
            Self::Man(command) => command.run(tree()),
            Self::Version(command) => command.run(),
        }
    }
}
