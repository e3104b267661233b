use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads the door sensor (command 75). A terminal without a sensor may say anything.
#[derive(Clone, Copy, Debug)]
pub struct GetDoorState;

/// What the door sensor says: an open set, the raw byte is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DoorState(pub u8);

impl DoorState {
    /// The door is closed.
    pub const CLOSED: Self = Self(0);
    /// The door is open.
    pub const OPEN: Self = Self(1);
}

impl Operation for GetDoorState {
    const COMMAND: Command = Command::DOORSTATE_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = DoorState;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<DoorState, ProtoError> {
        // A client of the field takes the acknowledgement alone for "open": the byte is what tells.
        reply.ok()?.first().map(|byte| DoorState(*byte)).ok_or(ProtoError::Truncated {
            what: "door state",
            need: 1,
            have: 0,
        })
    }
}
