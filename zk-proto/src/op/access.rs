//! Access control: who may enter, when, and how.

use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::{AccessGroup, UnlockCombination, UserVerifyStyle, UserZones, WeeklyZone};
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Bytes of a verify style as 79 writes and 80 reads it: uid, style, zeros.
const RECORD: usize = 24;

/// Reads how a user has to prove who they are (command 80).
#[derive(Clone, Copy, Debug)]
pub struct ReadVerifyStyle(pub Uid);

impl Operation for ReadVerifyStyle {
    const COMMAND: Command = Command::VERIFY_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = UserVerifyStyle;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<UserVerifyStyle, ProtoError> {
        let data = reply.ok()?;
        let byte = data.get(2).ok_or(ProtoError::Truncated { what: "verify style", need: 3, have: data.len() })?;
        Ok(UserVerifyStyle(*byte))
    }
}

/// Writes how a user has to prove who they are (command 79). Source: `vectors/packets_replies.json`, captured.
#[derive(Clone, Copy, Debug)]
pub struct WriteVerifyStyle {
    /// Who.
    pub uid: Uid,
    /// How.
    pub style: UserVerifyStyle,
}

impl Operation for WriteVerifyStyle {
    const COMMAND: Command = Command::VERIFY_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.uid.0);
        payload.put_u8(self.style.0);
        payload.put_bytes(0, RECORD - 3);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Reads a user's access group (command 21).
#[derive(Clone, Copy, Debug)]
pub struct ReadUserGroup(pub Uid);

impl Operation for ReadUserGroup {
    const COMMAND: Command = Command::USERGRP_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = u8;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.0.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<u8, ProtoError> {
        let data = reply.ok()?;
        data.first().copied().ok_or(ProtoError::Truncated { what: "access group of a user", need: 1, have: 0 })
    }
}

/// Puts a user into an access group (command 22): 1-5 on black-and-white terminals, 1-100 on others.
///
/// The vendor's manual of 2006 has the group in four bytes; every client sends one.
#[derive(Clone, Copy, Debug)]
pub struct WriteUserGroup {
    /// Who.
    pub uid: Uid,
    /// The group.
    pub group: u8,
}

impl Operation for WriteUserGroup {
    const COMMAND: Command = Command::USERGRP_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.uid.0.into());
        payload.put_u8(self.group);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Reads when a user may enter (command 23).
#[derive(Clone, Copy, Debug)]
pub struct ReadUserZones(pub Uid);

impl Operation for ReadUserZones {
    const COMMAND: Command = Command::USERTZ_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = UserZones;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.0.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<UserZones, ProtoError> {
        UserZones::parse(reply.ok()?)
    }
}

/// Writes when a user may enter (command 24).
#[derive(Clone, Copy, Debug)]
pub struct WriteUserZones {
    /// Who.
    pub uid: Uid,
    /// When.
    pub zones: UserZones,
}

impl Operation for WriteUserZones {
    const COMMAND: Command = Command::USERTZ_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.uid.0.into());
        self.zones.encode(payload);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Reads an access group by its number (command 25).
#[derive(Clone, Copy, Debug)]
pub struct ReadAccessGroup(pub u8);

impl Operation for ReadAccessGroup {
    const COMMAND: Command = Command::GRPTZ_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = AccessGroup;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.0);
        payload.put_bytes(0, 7);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<AccessGroup, ProtoError> {
        AccessGroup::parse(reply.ok()?)
    }
}

/// Writes an access group (command 26).
#[derive(Clone, Debug)]
pub struct WriteAccessGroup(Bytes);

impl WriteAccessGroup {
    /// Replaces the whole group.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a field does not fit the record.
    pub fn new(record: &AccessGroup) -> Result<Self, ProtoError> {
        let mut data = BytesMut::new();
        record.encode(&mut data)?;
        Ok(Self(data.freeze()))
    }
}

impl Operation for WriteAccessGroup {
    const COMMAND: Command = Command::GRPTZ_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Reads an access time zone by its number, 1-50 (command 27).
#[derive(Clone, Copy, Debug)]
pub struct ReadWeeklyZone(pub u16);

impl Operation for ReadWeeklyZone {
    const COMMAND: Command = Command::TZ_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = WeeklyZone;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<WeeklyZone, ProtoError> {
        WeeklyZone::parse(reply.ok()?)
    }
}

/// Writes an access time zone (command 28).
#[derive(Clone, Debug)]
pub struct WriteWeeklyZone(Bytes);

impl WriteWeeklyZone {
    /// Replaces the whole zone.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a field does not fit the record.
    pub fn new(record: &WeeklyZone) -> Result<Self, ProtoError> {
        let mut data = BytesMut::new();
        record.encode(&mut data)?;
        Ok(Self(data.freeze()))
    }
}

impl Operation for WriteWeeklyZone {
    const COMMAND: Command = Command::TZ_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Reads an unlock combination by its number, 1-10 (command 29). Black-and-white terminals keep it as text in an
/// unknown form.
#[derive(Clone, Copy, Debug)]
pub struct ReadUnlockCombination(pub u8);

impl Operation for ReadUnlockCombination {
    const COMMAND: Command = Command::ULG_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = UnlockCombination;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u8(self.0);
        payload.put_bytes(0, 7);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<UnlockCombination, ProtoError> {
        UnlockCombination::parse(reply.ok()?)
    }
}

/// Writes an unlock combination (command 30); not on black-and-white terminals, see [`ReadUnlockCombination`].
#[derive(Clone, Copy, Debug)]
pub struct WriteUnlockCombination(pub UnlockCombination);

impl Operation for WriteUnlockCombination {
    const COMMAND: Command = Command::ULG_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        self.0.encode(payload);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
