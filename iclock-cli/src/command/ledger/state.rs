//! `state`: checks the ledger's file, copies it, begins with a copy, makes it smaller, saves what can be saved of a
//! damaged one, and forgets a sink.

use std::path::PathBuf;

use clap::Subcommand;
use iclock_sync::Ledger;
use iclock_sync::ledger::{export, import, salvage};

use super::forget_sink::ForgetSink;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, counted};

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// Look for damage in the whole file, also while a service runs
    Check {
        /// Save what can be read into a new state directory
        #[arg(long, value_name = "DIR")]
        salvage: Option<PathBuf>,
    },
    /// Copy the ledger to a file, with a checksum, also while a service runs
    Export {
        /// The file; must not exist
        file: PathBuf,
    },
    /// Begin a state directory with an exported file
    Import {
        /// The file; its checksum is compared if it is there
        file: PathBuf,
    },
    /// Give unused room in the file back to the disk
    Compact,
    /// Forget a sink that is used no more, and what waits for it
    ForgetSink(ForgetSink),
}

impl State {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        let dir = &config.state_dir;
        match self {
            Self::Check { salvage: Some(into) } => {
                let salvaged = salvage(dir, &into)?;
                output::line(format!("{} saved in {}", counted(salvaged.events, "event", "events"), into.display()));
                if salvaged.damaged.is_empty() {
                    output::line("everything could be read");
                } else {
                    output::line(format!("not all could be read of: {}", salvaged.damaged.join(", ")));
                }
                if salvaged.reads_again {
                    output::line("each terminal will be read whole once more");
                }
                if salvaged.delivers_again {
                    output::line("each sink will get all events again; none stores one twice");
                }
                output::line("nothing was changed in the damaged directory; use the new one with --state");
            }
            Self::Check { salvage: None } => {
                let faults = context.ledger(&config)?.check()?;
                if let Some(first) = faults.first() {
                    faults.iter().for_each(output::line);
                    return Err(CliError::new(ExitCode::State, format!("the ledger is damaged: {first}")).hint(
                        "restore an export, or save what can be read: iclock-cli state check --salvage NEW_DIRECTORY",
                    ));
                }
                output::line("the ledger is sound");
            }
            Self::Export { file } => {
                context.ledger(&config)?;
                let exported = export(dir, &file)?;
                output::line(format!(
                    "{}, {}, SHA-256 {}",
                    counted(exported.events, "event", "events"),
                    counted(exported.bytes, "byte", "bytes"),
                    exported.checksum
                ));
            }
            Self::Import { file } => {
                let events = import(&file, dir)?.event_count()?;
                let events = counted(events, "event is", "events are");
                output::line(format!("{events} in {}", dir.display()));
            }
            Self::ForgetSink(command) => return command.run(context, &config),
            Self::Compact => {
                // Opening it for writing would create one.
                context.ledger(&config)?;
                let freed = Ledger::open(dir)?.compact()?;
                output::line(format!("{} freed", counted(freed, "byte", "bytes")));
            }
        }
        Ok(ExitCode::Done)
    }
}
