use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, UserId};

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
