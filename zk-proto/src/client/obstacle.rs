//! Reasons why a backup cannot be written to a terminal.

use std::fmt;
use std::string::String;

use crate::record::UserLayout;
use crate::{ProtoError, Uid, UserId};

/// A reason why a backup cannot be written to a terminal. As long as a plan has one, nothing of it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Nobody knows how this terminal's user records are written.
    ReadOnly {
        /// Their layout.
        layout: UserLayout,
    },
    /// The fingerprints have another algorithm version than this terminal's. They would match nobody.
    Algorithm {
        /// In the backup.
        there: String,
        /// At this terminal.
        here: String,
    },
    /// The records of this terminal cannot hold a user.
    Unfit {
        /// The user.
        user_id: UserId,
        /// The field that does not fit.
        source: ProtoError,
    },
    /// Another user has the slot here.
    UidTaken {
        /// The slot.
        uid: Uid,
    },
    /// The user has another slot here.
    UserIdTaken {
        /// The user.
        user_id: UserId,
        /// The slot here.
        uid: Uid,
    },
    /// Two users of the backup have the same id.
    Twice {
        /// The id.
        user_id: UserId,
    },
    /// Every slot is taken.
    NoFreeUid,
    /// This terminal has no room for the new users.
    Users {
        /// Users to add.
        new: u64,
        /// Users that still fit.
        room: u32,
    },
    /// This terminal has no room for the new fingerprints.
    Fingers {
        /// Fingerprints to add.
        new: u64,
        /// Fingerprints that still fit.
        room: u32,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly { layout } => {
                write!(f, "user records of {} bytes can be read, but not written", layout.width())
            }
            Self::Algorithm { there, here } => {
                write!(f, "fingerprints are of version {there} in the backup and {here} here, and would match nobody")
            }
            Self::Unfit { user_id, source: ProtoError::Invalid { what } } => {
                write!(f, "user {user_id} does not fit the records of this terminal: {what}")
            }
            Self::Unfit { user_id, source } => {
                write!(f, "user {user_id} does not fit the records of this terminal: {source}")
            }
            Self::UidTaken { uid } => write!(f, "slot {} is another user's here", uid.0),
            Self::UserIdTaken { user_id, uid } => write!(f, "user {user_id} is in slot {} here", uid.0),
            Self::Twice { user_id } => write!(f, "user id {user_id} is there twice"),
            Self::NoFreeUid => f.write_str("no free slot"),
            Self::Users { new, room } => write!(f, "{new} users are new here, and {room} more fit"),
            Self::Fingers { new, room } => write!(f, "{new} fingerprints are new here, and {room} more fit"),
        }
    }
}

impl std::error::Error for Obstacle {}
