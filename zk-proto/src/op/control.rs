//! Power, and whether people may use the terminal.

use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Lets people use the terminal again (command 1002).
#[derive(Clone, Copy, Debug)]
pub struct EnableDevice;

bare!(EnableDevice, ENABLEDEVICE, repeatable);

/// Blocks keypad and sensors until [`EnableDevice`] (command 1003).
///
/// A terminal that stays disabled lets nobody in. The client's `while_disabled` enables it on every path.
#[derive(Clone, Copy, Debug, Default)]
pub struct DisableDevice {
    /// The number of seconds after which the terminal enables itself, for firmware that supports it. `None` sends none.
    pub at_most: Option<u32>,
}

impl Operation for DisableDevice {
    const COMMAND: Command = Command::DISABLEDEVICE;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        if let Some(seconds) = self.at_most {
            payload.put_u32_le(seconds);
        }
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Restarts the terminal (command 1004). Some firmware restarts without an answer. It takes 30-90 s.
#[derive(Clone, Copy, Debug)]
pub struct Restart;

bare!(Restart, RESTART);

/// Switches the terminal off (command 1005). Only a person at the terminal, or its own timer, switches it on again.
///
/// The client's `power_off` sends it and takes a closed connection for success.
#[derive(Clone, Copy, Debug)]
pub struct PowerOff;

bare!(PowerOff, POWEROFF);

/// Puts the terminal to sleep (command 1006; one source, not verified). [`Resume`] wakes it.
#[derive(Clone, Copy, Debug)]
pub struct Sleep;

bare!(Sleep, SLEEP, repeatable);

/// Wakes the terminal from [`Sleep`] (command 1007; one source, not verified).
#[derive(Clone, Copy, Debug)]
pub struct Resume;

bare!(Resume, RESUME, repeatable);

/// Reads what the terminal is doing (command 64).
#[derive(Clone, Copy, Debug)]
pub struct GetState;

/// The activity of a terminal: an open set, the raw number is kept.
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

    /// The state is in the field that holds the session id in other answers.
    fn decode(&self, reply: &Reply<'_>) -> Result<DeviceState, ProtoError> {
        reply.ok().map(|_| DeviceState(reply.field))
    }
}
