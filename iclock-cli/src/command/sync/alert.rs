//! `alert test`: sends a message by each configured way.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::broken_intra_doc_links)]

use chrono::Utc;
use clap::Subcommand;
use iclock_sync::alert::Message;

use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// Send a message by each way of [alerts], and say if it went out
    Test,
}

impl Alert {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let Self::Test = self;
        let config = context.quiet_config()?;
        if config.alerts.ways.is_empty() {
            return Err(CliError::new(ExitCode::Configuration, "no way for alerts is configured")
                .hint("write command into [alerts]; docs/operations.md has an example"));
        }
        let (message, mut code) = (Message::test(Utc::now()), ExitCode::Done);
        for way in &config.alerts.ways {
            match way.send(&message) {
                Ok(()) => output::line(format_args!("{}: a message went out", way.name())),
                Err(problem) => {
                    output::line(format_args!("{}: {}", way.name(), output::printable(&problem)));
                    code = ExitCode::Sink;
                }
            }
        }
        Ok(code)
    }
}
