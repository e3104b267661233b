use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Blocks keypad and sensors until [`EnableDevice`](super::EnableDevice) (command 1003).
///
/// A terminal that is left disabled lets nobody in: the client's `while_disabled` enables it on every path.
#[derive(Clone, Copy, Debug, Default)]
pub struct DisableDevice {
    /// After how many seconds the terminal enables itself; not all firmware heeds it. `None` sends nothing of the kind.
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
