//! The reason why a command failed at one terminal.

use iclock_sync::{TerminalError, chain};
use zk_proto::ClientError;
use zk_proto::client::{PullError, UserError};

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The reason why a command failed at one terminal, with the next thing to try.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: String,
    pub(crate) hint: Option<String>,
    /// The exit code that it asks for: mostly 20, or 80 for a refusal for safety, or 130.
    pub(crate) code: ExitCode,
}

impl Failure {
    /// The terminal failed.
    pub(crate) fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), hint: None, code: ExitCode::Terminal }
    }

    /// Nothing was changed, for safety.
    pub(crate) fn refused(error: impl Into<String>) -> Self {
        Self { code: ExitCode::Refused, ..Self::new(error) }
    }

    /// Ctrl-C ended the work.
    pub(super) fn interrupted() -> Self {
        Self { code: ExitCode::Interrupted, ..Self::new("interrupted") }
    }

    /// Adds the next thing to try.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let text = chain(&error);
        let known = match error {
            ClientError::Refused { .. } => Some("this model or its settings may not allow it; see its menu"),
            _ => None,
        };
        let hint = TerminalError::Client(error).hint().or(known).map(str::to_owned);
        Self { hint, ..Self::new(text) }
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Pull(PullError::Client(error)) => error.into(),
            UserError::Unproven(_) | UserError::Templates => {
                Self::new(chain(&error)).hint("try again; over UDP, try transport=tcp")
            }
            UserError::FingerNotDeleted { .. } => Self::new(chain(&error))
                .hint("delete it in the terminal's menu; to see what is left: iclock-cli templates list"),
            UserError::FingerNotKept { .. } | UserError::NotKept { .. } => Self::new(chain(&error))
                .hint("this model or its settings may not allow it; try again, or do it in the terminal's menu"),
            _ => Self::new(chain(&error)),
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.code, failure.error);
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<zk_proto::ProtoError> for Failure {
    fn from(error: zk_proto::ProtoError) -> Self {
        Self::new(chain(&error))
    }
}
