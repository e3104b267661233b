//! `completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

pub(crate) fn run(shell: clap_complete::Shell) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "iclock-cli", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::Done)
}
