//! What the process's exit code says.

use std::process;

/// The exit codes. Where several hold, the first of 60, 10, 30, 20, 40, 50.
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
    /// A transfer could not be proven and was quarantined.
    Unproven = 40,
    /// Stopped at the safety limit.
    SafetyLimit = 50,
    /// The state directory is held by another process, or damaged.
    State = 60,
    /// `doctor` found something.
    #[cfg(feature = "firestore")]
    Found = 70,
    /// Refused for safety; nothing was changed.
    Refused = 80,
    /// Interrupted, after a clean stop.
    Interrupted = 130,
}

impl ExitCode {
    /// The code of a run's report, as the engine computed it.
    pub(crate) fn of_run(code: u8) -> Self {
        [Self::Done, Self::Configuration, Self::Terminal, Self::Sink, Self::Unproven, Self::SafetyLimit, Self::State]
            .into_iter()
            .find(|known| *known as u8 == code)
            .unwrap_or(Self::Fault)
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
