//! `push`: which terminals may push. All of it works while `serve` runs.

mod ask;
mod captures;
mod command;
mod decide;
mod pending;
mod results;
mod show;

use clap::Subcommand;
use iclock_sync::receive::Decision;

use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Push {
    /// List the terminals that called `serve`, and wait for a decision
    Pending {
        /// List those that were decided about, too
        #[arg(long)]
        all: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Admit a terminal: what it pushes is stored from now on
    Approve {
        /// Its serial number, as listed
        serial: String,
        /// A name for it in reports [default: the configured one, else its serial
        /// number]
        #[arg(long)]
        name: Option<String>,
    },
    /// Ask a terminal for something or change it, when it calls next
    Command {
        /// Its serial number
        serial: String,
        #[command(subcommand)]
        ask: ask::Ask,
    },
    /// List the commands that terminals were given, and their answers
    Results {
        /// Only of this terminal, by its serial number
        serial: Option<String>,
        /// The most commands to list
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show the last requests of a terminal and their answers, if `capture` of
    /// `[push]` keeps some
    Captures {
        /// Its serial number
        serial: String,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of a terminal: its last address, its dialect, and what it
    /// told of itself
    Show {
        /// Its serial number
        serial: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse a terminal: it keeps what it has, and is not listed any more
    Deny {
        /// Its serial number, as listed
        serial: String,
    },
}

impl Push {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Pending { all, json } => pending::list(context, all, json),
            Self::Approve { serial, name } => {
                let name = name.map(decide::checked_name).transpose()?;
                let decision = Decision::approve(&serial, name).ok_or_else(|| no_serial(&serial))?;
                decide::decide(context, &decision)
            }
            Self::Command { serial, ask } => command::ask(context, &serial, &ask),
            Self::Results { serial, limit, json } => results::list(context, serial.as_deref(), limit, json),
            Self::Captures { serial, json } => captures::list(context, &serial, json),
            Self::Show { serial, json } => show::show(context, &serial, json),
            Self::Deny { serial } => {
                decide::decide(context, &Decision::deny(&serial).ok_or_else(|| no_serial(&serial))?)
            }
        }
    }
}

fn no_serial(text: &str) -> CliError {
    CliError::new(ExitCode::Usage, format!("{text:?} is no serial number"))
        .hint("write 1 to 64 letters, digits, - and _, as `iclock-cli push pending` lists them")
}
