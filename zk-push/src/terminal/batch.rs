//! What a request brought, and what has to be stored before it is answered.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::command::CommandResult;
use crate::line::{Line, LineError};
use crate::record::Photo;
use crate::request::Head;
use crate::upload::Upload;
use crate::{Fields, SerialNumber, Text};

/// The content of one request. Store all of it, the stamp included, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The terminal.
    pub serial: SerialNumber,
    /// The time of the request.
    pub received: DateTime<Utc>,
    /// What came.
    pub content: Content,
    /// The table in upper case and its stamp, to be given back at the next handshake as it is.
    pub stamp: Option<(String, Text)>,
}

/// What came.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Records, good lines and bad ones.
    Records(Upload),
    /// A packet of an answer to a query.
    Answer(Packet, Upload),
    /// The answer to a count, or to a question about options.
    Values(Packet, Fields),
    /// A photo.
    Photo(Photo),
    /// The terminal's parameters.
    Parameters(Fields),
    /// The parameters of an access control terminal that registers. It counts as registered once this is stored.
    Registration(Fields),
    /// Results of commands.
    Results(Vec<Line<CommandResult>>),
    /// A person waits at a door, and was denied. Somebody should know: the terminal is set to ask a server.
    Authorization(Bytes),
    /// A packed file (`tgz`) that is not read, as it came: the feature `archive` is off, or the file is damaged. Do not
    /// acknowledge it.
    Archive(Bytes),
    /// A body that is not what its table should have.
    Unreadable(Bytes, LineError),
    /// A body for an endpoint without a known form.
    Unknown(Bytes),
}

impl Content {
    /// The records, if it has any.
    #[must_use]
    pub fn upload(&self) -> Option<&Upload> {
        match self {
            Self::Records(upload) | Self::Answer(_, upload) => Some(upload),
            _ => None,
        }
    }
}

/// Shows sizes instead of bodies.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(upload) => write!(f, "Records({upload:?})"),
            Self::Answer(packet, upload) => write!(f, "Answer({packet:?}, {upload:?})"),
            Self::Values(packet, values) => write!(f, "Values({packet:?}, {values:?})"),
            Self::Photo(photo) => write!(f, "{photo:?}"),
            Self::Parameters(fields) => write!(f, "Parameters({fields:?})"),
            Self::Registration(fields) => write!(f, "Registration({fields:?})"),
            Self::Results(results) => write!(f, "Results({results:?})"),
            Self::Authorization(body) => write!(f, "Authorization({} bytes)", body.len()),
            Self::Archive(body) => write!(f, "Archive({} bytes)", body.len()),
            Self::Unreadable(body, reason) => write!(f, "Unreadable({} bytes, {reason})", body.len()),
            Self::Unknown(body) => write!(f, "Unknown({} bytes)", body.len()),
        }
    }
}

/// A packet of an answer to a query: the command that asked, and the packet's place. The numbers are hints from
/// outside: some terminals report a result after the last packet, others never do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// The number of the command.
    pub command: Option<Text>,
    /// The packet's place, from 1.
    pub index: Option<u32>,
    /// The number of packets.
    pub of: Option<u32>,
    /// The records of this packet, as the terminal counts them.
    pub records: Option<u32>,
}

impl Packet {
    /// Reads the parameters of a request.
    #[must_use]
    pub fn read(head: &Head) -> Self {
        let number = |name| head.query.get(name).and_then(Text::number).and_then(|number| u32::try_from(number).ok());
        Self {
            command: head.query.get("cmdid").cloned(),
            index: number("packidx"),
            of: number("packcnt"),
            records: number("count"),
        }
    }

    /// Returns true if no packet follows, as far as the terminal says.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.index >= self.of
    }
}
