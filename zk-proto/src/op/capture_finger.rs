use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Takes a picture of the finger on the sensor (command 1009; one source, a manual of 2006). The form of the image is not
/// documented. A lost datagram cannot be asked for again, since it would be of another picture: use TCP.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFinger {
    /// 500 for a small image, else the width that is wanted.
    pub width: u32,
}

impl CaptureFinger {
    /// The small image.
    pub const SMALL: Self = Self { width: 500 };
}

impl Operation for CaptureFinger {
    const COMMAND: Command = Command::CAPTUREFINGER;
    const BULK: bool = true;
    type Answer = Bytes;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.width);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Bytes, ProtoError> {
        reply.ok().map(Bytes::copy_from_slice)
    }
}
