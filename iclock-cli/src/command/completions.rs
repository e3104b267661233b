//! `completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::CliError;
use crate::exit_code::ExitCode;

pub(crate) fn run(shell: clap_complete::Shell) -> Result<ExitCode, CliError> {
    clap_complete::generate(shell, &mut Cli::command(), "iclock-cli", &mut std::io::stdout());
    Ok(ExitCode::Done)
}
