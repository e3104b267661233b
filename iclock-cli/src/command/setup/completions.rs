//! `completions`: prints the script with which a shell completes commands and flags.

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "iclock-cli", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end());
        Ok(ExitCode::Done)
    }
}
