//! The tree of commands. Each group lists its own in its `mod.rs`; their order and examples are in `help.rs`.

use clap::{Parser, Subcommand};

use crate::command::{lab, ledger, people, setup, sync, terminal};
use crate::global::Global;

/// Attendance from ZKTeco/iClock terminals into your database.
#[derive(Debug, Parser)]
#[command(name = "iclock-cli", version, max_term_width = 80, after_help = "First steps: iclock-cli demo")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Sync(sync::Command),
    #[command(flatten)]
    Terminal(terminal::Command),
    #[command(flatten)]
    People(people::Command),
    #[command(flatten)]
    Ledger(ledger::Command),
    #[command(flatten)]
    Setup(setup::Command),
    #[command(flatten)]
    Lab(lab::Command),
}
