//! The kinds of errors: stable words for alerts and metrics.

use std::fmt;

use attendance_model::SinkErrorKind;
use serde::{Deserialize, Serialize};

/// The kind of an error in a report. Its word stays the same, whatever the error's text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection: nothing answers at the address, or the host name has none.
    Unreachable,
    /// No answer in time, or not done in time.
    TimedOut,
    /// Another program holds the terminal's session, or the sink is overloaded.
    Busy,
    /// The connection broke.
    Broken,
    /// Wrong or missing communication key or credentials.
    Credentials,
    /// The terminal refused a request.
    Refused,
    /// It is another terminal than the expected one, or one that is configured twice.
    Identity,
    /// The terminal speaks another protocol.
    Unsupported,
    /// The terminal sent bytes that the protocol does not allow.
    Protocol,
    /// The log could not be proven.
    Unproven,
    /// The log could not be kept until it was proven.
    Storage,
    /// The run was stopped.
    Stopped,
    /// The sink has no room left.
    Full,
    /// The sink cannot be written at the moment.
    ReadOnly,
    /// The certificate of the sink's server is expired, not trusted, or for another name.
    Certificate,
    /// The credentials lack a right.
    Rights,
    /// A database, project or file of the sink does not exist.
    Missing,
    /// A schema or server version of the sink cannot be used.
    Schema,
    /// The sink refused the request itself.
    Invalid,
    /// The sink refused events for good.
    Rejected,
    /// None of the delivered events is in the sink any more.
    Lost,
    /// There are more new events than the safety limit allows.
    OverLimit,
    /// The logs file could not be written.
    LogsFile,
    /// A fault of the program, or a kind that this version does not know.
    #[serde(other)]
    Internal,
}

impl ErrorKind {
    /// The word in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Busy => "busy",
            Self::Broken => "broken",
            Self::Credentials => "credentials",
            Self::Refused => "refused",
            Self::Identity => "identity",
            Self::Unsupported => "unsupported",
            Self::Protocol => "protocol",
            Self::Unproven => "unproven",
            Self::Storage => "storage",
            Self::Stopped => "stopped",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Certificate => "certificate",
            Self::Rights => "rights",
            Self::Missing => "missing",
            Self::Schema => "schema",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Lost => "lost",
            Self::OverLimit => "over_limit",
            Self::LogsFile => "logs_file",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<SinkErrorKind> for ErrorKind {
    fn from(kind: SinkErrorKind) -> Self {
        match kind {
            SinkErrorKind::Unreachable => Self::Unreachable,
            SinkErrorKind::TimedOut => Self::TimedOut,
            SinkErrorKind::Busy => Self::Busy,
            SinkErrorKind::Full => Self::Full,
            SinkErrorKind::ReadOnly => Self::ReadOnly,
            SinkErrorKind::Certificate => Self::Certificate,
            SinkErrorKind::Credentials => Self::Credentials,
            SinkErrorKind::Rights => Self::Rights,
            SinkErrorKind::Missing => Self::Missing,
            SinkErrorKind::Schema => Self::Schema,
            SinkErrorKind::Invalid => Self::Invalid,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_published_schema_and_of_the_json() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
        let words = schema["$defs"]["error_kind"]["enum"].as_array().unwrap();
        let kinds = words.iter().filter(|word| !word.is_null()).map(|word| {
            let kind: ErrorKind = serde_json::from_value(word.clone()).unwrap();
            assert_eq!(
                (word.as_str(), serde_json::to_value(kind).unwrap().as_str()),
                (Some(kind.as_str()), word.as_str())
            );
            kind
        });
        // `Internal` is the last; every kind before it has a number of its own.
        assert_eq!(kinds.collect::<std::collections::BTreeSet<_>>().len(), ErrorKind::Internal as usize + 1);
    }

    #[test]
    fn a_word_of_a_later_version_is_read_as_an_internal_fault() {
        let kind: ErrorKind = serde_json::from_str("\"haunted\"").unwrap();
        assert_eq!(kind, ErrorKind::Internal);
    }
}
