//! What goes wrong on a line.

use std::io;

use super::replay::Trip;
use super::{ClientError, Step};
use crate::ProtoError;

/// What a wait can end with, before anybody said what it was for.
pub(super) enum Trouble {
    Line(io::Error),
    Bytes(ProtoError),
    TooLate,
    /// A replay goes another way than the transcript.
    Diverged(ClientError),
}

impl Trouble {
    /// The error that it is for whoever waited.
    pub(super) fn at(self, step: Step) -> ClientError {
        match self {
            Self::Line(source) => ClientError::Broken { step, source },
            Self::Bytes(error) => ClientError::from_proto(step, error),
            Self::TooLate => ClientError::TimedOut { step },
            Self::Diverged(error) => error,
        }
    }
}

impl From<Trip> for Trouble {
    fn from(trip: Trip) -> Self {
        match trip {
            Trip::Line(error) => Self::Line(error),
            Trip::TimedOut => Self::TooLate,
            Trip::Diverged(error) => Self::Diverged(error),
        }
    }
}

/// How a terminal with a single session turns a second client away.
pub(super) fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}
