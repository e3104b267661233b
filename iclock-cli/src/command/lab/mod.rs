//! Commands to look at the protocol, and to try things out without a terminal.

pub(crate) mod decode;
pub(crate) mod simulate;
pub(crate) mod transcript;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run simulated terminals
    Simulate(Box<simulate::Simulate>),
    /// Decode and prove the raw bytes of a log
    Decode(decode::Decode),
    /// Show what --record wrote, or run its command again from it
    #[command(subcommand)]
    Transcript(transcript::TranscriptCommand),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Simulate(command) => command.run(context),
            Self::Decode(command) => command.run(context),
            Self::Transcript(command) => command.run(context),
        }
    }
}
