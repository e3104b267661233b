//! Why a pull failed.

use std::fmt;
use std::string::{String, ToString};
use std::time::Duration;

use crate::client::progress::{Progress, grouped};
use crate::client::{ClientError, Step};
use crate::spool::SpoolError;
use crate::{Command, ProtoError};

/// Why a pull failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum PullError {
    /// Talking to the terminal failed.
    Client(ClientError),
    /// The transfer could not be stored.
    Spool(SpoolError),
    /// The pull took longer than [`PullRequest::deadline`](super::PullRequest::deadline).
    Overdue {
        /// The deadline.
        allowed: Duration,
        /// How far the transfer in hand had come; `None` when none had begun.
        progress: Option<Progress>,
    },
    /// The terminal refused its log on two sessions as if it were empty, but counts people or records.
    Refused {
        /// The answer.
        code: Command,
        /// People that the terminal counts.
        users: u32,
        /// Records that the terminal counts.
        records: u32,
    },
    /// The terminal changed the log in its buffer each time while it was read, so that its parts do not fit together.
    Changed,
}

impl PullError {
    /// Returns true if a retry may succeed later without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Client(error) => error.is_transient(),
            Self::Overdue { .. } | Self::Changed => true,
            Self::Spool(_) | Self::Refused { .. } => false,
        }
    }

    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Client(error) if error.is_silence())
    }

    pub(super) fn is_refused_log(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// The error and its causes on one line.
    pub(super) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = std::format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// Returns true if bytes stayed damaged or missing although they were requested again.
    pub(super) fn lacks_bytes(&self) -> bool {
        match self {
            Self::Client(ClientError::Protocol { source, .. }) => {
                matches!(**source, ProtoError::Damaged { .. } | ProtoError::Incomplete { .. })
            }
            // A terminal that has sent everything it has does not answer a request for more.
            Self::Client(ClientError::TimedOut { step } | ClientError::Stalled { step, .. }) => {
                *step == Step::Command(Command::DATA_RDY)
            }
            _ => false,
        }
    }

    pub(super) fn is_damage(&self) -> bool {
        let Self::Client(ClientError::Protocol { source, .. }) = self else { return false };
        matches!(**source, ProtoError::Damaged { .. })
    }
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Spool(error) => error.fmt(f),
            Self::Overdue { allowed, progress: None } => {
                write!(f, "the pull did not end within {allowed:?}: no transfer had begun")
            }
            Self::Overdue { allowed, progress: Some(Progress { bytes, of }) } => {
                let (bytes, of) = (grouped(*bytes), grouped(*of));
                write!(f, "the pull did not end within {allowed:?}: {bytes} of {of} bytes had come")
            }
            Self::Refused { code, users, records } => {
                write!(
                    f,
                    "terminal refused its log with {code}, although it counts {users} users and {records} records"
                )
            }
            Self::Changed => f.write_str("terminal changed its log while it was read"),
        }
    }
}

impl std::error::Error for PullError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error) => error.source(),
            Self::Spool(error) => std::error::Error::source(error),
            Self::Overdue { .. } | Self::Refused { .. } | Self::Changed => None,
        }
    }
}

impl From<ClientError> for PullError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<SpoolError> for PullError {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}
