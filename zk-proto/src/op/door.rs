//! The door.

use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Opens the door (command 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlock {
    /// How long, in the terminal's own unit: tenths of a second on most firmware, seconds on some.
    pub ticks: u32,
}

/// The unit in which a terminal counts how long the door is open. Other implementations disagree, and terminals do not
/// report it: try it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlockUnit {
    /// Tenths of a second, as most clients have it.
    #[default]
    Tenths,
    /// Whole seconds.
    Seconds,
}

impl Unlock {
    /// Opens the door for a number of seconds, on a terminal that counts in `unit`.
    #[must_use]
    pub const fn seconds(seconds: u32, unit: UnlockUnit) -> Self {
        match unit {
            UnlockUnit::Tenths => Self { ticks: seconds.saturating_mul(10) },
            UnlockUnit::Seconds => Self { ticks: seconds },
        }
    }
}

impl Operation for Unlock {
    const COMMAND: Command = Command::UNLOCK;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.ticks);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Reads the door sensor (command 75). A terminal without a sensor may answer anything.
#[derive(Clone, Copy, Debug)]
pub struct GetDoorState;

/// The state of the door sensor: an open set, the raw byte is kept.
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
        // One other implementation takes the acknowledgement itself for "open". The byte decides.
        reply.ok()?.first().map(|byte| DoorState(*byte)).ok_or(ProtoError::Truncated {
            what: "door state",
            need: 1,
            have: 0,
        })
    }
}
