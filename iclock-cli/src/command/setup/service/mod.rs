//! `service install|uninstall|status`: keeps a loop running by systemd, or as a service of Windows.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::broken_intra_doc_links)]

mod systemd;
mod windows;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

#[cfg(windows)]
pub(crate) use windows::{AS_SERVICE, LAST_ERROR};

use crate::config::{Config, Flags};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The user that the service runs as on Linux, if no flag names another.
const USER: &str = "iclock";

#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// Install the service and start it; needs the rights of an administrator
    Install(Install),
    /// Stop the service and remove it; configuration and state stay
    Uninstall(Uninstall),
    /// Say whether the service is installed and runs
    Status(Named),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Named {
    /// The name of the service
    #[arg(long, value_name = "NAME", default_value = "iclock", value_parser = name)]
    name: String,
    /// The root of the system, such as that of an image that is being made
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    #[command(flatten)]
    named: Named,
    /// Show what would be written and run, and change nothing
    #[arg(long)]
    print: bool,
    /// With --print: what would be done on Windows
    #[arg(long, requires = "print")]
    windows: bool,
    /// The user that the service runs as; made if missing [on Windows: LocalService]
    #[arg(long, value_name = "USER", default_value = USER, value_parser = name)]
    user: String,
    /// Listen to the terminals as well, as sync --live does
    #[arg(long)]
    live: bool,
    /// Receive what terminals push as well, as serve does; needs listen in [push]
    #[arg(long)]
    serve: bool,
}

impl Install {
    /// The command that the service runs.
    fn command(&self) -> &'static str {
        match (self.serve, self.live) {
            (false, false) => "sync --loop",
            (false, true) => "sync --live",
            (true, false) => "serve",
            (true, true) => "serve --live",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    named: Named,
    /// Show what would be removed and run, and change nothing
    #[arg(long)]
    print: bool,
    /// With --print: what would be done on Windows
    #[arg(long, requires = "print")]
    windows: bool,
}

impl Service {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        match self {
            Self::Install(install) if cfg!(windows) || install.windows => windows::install(context, &install),
            Self::Install(install) => systemd::install(context, &install),
            Self::Uninstall(uninstall) if cfg!(windows) || uninstall.windows => windows::uninstall(&uninstall),
            Self::Uninstall(uninstall) => systemd::uninstall(&uninstall),
            Self::Status(named) if cfg!(windows) => windows::status(&named),
            Self::Status(named) => systemd::status(&named),
        }
    }
}

/// Checks a name that goes into a unit file and commands.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
    let is_name = text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(is_plain);
    if is_name { Ok(text.to_owned()) } else { Err("write letters, digits, - and _".to_owned()) }
}

/// The program that runs now, to be started by the service.
fn program() -> Result<PathBuf, CliError> {
    std::env::current_exe()
        .map_err(|error| CliError::because(ExitCode::Fault, "cannot find the path of this program", &error))
}

/// The configuration of the service. One that it cannot use would have it restarted over and over.
fn loaded(config: &Path, args: &Install) -> Result<Config, CliError> {
    let loaded = Config::load(&Flags { config: Some(config.to_owned()), ..Flags::default() })?;
    if args.serve && loaded.push.listen.is_none() {
        let what = format!("{} has no address at which terminals may call", config.display());
        return Err(CliError::new(ExitCode::Configuration, what).hint("write listen in [push]"));
    }
    Ok(loaded)
}

/// Runs a program of the system, with what it prints shown.
fn run(program: &str, arguments: &[&str]) -> Result<(), CliError> {
    let shown = format!("{program} {}", arguments.join(" "));
    match std::process::Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CliError::new(ExitCode::Fault, format!("{shown} ended with {status}"))
            .hint("run it as an administrator (sudo), and see what it printed")),
        Err(error) => Err(CliError::because(ExitCode::Fault, format!("cannot run {shown}"), &error)
            .hint("--print shows what would be done, to do it by hand")),
    }
}
