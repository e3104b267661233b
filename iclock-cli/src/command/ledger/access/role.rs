//! What a program or a person may do.

use clap::ValueEnum;
use iclock_server::access::Role as Granted;

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Role {
    /// Reads the metrics, and nothing of people
    Metrics,
    /// Reads everything
    #[default]
    Viewer,
    /// Polls, pauses, approves terminals
    Operator,
    /// Decides about records, and sees settings and access
    Administrator,
}

impl Role {
    pub(super) fn granted(self) -> Granted {
        match self {
            Self::Metrics => Granted::Metrics,
            Self::Viewer => Granted::Viewer,
            Self::Operator => Granted::Operator,
            Self::Administrator => Granted::Administrator,
        }
    }
}
