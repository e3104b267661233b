//! `man`: prints the manual pages, made of the same texts as the help.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command, as in: man quarantine show [default: the program]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all commands into this directory; created if missing
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

impl Man {
    /// Prints or writes the pages of the commands in `tree`.
    pub(crate) fn run(self, tree: Command) -> Outcome {
        if let Some(dir) = self.dir {
            let failed = |error: std::io::Error| {
                CliError::because(ExitCode::Configuration, format!("cannot write to {}", dir.display()), &error)
                    .hint("name a directory that this user may write to")
            };
            fs::create_dir_all(&dir).map_err(failed)?;
            let count = write_all(&tree, &dir).map_err(failed)?;
            output::line(format_args!("{count} pages written to {}", dir.display()));
            return Ok(ExitCode::Done);
        }
        let mut command = &tree;
        for word in &self.command {
            command = command.find_subcommand(word).ok_or_else(|| {
                CliError::new(ExitCode::Usage, format!("there is no command {:?}", self.command.join(" ")))
                    .hint("list the commands with iclock-cli --help")
            })?;
        }
        output::line(String::from_utf8_lossy(&page(command)).trim_end());
        Ok(ExitCode::Done)
    }
}

/// The name of a command's page, such as `iclock-cli-quarantine-show`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// Writes the page of a command and of those below it, and counts them.
fn write_all(command: &Command, dir: &Path) -> std::io::Result<usize> {
    fs::write(dir.join(format!("{}.1", name(command))), page(command))?;
    let mut count = 1;
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        count += write_all(part, dir)?;
    }
    Ok(count)
}

/// A page in the format of man.
fn page(command: &Command) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = Page::new(command.clone().version(env!("CARGO_PKG_VERSION"))).render(&mut text);
    text
}
