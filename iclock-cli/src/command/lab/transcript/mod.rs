//! `transcript`: shows what `--record` wrote, or runs its command again from it. Contacts nothing.

mod packets;
mod show;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use zk_proto::transcript::Transcript;

use crate::command::terminal::base::words_of;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// The longest transcript that is read, in bytes. That of a log of a million records has 200 MB.
const LONGEST: u64 = 1 << 30;

#[derive(Debug, Subcommand)]
pub(crate) enum TranscriptCommand {
    /// Show each packet: its time, command, session, reply number and data
    Show {
        /// What --record wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// All bytes of the data, not only the first
        #[arg(long)]
        full: bool,
        /// Print JSON: a line for each packet and each event of the connection
        #[arg(long)]
        json: bool,
    },
    /// Run the recorded command again, with the terminal's answers from the recording
    Replay {
        /// What --record wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Another command than the recorded one, without terminals, such as: info --json
        #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

impl TranscriptCommand {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        match self {
            Self::Show { file, full, json } => {
                show::run(&read(&file)?, full, json);
                Ok(ExitCode::Done)
            }
            Self::Replay { file, command } => replay(context, &file, command),
        }
    }
}

fn read(path: &Path) -> Result<Transcript, CliError> {
    let cannot = |error: &dyn std::error::Error| {
        CliError::because(ExitCode::Usage, format!("cannot read {}", path.display()), error)
            .hint("name a file that --record wrote")
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| cannot(&error))?;
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| cannot(&error))?;
    if text.len() as u64 > LONGEST {
        let what = format!("{} has more than {} bytes", path.display(), output::grouped(LONGEST));
        return Err(CliError::new(ExitCode::Usage, what).hint("cut it at the end of a line"));
    }
    Transcript::parse(&text).map_err(|error| cannot(&error))
}

/// Runs the command of the transcript's first note.
fn replay(context: &Context, path: &Path, command: Vec<OsString>) -> Outcome {
    let transcript = read(path)?;
    let is_recorded = command.is_empty();
    let command = match is_recorded {
        false => command,
        true => words_of(transcript.notes()).map(|words| words.into_iter().map(OsString::from).collect()).ok_or_else(
            || {
                CliError::new(ExitCode::Usage, format!("{} does not say which command it is of", path.display()))
                    .hint("name the command after the file, as in iclock-cli transcript replay wire.zkt info")
            },
        )?,
    };
    crate::again(command, is_recorded, &context.replaying(transcript))
}
