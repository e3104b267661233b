//! Why a change to the user table failed.

use std::boxed::Box;
use std::fmt;
use std::string::String;

use crate::client::obstacle::Obstacle;
use crate::client::{ClientError, PullError};
use crate::proof::Unproven;
use crate::record::UserLayout;
use crate::{ProtoError, Uid, UserId};

/// Why reading or changing the user table failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum UserError {
    /// Talking to the terminal failed, or the table could not be stored.
    Pull(PullError),
    /// The table could not be proven, not on a new session either. Nothing is changed on a guess.
    Unproven(Box<Unproven>),
    /// The table of fingerprints is inconsistent, on a new session too.
    Templates,
    /// A field does not fit the terminal's records. Nothing was sent.
    Field(ProtoError),
    /// Another user has the slot. Nothing was sent.
    UidTaken {
        /// The slot.
        uid: Uid,
    },
    /// Another slot has the user id. Terminals accept a second one and then confuse the two. Nothing was sent.
    UserIdTaken {
        /// The user id.
        user_id: UserId,
        /// The slot that has it.
        uid: Uid,
    },
    /// The slot is empty.
    NoSuchUser {
        /// The slot.
        uid: Uid,
    },
    /// Every slot is taken.
    NoFreeUid,
    /// The user records of the backup have another layout than this terminal's. Nothing was sent.
    Layout {
        /// In the backup.
        there: UserLayout,
        /// At this terminal.
        here: UserLayout,
    },
    /// The fingerprints of the backup have another algorithm version than this terminal's. Nothing was sent.
    Algorithm {
        /// In the backup.
        there: String,
        /// At this terminal.
        here: String,
    },
    /// Another reason why a plan cannot be carried out. Nothing was sent.
    Obstacle(Obstacle),
    /// The user was changed after the plan was made. Nothing was sent.
    Outdated {
        /// The user.
        user_id: UserId,
    },
    /// A fingerprint differs from what was written when read back.
    FingerNotKept {
        /// The slot of the user.
        uid: Uid,
        /// The finger.
        finger: u8,
    },
    /// A fingerprint was changed or deleted after it was read. Nothing was sent.
    FingerChanged {
        /// The slot of the user.
        uid: Uid,
        /// The finger.
        finger: u8,
    },
    /// A fingerprint is still there: the terminal acknowledged and did not delete it.
    FingerNotDeleted {
        /// The slot of the user.
        uid: Uid,
        /// The finger.
        finger: u8,
    },
    /// The user differs from what was written when read back: the terminal acknowledged and did something else.
    NotKept {
        /// The slot.
        uid: Uid,
    },
}

impl UserError {
    /// Returns true if a retry may succeed later without any change.
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
            Self::Obstacle(obstacle) => obstacle.fmt(f),
            Self::Outdated { user_id } => write!(f, "user {user_id} was changed here after the plan was made"),
            Self::FingerNotKept { uid, finger } => {
                write!(f, "terminal did not keep finger {finger} of slot {}", uid.0)
            }
            Self::FingerChanged { uid, finger } => {
                write!(f, "finger {finger} of slot {} was changed here after it was read", uid.0)
            }
            Self::FingerNotDeleted { uid, finger } => {
                write!(f, "terminal did not delete finger {finger} of slot {}", uid.0)
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

impl From<Obstacle> for UserError {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Algorithm { there, here } => Self::Algorithm { there, here },
            Obstacle::UidTaken { uid } => Self::UidTaken { uid },
            Obstacle::UserIdTaken { user_id, uid } => Self::UserIdTaken { user_id, uid },
            Obstacle::NoFreeUid => Self::NoFreeUid,
            Obstacle::Unfit { source, .. } => Self::Field(source),
            other => Self::Obstacle(other),
        }
    }
}
