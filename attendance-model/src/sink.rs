//! The contract of a place that events are written to.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{AttendanceEvent, EventId, IdScheme};

/// A place that events are written to, idempotently by id.
///
/// What every implementation promises; `conformance` tests what shows from outside:
///
/// - Create if absent, in one step at the target: never read-then-write, never an update. What is stored stays as it was first
///   written, whoever writes it again, also at the same time.
/// - An event is known by its document id, [`IdScheme::id_of`] under [`Capabilities::ids`]. Events of one id, also within one
///   batch, are stored once: the first of them.
/// - Text is kept to the character, times to the second. Events are valid ([`normalize`](crate::normalize)): no NUL, within the
///   widths of [`validate`](crate::validate).
/// - Opening one contacts nothing. Every call ends: it has a deadline of its own. A call that is dropped half-way may have stored
///   any part of its batch; writing the batch again mends it.
/// - No error, name or target holds a credential.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// The configured name, for people.
    fn name(&self) -> &str;

    /// What is written to, whatever its name: kind, host, database, table or absolute path; no credentials.
    /// A new target starts with all that the ledger holds.
    fn target(&self) -> String;

    /// What it is good at, and which ids it uses.
    fn capabilities(&self) -> Capabilities;

    /// Checks that it can be written to (reachable, credentials, rights, schema) and prepares what is missing.
    /// Called once before the first write of a process; calling it again is harmless.
    ///
    /// # Errors
    /// [`SinkError`] with what to try next. After a transient one it may be called again.
    async fn probe(&self) -> Result<(), SinkError>;

    /// One outcome per event, in order. Writing an event again, by its document id, stores nothing new.
    /// A batch holds at most [`Capabilities::batch`] events; an empty one yields no outcome.
    ///
    /// # Errors
    /// [`SinkError`] says nothing about single events: any of them may have been stored, and all are written again.
    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError>;

    /// Which of these document ids are stored, in order.
    ///
    /// # Errors
    /// [`SinkError`] when the target could not be asked.
    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError>;
}

macro_rules! sink_behind_a_pointer {
    ($pointer:ident) => {
        #[async_trait]
        impl<S: Sink + ?Sized> Sink for $pointer<S> {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn target(&self) -> String {
                (**self).target()
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            async fn probe(&self) -> Result<(), SinkError> {
                (**self).probe().await
            }

            async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
                (**self).write(batch).await
            }

            async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
                (**self).lookup(ids).await
            }
        }
    };
}

sink_behind_a_pointer!(Box);
sink_behind_a_pointer!(Arc);

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored now, and durable as far as the sink can say.
    Stored,
    /// It was stored before. As good as `Stored`.
    AlreadyStored,
    /// The sink will never take it.
    Rejected {
        /// Why, for people.
        reason: String,
    },
}

/// What a sink is good at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Events per `write` at which it is fastest, and the most that it takes.
    pub batch: usize,
    /// Writes that may usefully run at once.
    pub concurrency: usize,
    /// Which ids its documents or rows have.
    pub ids: IdScheme,
}

/// Why a sink could not be probed, written or asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    /// What sort of failure; decides whether it is tried again.
    pub kind: SinkErrorKind,
    /// What failed, and where: lower case, no full stop, no credentials, without the cause.
    pub message: String,
    /// What to try next, for people.
    pub mend: Option<String>,
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
    /// Whether the same write may succeed later without anybody changing the configuration.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Busy | Self::Full | Self::ReadOnly)
    }
}

/// The settings of one sink beside its URL: the keys of its `[[sink]]` table, secrets already resolved.
/// Each sink crate takes out what it knows and refuses the rest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

/// A sink's URL or settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct OptionsError {
    /// The setting's key; `url` for the URL itself.
    pub key: String,
    /// What is wrong with it; no credentials.
    pub problem: String,
    /// What to write instead.
    pub mend: Option<String>,
}

impl SinkError {
    /// An error of a kind, with what failed.
    #[must_use]
    pub fn new(kind: SinkErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), mend: None, retry_after: None, source: None }
    }

    /// With what to try next.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
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

    /// Whether the same write may succeed later without anybody changing the configuration.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

impl OptionsError {
    /// What is wrong with a key's value.
    #[must_use]
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), mend: None }
    }

    /// With what to write instead.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

impl Settings {
    /// Settings from keys and values.
    pub fn new(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Takes a setting out.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// Takes a setting out and parses it; `expected` names what would be right.
    ///
    /// # Errors
    /// [`OptionsError`] that names the key when the value does not parse.
    pub fn take_parsed<T: std::str::FromStr>(&mut self, key: &str, expected: &str) -> Result<Option<T>, OptionsError> {
        self.take(key)
            .map(|text| text.parse().map_err(|_| OptionsError::new(key, format!("{text:?} is not {expected}"))))
            .transpose()
    }

    /// Nothing may be left once a sink has taken what it knows; `known` lists the keys it would have taken.
    ///
    /// # Errors
    /// [`OptionsError`] that names the first unknown key.
    pub fn finish(self, known: &[&str]) -> Result<(), OptionsError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => Err(OptionsError {
                problem: format!("unknown setting {key}"),
                mend: Some(format!("this sink knows: {}", known.join(", "))),
                key,
            }),
        }
    }
}

/// Values may be secrets: only keys are shown.
impl Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new([("table".to_owned(), "punches".to_owned()), ("password".to_owned(), "hunter2".to_owned())])
    }

    #[test]
    fn a_setting_that_nobody_took_is_an_error_that_names_it() {
        let mut settings = settings();
        assert_eq!(settings.take("password").as_deref(), Some("hunter2"));
        let error = settings.finish(&["password", "timeout"]).unwrap_err();
        assert_eq!((error.key.as_str(), error.to_string().as_str()), ("table", "unknown setting table"));
        assert_eq!(error.mend.as_deref(), Some("this sink knows: password, timeout"));
    }

    #[test]
    fn a_value_that_does_not_parse_names_its_key_and_what_would_be_right() {
        let mut settings = Settings::new([("batch".to_owned(), "many".to_owned())]);
        let error = settings.take_parsed::<usize>("batch", "a number of events").unwrap_err();
        assert_eq!((error.key.as_str(), error.to_string().as_str()), ("batch", "\"many\" is not a number of events"));
    }

    #[test]
    fn settings_show_no_value() {
        assert_eq!(format!("{:?}", settings()), r#"{"password", "table"}"#);
    }

    #[test]
    fn an_error_says_what_failed_and_keeps_its_cause() {
        let error = SinkError::new(SinkErrorKind::Full, "no room left")
            .mend("make room")
            .retry_after(Duration::from_secs(5))
            .because(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(error.to_string(), "no room left");
        assert!(error.is_transient() && error.source().is_some());
        assert!(!SinkError::new(SinkErrorKind::Credentials, "wrong password").is_transient());
    }
}
