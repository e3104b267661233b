//! `completions`: prints the script with which a shell completes commands and flags.

use clap::{Args, Command};

use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli completions bash
  iclock-cli completions powershell

Redirect the script to a file that the shell reads:
  bash        ~/.local/share/bash-completion/completions/iclock-cli
  zsh         a file _iclock-cli in a directory of $fpath
  fish        ~/.config/fish/completions/iclock-cli.fish
  powershell  the file that $PROFILE names")]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints the script for the commands of `tree`.
    pub(crate) fn run(self, mut tree: Command) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut tree, "iclock-cli", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end());
        Ok(ExitCode::Done)
    }
}
