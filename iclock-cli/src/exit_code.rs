//! The exit codes of the process, and their choice from the answers of the engine.

use std::process;

use iclock_sync::unproven::AcceptError;
use iclock_sync::{ClearError, Report, SyncError};

/// The exit codes. If several hold, it is the first of 60, 10, 30, 20, 40, 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// All done; also a loop that SIGTERM ended.
    Done = 0,
    /// A fault of the program, or its output could not be written.
    Fault = 1,
    /// Wrong usage of the command line. clap ends the process with this code by itself, too.
    Usage = 2,
    /// A value, file, key or URL in the configuration is invalid; nothing was contacted.
    Configuration = 10,
    /// A terminal failed.
    Terminal = 20,
    /// A sink failed; its events are pending.
    Sink = 30,
    /// A log could not be proven; its bytes were kept.
    Unproven = 40,
    /// Stopped at the safety limit.
    SafetyLimit = 50,
    /// The state directory is held by another process, or damaged.
    State = 60,
    /// `doctor`, `verify` or `audit verify` found something.
    Found = 70,
    /// Refused for safety; nothing was changed.
    Refused = 80,
    /// Interrupted, after a clean stop.
    Interrupted = 130,
}

/// The end of something that the engine did.
pub(crate) enum Ended<'a> {
    /// A run, with its report.
    Run(&'a Report),
    /// A run or a look into the ledger, with the error that ended it.
    Early(&'a SyncError),
    /// A terminal's log that was not cleared.
    NotCleared(&'a ClearError),
    /// A kept log that was not accepted.
    NotAccepted(&'a AcceptError),
}

impl ExitCode {
    /// The exit code for the engine's answer.
    pub(crate) fn of(ended: &Ended<'_>) -> Self {
        match ended {
            Ended::Run(report) => Self::of_number(report.run.exit_code),
            Ended::Early(error) => Self::of_number(error.exit_code()),
            Ended::NotCleared(error) => match error {
                ClearError::Refused { .. } => Self::Refused,
                ClearError::Sync(error) => Self::of_number(error.exit_code()),
                _ => Self::Terminal,
            },
            Ended::NotAccepted(error) => match error {
                AcceptError::Ledger(_) | AcceptError::Spool(_) => Self::State,
                AcceptError::Unknown { .. } | AcceptError::Choice { .. } | AcceptError::UserTable { .. } => Self::Usage,
                _ => Self::Refused,
            },
        }
    }

    fn of_number(number: u8) -> Self {
        [Self::Done, Self::Configuration, Self::Terminal, Self::Sink, Self::Unproven, Self::SafetyLimit, Self::State]
            .into_iter()
            .find(|known| *known as u8 == number)
            .unwrap_or(Self::Fault)
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
