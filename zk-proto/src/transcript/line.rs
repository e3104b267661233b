//! One line of a transcript.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

/// An entry of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The time since the recording began, in whole microseconds.
    pub at: Duration,
    /// The event.
    pub what: What,
}

/// The event of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A connection attempt begins.
    Open {
        /// Over UDP, one packet to a datagram.
        datagrams: bool,
    },
    /// The connection is open.
    Opened,
    /// The session is given something to do.
    Call,
    /// A packet went out, with its frame over TCP.
    Sent(Bytes),
    /// Bytes came: the result of one read, or one datagram.
    Received(Bytes),
    /// A deadline passed without any bytes.
    Idle,
    /// The caller gave a call up.
    Cut,
    /// The deadline of a pull passed, and the pull was given up.
    Overdue,
    /// Something failed.
    Failed(Failure),
    /// The connection was closed from this side.
    Closed,
}

/// A failure of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stage that failed.
    pub stage: Stage,
    /// The cause.
    pub cause: Cause,
}

/// The stages of a connection that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Finding an address.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Sending.
    Send,
    /// Receiving.
    Receive,
}

/// The cause of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A timeout.
    TimedOut,
    /// An error of the system.
    Os {
        /// The system's error number.
        code: i32,
        /// The kind of the error, as Rust names it.
        kind: String,
    },
    /// An error of this kind without details.
    Kind(String),
    /// An error with a text.
    Text {
        /// The kind of the error, as Rust names it.
        kind: String,
        /// The text.
        text: String,
    },
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Resolve, Self::Connect, Self::Send, Self::Receive];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Receive => "receive",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.at.as_micros())?;
        match &self.what {
            What::Open { datagrams: false } => f.write_str("open tcp"),
            What::Open { datagrams: true } => f.write_str("open udp"),
            What::Opened => f.write_str("opened"),
            What::Call => f.write_str("call"),
            What::Sent(bytes) => write!(f, "> {}", Hex(bytes)),
            What::Received(bytes) => write!(f, "< {}", Hex(bytes)),
            What::Idle => f.write_str("idle"),
            What::Cut => f.write_str("cut"),
            What::Overdue => f.write_str("overdue"),
            What::Failed(Failure { stage, cause }) => write!(f, "failed {} {cause}", stage.name()),
            What::Closed => f.write_str("closed"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("timeout"),
            Self::Os { code, kind } => write!(f, "os {code} {kind}"),
            Self::Kind(kind) => write!(f, "kind {kind}"),
            Self::Text { kind, text } => {
                write!(f, "text {kind} ")?;
                text.chars().try_for_each(|letter| write!(f, "{}", if letter.is_control() { ' ' } else { letter }))
            }
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
