//! The commands `iclock-cli` and `iclock`. What an embedder wants is in `iclock-sync`; this is argument parsing, configuration,
//! wiring, progress, output and exit codes.

mod cli;
mod command;
mod config;
mod error;
mod exit_code;
mod export;
mod logging;
mod output;
mod signal;
mod sinks;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::CliError;

/// Runs `iclock-cli` with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    global.remember();
    finish(match command {
        Command::Sync(args) => command::sync::sync::run(&global, &args),
        Command::Demo(args) => command::sync::demo::run(&global, &args),
        Command::Simulate(args) => command::lab::simulate::run(&global, &args),
        Command::Info(args) => command::terminal::info::run(&global, &args),
        #[cfg(feature = "firestore")]
        Command::Doctor(args) => command::setup::doctor::run(&global, &args),
        Command::Migrate(args) => command::setup::migrate::run(&global, &args),
        Command::Quarantine(args) => command::ledger::quarantine::run(&global, &args),
        Command::Replay(args) => command::ledger::replay::run(&global, &args),
        Command::Unproven(args) => command::ledger::unproven::run(&global, &args),
        Command::Config(args) => command::setup::config::run(&global, &args),
        Command::Completions { shell } => command::setup::completions::run(shell),
    })
}

/// Runs `iclock` with the arguments of the process.
#[must_use]
pub fn run_iclock() -> ExitCode {
    finish(command::sync::iclock::run(&command::sync::iclock::Iclock::parse()))
}

fn finish(result: Result<exit_code::ExitCode, CliError>) -> ExitCode {
    let code = result.unwrap_or_else(|error| {
        error.print();
        error.code
    });
    match code {
        // Whoever reads the output would take a part for the whole.
        exit_code::ExitCode::Done if output::is_lost() => exit_code::ExitCode::Fault,
        code => code,
    }
    .into()
}
