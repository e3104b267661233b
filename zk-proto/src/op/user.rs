//! Single users.

use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::{User, UserLayout};
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid, UserId};

/// Writes one user record (command 8): a new user, or all fields of the one in that slot. Send
/// [`RefreshData`](super::RefreshData) after the last one.
///
/// A terminal accepts only records of its own width. It refuses others (2001), and any when its table is full. Some
/// firmware accepts a second slot for a user id, which breaks both users: check first.
#[derive(Clone, PartialEq, Eq)]
pub struct WriteUser(Bytes);

impl WriteUser {
    /// Writes a user in the terminal's layout.
    ///
    /// # Errors
    /// As [`User::encode`]; also for a user without a slot.
    pub fn new(layout: UserLayout, user: &User) -> Result<Self, ProtoError> {
        if user.uid == Uid(0) {
            return Err(ProtoError::Invalid { what: "uid" });
        }
        let mut record = BytesMut::with_capacity(layout.width());
        user.encode(layout, &mut record)?;
        Ok(Self(record.freeze()))
    }

    /// Writes a record byte for byte, as read from a terminal with the same layout.
    #[must_use]
    pub fn raw(record: Bytes) -> Self {
        Self(record)
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Bytes {
        &self.0
    }
}

impl core::fmt::Debug for WriteUser {
    /// Without the record, which holds the password.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WriteUser({} bytes)", self.0.len())
    }
}

impl Operation for WriteUser {
    const COMMAND: Command = Command::USER_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.extend_from_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Deletes a user, and the user's templates with it (command 18). The terminal refuses an empty slot (2001).
#[derive(Clone, Copy, Debug)]
pub struct DeleteUser(pub Uid);

impl Operation for DeleteUser {
    const COMMAND: Command = Command::DELETE_USER;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Makes every administrator a common user (command 20). This opens the menu of a terminal whose administrators left.
#[derive(Clone, Copy, Debug)]
pub struct ClearAdministrators;

bare!(ClearAdministrators, CLEAR_ADMIN);

/// Reads the photo of one user (command 10010; one source, newer firmware): a JPEG file. `None`: there is none.
///
/// How photos are written is not known.
#[derive(Clone, Copy, Debug)]
pub struct ReadUserPhoto<'a>(pub &'a UserId);

impl Operation for ReadUserPhoto<'_> {
    const COMMAND: Command = Command::USERPHOTO_RRQ;
    const REPEATABLE: bool = true;
    const BULK: bool = true;
    type Answer = Option<Bytes>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(self.0.as_str().as_bytes());
        payload.put_slice(b".jpg\0");
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<Bytes>, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(None);
        }
        let jpeg = reply.ok()?;
        Ok((!jpeg.is_empty()).then(|| Bytes::copy_from_slice(jpeg)))
    }
}
