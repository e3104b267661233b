use bytes::{Bytes, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Takes the whole picture of the sensor, 640 x 480 (command 1012; one source, a manual of 2006). The form of the image is not
/// documented. A lost datagram cannot be asked for again, since it would be of another picture: use TCP.
#[derive(Clone, Copy, Debug)]
pub struct CaptureImage;

impl Operation for CaptureImage {
    const COMMAND: Command = Command::CAPTUREIMAGE;
    const BULK: bool = true;
    type Answer = Bytes;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<Bytes, ProtoError> {
        reply.ok().map(Bytes::copy_from_slice)
    }
}
