//! `clear`: empties a terminal's log, once everything of it is kept and delivered.

use std::path::PathBuf;

use clap::Args;
use iclock_sync::{ClearError, RunOptions};

use super::base::typed;
use crate::config::{Config, ConfigErrors};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::{Ended, ExitCode};
use crate::global::Targets;
use crate::output::{self, counted, human};
use crate::{sinks, wiring};

#[derive(Debug, Args)]
pub(crate) struct Clear {
    /// The terminal: its configured name
    #[arg(value_name = "NAME")]
    terminal: String,
    /// Its serial number, instead of typing it in
    #[arg(long, value_name = "SERIAL")]
    serial: Option<String>,
    /// Write what is sent and received to a file, without secrets, for a report of a
    /// problem
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    targets: Targets,
}

impl Clear {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut config = Config::load(&context.flags(&self.targets))?;
        context.start(&config, true)?;
        let missing = config.missing(true);
        if !missing.is_empty() {
            return Err(ConfigErrors::in_order(missing).into());
        }
        config.devices.retain(|device| device.name == self.terminal);
        if config.devices.is_empty() {
            let what = format!("no terminal is called {}", self.terminal);
            return Err(CliError::new(ExitCode::Configuration, what).hint("name a configured terminal"));
        }
        let Some(serial) = self.serial.or_else(|| asked(&self.terminal)) else {
            return Err(CliError::new(ExitCode::Refused, "no serial number was typed; nothing was changed")
                .hint("type the one that `info` shows, or use --serial"));
        };
        context.records().attach(self.record.as_deref(), "clear", &mut config.devices)?;
        let engine = wiring::engine(&config, sinks::open_all(&config.sinks)?, None, &[])?;
        // What the safety limit keeps back stays where it is, and so does the log.
        let options = RunOptions::default().max_new(config.max_new);
        context.block_on(async |signals| {
            let cleared = engine.clear(&self.terminal, &serial, &options, &signals.stop).await.map_err(|error| {
                let mut error = CliError::from(error).of(&self.terminal);
                if signals.asked().is_some() {
                    // What is known of the log then is in the text.
                    error.code = ExitCode::Interrupted;
                }
                error
            })?;
            output::line(format_args!(
                "Cleared {} of {}.",
                counted(cleared.records, "record", "records"),
                cleared.serial
            ));
            output::line(human::wrap(&format!("Backup: {} (SHA-256 {})", cleared.backup.display(), cleared.sha256)));
            Ok(ExitCode::Done)
        })
    }
}

/// The serial number that a person types.
fn asked(terminal: &str) -> Option<String> {
    typed(&format!("This deletes the whole log of {terminal}. Type the terminal's serial number to go on: "))
}

impl From<ClearError> for CliError {
    fn from(error: ClearError) -> Self {
        let what = Self::new(ExitCode::of(&Ended::NotCleared(&error)), iclock_sync::chain(&error));
        match error {
            ClearError::Sync(error) => error.into(),
            ClearError::Refused { .. } => what.hint("run a sync, see what it reports, then try again"),
            ClearError::Unconfirmed { .. } => what.hint("run a sync: it reads what the terminal still has"),
            _ => what,
        }
    }
}
