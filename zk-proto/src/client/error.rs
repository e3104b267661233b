//! Why talking to a terminal failed.

use std::boxed::Box;
use std::fmt;
use std::io;
use std::string::String;

use super::progress::{Progress, grouped};

use crate::reply::Meaning;
use crate::{Command, ProtoError};

/// The step that the client was at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Opening the connection.
    Connecting,
    /// Opening the session: `CONNECT` and, if demanded, `AUTH`.
    Handshake,
    /// Waiting for the answer to a command.
    Command(Command),
    /// Requesting and reading the log.
    Log,
    /// Requesting and reading the user table.
    Users,
    /// Waiting for live events.
    Live,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Handshake => f.write_str("opening the session"),
            Self::Command(command) => write!(f, "waiting for {command}"),
            Self::Log => f.write_str("reading its log"),
            Self::Users => f.write_str("reading its user table"),
            Self::Live => f.write_str("waiting for live events"),
        }
    }
}

/// Why talking to a terminal failed: the connection, a refusal, or bytes that violate the protocol.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The host name has no address.
    Resolve {
        /// The name.
        host: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// The connection could not be opened: nothing listens there, or there is no route.
    Connect {
        /// The address, `host:port`.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// No answer in time.
    TimedOut {
        /// The step at which it happened.
        step: Step,
    },
    /// The terminal stopped answering for longer than the client waits, also on a new session if one was tried.
    Stalled {
        /// The step at which it happened.
        step: Step,
        /// How far a transfer had come.
        progress: Option<Progress>,
    },
    /// The terminal accepted the connection and closed it before the session was open. A terminal with a single session
    /// does so while another client holds it.
    Busy {
        /// The address, `host:port`.
        address: String,
    },
    /// The connection broke.
    Broken {
        /// The step at which it happened.
        step: Step,
        /// The system's error.
        source: io::Error,
    },
    /// The terminal demands a comm key and none was given.
    KeyRequired,
    /// The terminal does not accept the comm key.
    WrongKey,
    /// The terminal ended the session and demands its key again: reconnect once.
    SessionLost,
    /// The terminal's firmware requires its secure protocol.
    SecureFirmware,
    /// An access control panel, which speaks another protocol on the same port.
    AccessPanel,
    /// The terminal refused a request.
    Refused {
        /// The request.
        command: Command,
        /// The answer.
        code: Command,
    },
    /// The terminal was too busy to answer, even after retries. It may answer later.
    NotNow {
        /// The request.
        command: Command,
    },
    /// An earlier call was cancelled or broke the connection. Call [`abort`](super::Client::abort) or
    /// [`reconnect`](super::Client::reconnect) before using this client again.
    Unusable,
    /// A replay does something else than what its transcript recorded.
    Replay {
        /// The number of the entry, from 0.
        entry: usize,
        /// The entry that the replay needs there.
        wanted: &'static str,
        /// The entry that the transcript has.
        found: String,
    },
    /// The terminal sent bytes that violate the protocol.
    Protocol {
        /// The step at which it happened.
        step: Step,
        /// The violation.
        source: Box<ProtoError>,
    },
}

impl ClientError {
    /// Returns true if the terminal did not answer, as opposed to answering something wrong.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Stalled { .. })
    }

    /// Returns true if the terminal closed the connection.
    pub(crate) fn is_reset(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Broken { source, .. } => hung_up(source),
            _ => false,
        }
    }

    /// Returns true if the error concerns one question alone, so that the client can go on without its answer: the
    /// terminal refused it, answered something else, did not answer, or closed the connection.
    #[must_use]
    pub fn is_about_the_question(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::NotNow { .. }
                | Self::Protocol { .. }
                | Self::SessionLost
                | Self::TimedOut { step: Step::Command(_) }
                | Self::Broken { step: Step::Command(_), .. }
        )
    }

    /// Returns true if a retry on a new session may succeed without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::Stalled { .. }
            | Self::Busy { .. }
            | Self::Broken { .. }
            | Self::SessionLost
            | Self::NotNow { .. }
            | Self::Unusable => true,
            Self::Protocol { source, .. } => source.is_transient(),
            Self::KeyRequired
            | Self::WrongKey
            | Self::SecureFirmware
            | Self::AccessPanel
            | Self::Refused { .. }
            | Self::Replay { .. } => false,
        }
    }

    pub(crate) fn from_proto(step: Step, error: ProtoError) -> Self {
        match error {
            ProtoError::SecureFirmware | ProtoError::SecureFrame => Self::SecureFirmware,
            ProtoError::AccessPanel => Self::AccessPanel,
            ProtoError::KeyRequired => Self::KeyRequired,
            ProtoError::WrongKey => Self::WrongKey,
            ProtoError::SessionLost => Self::SessionLost,
            ProtoError::Refused { command, code } if Meaning::of(code) == Meaning::Later => Self::NotNow { command },
            ProtoError::Refused { command, code } => Self::Refused { command, code },
            ProtoError::TimedOut { command } => {
                Self::TimedOut { step: if step == Step::Handshake { step } else { Step::Command(command) } }
            }
            source => Self::Protocol { step, source: Box::new(source) },
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, .. } => write!(f, "cannot find an address for {host}"),
            Self::Connect { address, .. } => write!(f, "cannot connect to {address}"),
            Self::TimedOut { step } => write!(f, "no answer in time while {step}"),
            Self::Stalled { step, progress: None } => write!(f, "terminal stopped answering while {step}"),
            Self::Stalled { step, progress: Some(Progress { bytes, of }) } => {
                let (bytes, of) = (grouped(*bytes), grouped(*of));
                write!(f, "terminal stopped answering while {step}, after {bytes} of {of} bytes")
            }
            Self::Busy { address } => {
                write!(f, "{address} closed the connection at once: another client may hold its only session")
            }
            Self::Broken { step, .. } => write!(f, "the line broke while {step}"),
            Self::KeyRequired => f.write_str("terminal requires a comm key, none is configured"),
            Self::WrongKey => f.write_str("terminal does not accept the comm key"),
            Self::SessionLost => f.write_str("terminal ended the session and demands its comm key again"),
            Self::SecureFirmware => f.write_str(
                "terminal insists on the secure protocol of its firmware: allow legacy PC connections in its menu",
            ),
            Self::AccessPanel => f.write_str("an access control panel answered, not an attendance terminal"),
            Self::Refused { command, code } => write!(f, "terminal refused {command} with {code}"),
            Self::NotNow { command } => write!(f, "terminal is too busy to answer {command}"),
            Self::Unusable => f.write_str("the session broke off during an earlier request"),
            Self::Replay { entry, wanted, found } => {
                write!(f, "replay needs {wanted} at entry {entry} of the transcript, which has {found}")
            }
            Self::Protocol { step, .. } => write!(f, "terminal broke the protocol while {step}"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::Connect { source, .. } | Self::Broken { source, .. } => Some(source),
            Self::Protocol { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Returns true if the other side closed the connection, as a terminal with a single session does to a second client.
pub(super) fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}
