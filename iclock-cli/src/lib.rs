//! The commands `iclock-cli` and `iclock`: arguments, configuration, wiring, progress, output and exit codes. The
//! engine to embed is `iclock-sync`.

mod carry_out;
mod cli;
mod command;
mod config;
mod context;
mod error;
mod exit_code;
mod export;
mod global;
mod help;
mod job;
mod logging;
mod output;
mod resident;
mod signal;
mod sinks;
mod supervisor;
mod takeover;
mod wiring;

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
    let mut matches = help::tree().get_matches();
    let Cli { global, command } =
        Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut help::tree()).exit());
    finish(dispatch(command, &Context::new(global)))
}

fn dispatch(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Sync(sync) => sync.run(context),
        Command::Live(live) => live.run(context),
        Command::Health(health) => health.run(context),
        Command::Demo(demo) => demo.run(context),
        Command::Simulate(simulate) => simulate.run(context),
        Command::Decode(decode) => decode.run(context),
        Command::Transcript(transcript) => transcript.run(context),
        Command::Discover(discover) => discover.run(context),
        Command::Info(info) => info.run(context),
        Command::Options(options) => options.run(context),
        Command::Time(time) => time.run(context),
        Command::Unlock(unlock) => unlock.run(context),
        Command::Restart(restart) => restart.run(context),
        Command::Poweroff(poweroff) => poweroff.run(context),
        Command::Voice(voice) => voice.run(context),
        Command::Lcd(lcd) => lcd.run(context),
        Command::Clear(clear) => clear.run(context),
        Command::Backup(backup) => backup.run(context),
        Command::Restore(restore) => restore.run(context),
        Command::CloneUsers(clone_users) => clone_users.run(context),
        Command::Doctor(doctor) => doctor.run(context),
        Command::Migrate(migrate) => migrate.run(context),
        Command::Attendance(attendance) => attendance.run(context),
        Command::Report(report) => report.run(context),
        Command::Status(status) => status.run(context),
        Command::Person(person) => person.run(context),
        Command::Quarantine(quarantine) => quarantine.run(context),
        Command::Audit(audit) => audit.run(context),
        Command::Verify(verify) => verify.run(context),
        Command::Replay(replay) => replay.run(context),
        Command::State(state) => state.run(context),
        Command::Unproven(unproven) => unproven.run(context),
        Command::Init(init) => init.run(context),
        Command::Config(config) => config.run(context),
        Command::Service(service) => service.run(context),
        Command::Completions(completions) => completions.run(help::tree()),
        Command::Man(man) => man.run(help::tree()),
        Command::Version(version) => version.run(),
    }
}

/// Runs a command on terminals again, with the answers of a recording.
fn again(command: Vec<OsString>, context: Context) -> Outcome {
    let words = std::iter::once(OsString::from("iclock-cli")).chain(command);
    let mut matches = help::tree().get_matches_from(words);
    let Cli { command, .. } =
        Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut help::tree()).exit());
    match command {
        Command::Info(_)
        | Command::Options(_)
        | Command::Time(_)
        | Command::Unlock(_)
        | Command::Restart(_)
        | Command::Poweroff(_)
        | Command::Voice(_)
        | Command::Lcd(_) => dispatch(command, &context),
        _ => Err(CliError::new(exit_code::ExitCode::Usage, "this command cannot run from a recording")
            .hint("look at the packets with iclock-cli transcript show")),
    }
}

/// Runs `iclock` with the arguments of the process.
#[must_use]
pub fn run_iclock() -> ExitCode {
    finish(Iclock::parse().run(&Context::new(Global::default())))
}

fn finish(outcome: Outcome) -> ExitCode {
    let code = outcome.unwrap_or_else(|error| {
        error.print();
        error.code
    });
    match code {
        // The reader could take a part of the output for the whole.
        exit_code::ExitCode::Done if output::is_lost() => exit_code::ExitCode::Fault,
        code => code,
    }
    .into()
}
