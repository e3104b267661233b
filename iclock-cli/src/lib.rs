//! The commands `iclock-cli` and `iclock`: arguments, configuration, wiring, progress, output and exit codes. The
//! engine to embed is `iclock-sync`.

mod alerts;
mod answering;
mod carry_out;
mod certificate;
mod cli;
mod command;
mod config;
mod context;
mod diary;
mod error;
mod exit_code;
mod export;
mod global;
mod help;
mod job;
mod logging;
mod output;
mod receiving;
mod resident;
#[cfg(windows)]
mod scm;
mod signal;
mod sinks;
mod supervisor;
mod takeover;
mod wiring;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{FromArgMatches, Parser};

use crate::cli::{Cli, Command};
use crate::command::sync::iclock::Iclock;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::global::Global;

/// Runs `iclock-cli` with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    #[cfg(windows)]
    if let Some(service) = scm::Service::of(&words) {
        return service.run(command_line).into();
    }
    command_line(words).into()
}

/// Runs a command line, whose first word is the program.
fn command_line(words: Vec<OsString>) -> exit_code::ExitCode {
    let mut matches =
        help::tree().try_get_matches_from(&words).unwrap_or_else(|error| leave(&help::with_tip(error, words)));
    let Cli { global, command } =
        Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut help::tree()).exit());
    let context = Context::new(global);
    finish(dispatch(command, &context), &context)
}

fn dispatch(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Sync(command) => command.run(context),
        Command::Terminal(command) => command.run(context),
        Command::People(command) => command.run(context),
        Command::Ledger(command) => command.run(context),
        Command::Setup(command) => command.run(context, help::tree),
        Command::Lab(command) => command.run(context),
    }
}

/// Runs a command on terminals again, with the answers of a recording. It is the recorded one, or another one that was
/// typed.
fn again(command: Vec<OsString>, is_recorded: bool, context: &Context) -> Outcome {
    let name = command.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let words = std::iter::once(OsString::from("iclock-cli")).chain(command);
    let parsed = help::tree().try_get_matches_from(words);
    match parsed.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(Cli { command: Command::Terminal(command), .. }) if command.can_be_replayed() => command.run(context),
        Ok(Cli { command: Command::People(command), .. }) if command.can_be_replayed() => command.run(context),
        // A recording leaves out what such a command needs: a file, or who it is about.
        Err(_) if is_recorded => Err(cannot_run_again(&name)),
        Err(error) => error.format(&mut help::tree()).exit(),
        Ok(_) => Err(cannot_run_again(&name)),
    }
}

fn cannot_run_again(name: &str) -> CliError {
    let why = match name {
        "sync" | "serve" | "clear" => "what it asks of a terminal depends on the ledger and the sinks of that time",
        "live" => "it waits for punches until somebody ends it",
        _ => "it needs more than the answers of one terminal",
    };
    CliError::new(exit_code::ExitCode::Usage, format!("{name} cannot run from a recording: {why}")).hint(
        "look at the packets: iclock-cli transcript show FILE; what asks or changes one terminal can run again, such \
         as info, options, time, or users list",
    )
}

/// Runs `iclock` with the arguments of the process.
#[must_use]
pub fn run_iclock() -> ExitCode {
    let command = Iclock::try_parse().unwrap_or_else(|error| leave(&error));
    let context = Context::new(Global::default());
    finish(command.run(&context), &context).into()
}

/// Ends the process with a help page, the version, or an error of usage.
fn leave(told: &clap::Error) -> ! {
    let printed = told.print();
    if !told.use_stderr()
        && let Err(error) = printed
    {
        output::lose(&error);
    }
    let code = if output::is_lost() { exit_code::ExitCode::Fault as i32 } else { told.exit_code() };
    std::process::exit(code)
}

/// Ends a command, which has printed its results: prints its error, and those of its recordings.
fn finish(outcome: Outcome, context: &Context) -> exit_code::ExitCode {
    let code = outcome.unwrap_or_else(|error| {
        error.print();
        error.code
    });
    let not_recorded = context.records().finish();
    not_recorded.iter().for_each(CliError::print);
    match code {
        exit_code::ExitCode::Done if !not_recorded.is_empty() => exit_code::ExitCode::Fault,
        // The reader could take a part of the output for the whole.
        exit_code::ExitCode::Done if output::is_lost() => exit_code::ExitCode::Fault,
        code => code,
    }
}
