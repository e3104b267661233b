use bytes::BytesMut;

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Switches the terminal off (command 1005). Nothing but a hand at the terminal, or its own timer, switches it on again.
///
/// The client's `power_off` sends it and takes the end of the line for success.
#[derive(Clone, Copy, Debug)]
pub struct PowerOff;

impl Operation for PowerOff {
    const COMMAND: Command = Command::POWEROFF;
    type Answer = ();

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
