//! How a sink fails, and what is to be done about it.

use std::error::Error;
use std::time::Duration;

/// The failure of a probe, a write or a lookup.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    /// The kind of failure, which decides about a retry.
    pub kind: SinkErrorKind,
    /// The failed action and its target: lower case, no full stop, no credentials, without the cause.
    pub message: String,
    /// The next thing to try, for people.
    pub hint: Option<String>,
    /// Wait at least this long before the next try.
    pub retry_after: Option<Duration>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// The sorts of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// No connection, or it broke. Transient.
    Unreachable,
    /// No answer in time. Transient.
    TimedOut,
    /// Overloaded, starting up, locked, or a quota is used up. Transient.
    Busy,
    /// No room left. Transient: somebody makes room.
    Full,
    /// Cannot be written at the moment (read-only, a replica). Transient.
    ReadOnly,
    /// The server's certificate is expired, not trusted, or for another name. Permanent.
    Certificate,
    /// Wrong or missing credentials. Permanent.
    Credentials,
    /// The credentials lack a right. Permanent.
    Rights,
    /// A database, project or file that is not there. Permanent.
    Missing,
    /// A schema or server version that cannot be used. Permanent.
    Schema,
    /// The request itself was refused: a fault of ours. Permanent.
    Invalid,
}

impl SinkErrorKind {
    /// Returns true if the same write may succeed later without a change of the configuration.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Busy | Self::Full | Self::ReadOnly)
    }

    /// Returns true if single events of the batch may have caused it, so that the others may go through without them.
    #[must_use]
    pub fn may_be_of_single_events(self) -> bool {
        matches!(self, Self::Invalid)
    }
}

impl SinkError {
    /// An error of a kind, with what failed.
    #[must_use]
    pub fn new(kind: SinkErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, retry_after: None, source: None }
    }

    /// With what to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// With a wait before the next try.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Returns true if the same write may succeed later without a change of the configuration.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_failed_and_keeps_its_cause() {
        let error = SinkError::new(SinkErrorKind::Full, "no room left")
            .hint("make room")
            .retry_after(Duration::from_secs(5))
            .because(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(error.to_string(), "no room left");
        assert!(error.is_transient() && error.source().is_some());
        assert!(!SinkError::new(SinkErrorKind::Credentials, "wrong password").is_transient());
        assert!(!SinkErrorKind::Credentials.may_be_of_single_events());
    }
}
