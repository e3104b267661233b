use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads what the terminal is doing (command 64).
#[derive(Clone, Copy, Debug)]
pub struct GetState;

/// What a terminal is doing: an open set, the raw number is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceState(pub u16);

impl DeviceState {
    /// Waiting for people.
    pub const WAITING: Self = Self(0);
    /// Enrolling somebody.
    pub const ENROLLING: Self = Self(1);
    /// Identifying somebody.
    pub const IDENTIFYING: Self = Self(2);
    /// Somebody is in its menu.
    pub const MENU: Self = Self(3);
    /// Busy with something else.
    pub const BUSY: Self = Self(4);
    /// Waiting for a card to write.
    pub const WRITING_CARD: Self = Self(5);
}

impl Operation for GetState {
    const COMMAND: Command = Command::STATE_RRQ;
    const REPEATABLE: bool = true;
    type Answer = DeviceState;

    fn encode(&self, _payload: &mut BytesMut) {}

    /// The state stands where other answers have the session id.
    fn decode(&self, reply: &Reply<'_>) -> Result<DeviceState, ProtoError> {
        reply.ok().map(|_| DeviceState(reply.field))
    }
}
