//! The errors of the engine: why it could not be built, or a run could not take place.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ErrorCode;
use zk_proto::client::Step;
use zk_proto::{ClientError, SpoolError};

use crate::report::ErrorKind;

/// The cause of an error, of a library that is no part of this API.
type Cause = Box<dyn Error + Send + Sync>;

/// An error that ends a run. A failure of a single terminal or sink is in the report instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// A setting cannot be used; nothing was contacted.
    #[error("{setting}: {problem}")]
    Setting {
        /// The setting, by the name or address of the terminal or sink.
        setting: String,
        /// The problem.
        problem: String,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The service has been stopped, and takes nothing more.
    #[error("the service has been stopped")]
    Stopped,
    /// A part of the engine stopped where it never should.
    #[error("internal fault in {part}")]
    Fault {
        /// The part.
        part: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
}

/// The reason why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process writes there.
    #[error("state directory {} is in use by {holder}", dir.display())]
    Held {
        /// The state directory.
        dir: PathBuf,
        /// The other process: `process 1234`, or `another process`.
        holder: String,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A copy of a ledger cannot be read.
    #[error("cannot read {}", path.display())]
    Copy {
        /// The copy, or its checksum.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The ledger cannot be opened.
    #[error("cannot open the ledger {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The ledger's file is not a ledger, or is damaged. It was not changed.
    #[error("ledger {} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage.
        problem: String,
    },
    /// There is a file that would be overwritten.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The ledger was written by a later version of this program.
    #[error("ledger {} has version {found}, this program knows up to {known}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest known.
        known: i64,
    },
    /// The database refused an action.
    #[error("cannot {action} in the ledger")]
    Database {
        /// The action.
        action: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
}

/// The reason why a terminal was not read. The report has it as text, with its [`ErrorKind`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// The line failed, the terminal refused, or it sent bytes that are none of the protocol's.
    #[error("cannot read the terminal")]
    Client(#[source] ClientError),
    /// Its answers could not be kept until they were proven.
    #[error("cannot keep what the terminal sent")]
    Spool(#[source] SpoolError),
    /// It refuses to hand over a log that it says it has.
    #[error("cannot read the log: {0}")]
    LogRefused(zk_proto::client::PullError),
    /// Each time, the log changed while it was read.
    #[error("its log changed each time while it was read")]
    LogChanged,
    /// It is another terminal than the configured or the known one.
    #[error("wrong terminal at this address: {problem}")]
    Identity {
        /// The difference, and a hint.
        problem: String,
    },
    /// Another configured terminal has the same serial number.
    #[error("is the same terminal as {other}, by its serial number {serial}")]
    Twice {
        /// The serial number.
        serial: String,
        /// The other's configured name.
        other: String,
    },
    /// It took longer than it may.
    #[error("not done within {} s", limit.as_secs())]
    Deadline {
        /// The limit.
        limit: Duration,
    },
    /// The run was stopped before it was read.
    #[error("interrupted before it was read")]
    Stopped,
    /// Its users could not be read.
    #[error("cannot read its users: {problem}")]
    Users {
        /// The reason.
        problem: String,
    },
    /// Its clock is not set by a clock that is wrong.
    #[error("the clock of this computer is wrong")]
    HostClock,
    /// The protocol crate gave a result that this version does not know.
    #[error("reading it gave a result that this version does not know: {what}")]
    Unknown {
        /// The result, for a bug report.
        what: String,
    },
}

impl TerminalError {
    /// Returns true if the same may succeed on a new session without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Client(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Returns true if nothing helps before somebody changes something.
    pub(crate) fn needs_a_person(&self) -> bool {
        match self {
            Self::Client(error) => matches!(
                error,
                ClientError::KeyRequired
                    | ClientError::WrongKey
                    | ClientError::SecureFirmware
                    | ClientError::AccessPanel
            ),
            Self::Identity { .. } | Self::Twice { .. } | Self::HostClock | Self::Unknown { .. } => true,
            Self::Spool(_)
            | Self::Users { .. }
            | Self::LogRefused(_)
            | Self::LogChanged
            | Self::Deadline { .. }
            | Self::Stopped => false,
        }
    }

    /// The kind of error, for the report.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Client(error) => client_kind(error),
            Self::Spool(_) => ErrorKind::Storage,
            Self::LogRefused(_) => ErrorKind::Refused,
            Self::LogChanged => ErrorKind::Busy,
            Self::Identity { .. } | Self::Twice { .. } => ErrorKind::Identity,
            Self::Deadline { .. } => ErrorKind::TimedOut,
            Self::Stopped => ErrorKind::Stopped,
            Self::Users { .. } => ErrorKind::Protocol,
            Self::HostClock | Self::Unknown { .. } => ErrorKind::Internal,
        }
    }

    /// Returns true if a terminal stopped answering amid a table, in one session and in the next: it was tried often
    /// enough.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self, Self::Client(ClientError::Stalled { step: Step::Log | Step::Users, .. }))
    }

    /// The next thing to try, for people.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Client(error) => client_hint(error),
            Self::Spool(_) => Some("make room in the state directory, and check that it may be written"),
            Self::LogRefused(_) => {
                Some("restart the terminal; if nobody has punched on it yet, the first punch ends this message")
            }
            Self::LogChanged => {
                Some("read it when nobody punches; a full log is best cleared, once all of it is stored")
            }
            Self::Twice { .. } => Some("remove one of the two from the configuration, or correct its address"),
            Self::Deadline { .. } => Some("check the network; a slow line may need a longer deadline"),
            Self::HostClock => Some("set it, and let it follow a time server"),
            Self::Identity { .. } | Self::Users { .. } | Self::Stopped | Self::Unknown { .. } => None,
        }
    }

    /// An error for a variant that this version does not know.
    pub(crate) fn unknown(what: &dyn std::fmt::Debug) -> Self {
        Self::Unknown { what: format!("{what:?}") }
    }
}

fn client_kind(error: &ClientError) -> ErrorKind {
    match error {
        ClientError::Resolve { .. } | ClientError::Connect { .. } => ErrorKind::Unreachable,
        ClientError::TimedOut { .. } | ClientError::Stalled { .. } => ErrorKind::TimedOut,
        ClientError::Busy { .. } | ClientError::NotNow { .. } => ErrorKind::Busy,
        ClientError::Broken { .. } | ClientError::SessionLost => ErrorKind::Broken,
        ClientError::KeyRequired | ClientError::WrongKey => ErrorKind::Credentials,
        ClientError::SecureFirmware | ClientError::AccessPanel => ErrorKind::Unsupported,
        ClientError::Refused { .. } => ErrorKind::Refused,
        ClientError::Protocol { .. } => ErrorKind::Protocol,
        _ => ErrorKind::Internal,
    }
}

fn client_hint(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Resolve { .. } => Some("check the host name, or use the address"),
        ClientError::Connect { .. } => Some("check its address, power and network; terminals listen on port 4370"),
        ClientError::TimedOut { .. } | ClientError::Stalled { .. } => {
            Some("check power and network, and that no other program polls it; or allow more time")
        }
        ClientError::Busy { .. } => Some("end the other program's session, or wait until it is over"),
        ClientError::Broken { .. } | ClientError::Unusable => Some("check the network; the next run reads again"),
        ClientError::KeyRequired => Some("set comm_key to the terminal's communication password"),
        ClientError::NotNow { .. } => Some("leave its menu, wait for an enrolment to end, or restart it"),
        ClientError::Refused { .. } => {
            Some("restart it; if it refuses everything, switch off its push or cloud mode (menu: Comm, Cloud server)")
        }
        ClientError::AccessPanel => Some("use the panel's own software"),
        ClientError::WrongKey => Some("look the communication password up in the terminal's menu, and set comm_key"),
        _ => None,
    }
}

impl SyncError {
    /// Returns true if it need not end a service: it befell one task, or it may be over soon.
    pub(crate) fn can_be_survived(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_transient(),
            Self::Fault { .. } => true,
            Self::Setting { .. } | Self::Stopped => false,
        }
    }

    /// The kind of error, for the report of the task that it befell.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Ledger(_) => ErrorKind::Storage,
            Self::Stopped => ErrorKind::Stopped,
            Self::Fault { .. } | Self::Setting { .. } => ErrorKind::Internal,
        }
    }

    /// The error, its causes and the next thing to try.
    pub(crate) fn explain(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{}; {hint}", chain(self)),
            None => chain(self),
        }
    }

    /// The exit code for it: 1 for a fault of the program and for a service that was stopped, 10 for a setting, 60 for
    /// the state directory.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setting { .. } => 10,
            Self::Ledger(_) => 60,
            Self::Fault { .. } | Self::Stopped => 1,
        }
    }

    /// The next thing to try, for people.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Setting { .. } | Self::Fault { .. } => None,
            Self::Stopped => Some("keep what was not taken, and send it to the next service"),
            Self::Ledger(error) => error.hint(),
        }
    }
}

impl LedgerError {
    /// Returns true if the same may succeed later without anybody changing anything: a disk was full or failed, or
    /// another program held the file.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Held { .. } | Self::Damaged { .. } | Self::Exists { .. } | Self::TooNew { .. } => false,
            Self::Io { source, .. } | Self::Copy { source, .. } => !matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::InvalidFilename
            ),
            Self::Open { .. } | Self::Database { .. } => matches!(
                self.code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::FileLockingProtocolFailed
                        | ErrorCode::CannotOpen
                        | ErrorCode::OutOfMemory
                )
            ),
        }
    }

    /// Returns true if the disk was full, or seemed so: SQLite reports some writes without room as failed.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_full(source),
            _ => matches!(self.code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)),
        }
    }

    /// Returns true if another program held the file.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// The reason why SQLite refused something, if it did.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Open { source, .. } | Self::Database { source, .. } => code_of(source.as_ref()),
            _ => None,
        }
    }

    /// The next thing to try, for people.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("stop that process, or use another state directory"),
            Self::Io { .. } => Some("check that the directory exists, may be written, and has room"),
            Self::Damaged { .. } => Some(
                "restore it from a backup, or move it away: one full read fills a new one, and no sink stores twice",
            ),
            Self::Exists { .. } => Some("name another place, or move it away"),
            Self::TooNew { .. } => Some("use the version that wrote it, or a later one"),
            Self::Copy { .. } => Some("name a file that exists, is a copy of a ledger, and may be read by this user"),
            Self::Open { .. } | Self::Database { .. } => match self.code() {
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                    Some("let this user write to the state directory and its files, or use another state directory")
                }
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    Some("end the other program that has the file open, then try again")
                }
                _ => Some(
                    "make room on its disk and check that the disk works; the state directory has to be on a local \
                     disk, not on a network share",
                ),
            },
        }
    }
}

/// Writes an error and its causes on one line, each once. The numbers of the operating system and of SQLite, as in
/// `(os error 111)` and `Error code 4874: `, are left out: the words say the same.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = without_numbers(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = without_numbers(&error.to_string());
        // Drivers repeat their cause in their own words.
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

fn without_numbers(text: &str) -> String {
    const BEGIN: &str = " (os error ";
    let of_sqlite = text.strip_prefix("Error code ").and_then(|text| text.split_once(": "));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let text = of_sqlite.filter(|(number, _)| is_number(number)).map_or(text, |(_, words)| words);
    let mut parts = text.split(BEGIN);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if is_number(number) => plain.push_str(rest),
            _ => plain.extend([BEGIN, part]),
        }
    }
    plain
}

/// Does blocking work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    part: &'static str,
    work: impl FnOnce() -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SyncError> {
    tokio::task::spawn_blocking(work).await.map_err(|source| fault(part, source))?
}

/// A task that panicked or was torn down.
pub(crate) fn fault(part: &'static str, source: tokio::task::JoinError) -> SyncError {
    SyncError::Fault { part, source: source.into() }
}

/// Returns true if there was no room on the disk, or a limit of the system leaves none to a file.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// The reason why SQLite refused something, if an error is one of its.
pub(crate) fn code_of(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<ErrorCode> {
    error.downcast_ref::<rusqlite::Error>()?.sqlite_error_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_operating_system_is_shown_without_its_number() {
        let refused = io::Error::from_raw_os_error(if cfg!(windows) { 10_061 } else { 111 });
        assert!(refused.to_string().contains("(os error 1"), "{refused}");
        assert!(!chain(&refused).contains("os error") && !chain(&refused).ends_with(' '), "{}", chain(&refused));
        let twice = io::Error::other("a (os error 111): b (os error 2), and (os error x)");
        assert_eq!(chain(&twice), "a: b, and (os error x)");
    }

    #[test]
    fn a_ledger_that_cannot_be_opened_is_named_in_words_with_what_to_try() {
        // What SQLite says when its shared memory finds no room.
        let code = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        let tried = |code, words: Option<&str>| {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), words.map(str::to_owned));
            LedgerError::Open { path: "state/ledger.sqlite".into(), source: error.into() }
        };
        for words in [None, Some("disk I/O error")] {
            let error = tried(code, words);
            assert_eq!(chain(&error), "cannot open the ledger state/ledger.sqlite: disk I/O error");
            assert!(error.hint().unwrap().contains("make room on its disk"), "{error:?}");
            assert!(error.is_full() && error.is_transient(), "{error:?}");
        }
        let hint = |code| tried(code, None).hint().unwrap();
        assert!(hint(rusqlite::ffi::SQLITE_READONLY_DIRECTORY).contains("let this user write"));
        assert!(hint(rusqlite::ffi::SQLITE_BUSY).contains("end the other program"));
    }
}
