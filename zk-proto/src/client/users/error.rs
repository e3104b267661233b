//! Why a change to the user table failed.

use std::boxed::Box;
use std::fmt;
use std::string::String;

use crate::client::{ClientError, PullError};
use crate::proof::Unproven;
use crate::record::UserLayout;
use crate::{ProtoError, Uid, UserId};

/// Why reading or changing the user table failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum UserError {
    /// The terminal, the line, or the place where the table waited.
    Pull(PullError),
    /// The table is not proven, on a fresh session either: nothing is changed by guess.
    Unproven(Box<Unproven>),
    /// The table of fingerprints does not hold together, on a fresh session either.
    Templates,
    /// A field does not fit the terminal's records. Nothing was sent.
    Field(ProtoError),
    /// Another user has the slot. Nothing was sent.
    UidTaken {
        /// The slot.
        uid: Uid,
    },
    /// Another slot has the user id; terminals take a second one, and then mix the two up. Nothing was sent.
    UserIdTaken {
        /// The user id.
        user_id: UserId,
        /// Who has it.
        uid: Uid,
    },
    /// Nobody has the slot.
    NoSuchUser {
        /// The slot.
        uid: Uid,
    },
    /// Every slot is taken.
    NoFreeUid,
    /// A backup's user records are laid out in another way than this terminal's. Nothing was sent.
    Layout {
        /// In the backup.
        there: UserLayout,
        /// At this terminal.
        here: UserLayout,
    },
    /// A backup's fingerprints are of another algorithm version than this terminal's. Nothing was sent.
    Algorithm {
        /// In the backup.
        there: String,
        /// At this terminal.
        here: String,
    },
    /// Read again, a fingerprint is not what was written.
    FingerNotKept {
        /// Whose finger.
        uid: Uid,
        /// Which finger.
        finger: u8,
    },
    /// Read again, the user is not what was written: the terminal acknowledged and did something else.
    NotKept {
        /// The slot.
        uid: Uid,
    },
}

impl UserError {
    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Pull(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull(error) => error.fmt(f),
            Self::Unproven(_) => f.write_str("user table cannot be trusted"),
            Self::Templates => f.write_str("fingerprint table cannot be trusted"),
            Self::Field(_) => f.write_str("user does not fit the terminal's records"),
            Self::UidTaken { uid } => write!(f, "slot {} is taken", uid.0),
            Self::UserIdTaken { user_id, uid } => write!(f, "user id {user_id} is that of slot {}", uid.0),
            Self::NoSuchUser { uid } => write!(f, "no user in slot {}", uid.0),
            Self::NoFreeUid => f.write_str("no free slot"),
            Self::Layout { there, here } => {
                write!(f, "users have {} bytes in the backup and {} here", there.width(), here.width())
            }
            Self::Algorithm { there, here } => {
                write!(f, "fingerprints are of version {there} in the backup and {here} here")
            }
            Self::FingerNotKept { uid, finger } => {
                write!(f, "terminal did not keep finger {finger} of slot {}", uid.0)
            }
            Self::NotKept { uid } => write!(f, "terminal did not keep what was written to slot {}", uid.0),
        }
    }
}

impl std::error::Error for UserError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pull(error) => error.source(),
            Self::Field(error) => Some(error),
            _ => None,
        }
    }
}

impl From<PullError> for UserError {
    fn from(error: PullError) -> Self {
        Self::Pull(error)
    }
}

impl From<ClientError> for UserError {
    fn from(error: ClientError) -> Self {
        Self::Pull(error.into())
    }
}

impl From<ProtoError> for UserError {
    fn from(error: ProtoError) -> Self {
        Self::Field(error)
    }
}
