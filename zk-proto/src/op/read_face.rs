use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::FaceSet;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Which of a user's templates is asked for: 50 stands for the face.
const FACE: u8 = 50;

/// Reads the face of one user (command 150; one source, classic iFace terminals). Empty: the user has none, or does not exist.
///
/// Visible-light terminals (SpeedFace) serve no faces this way. How a face is written is not known.
#[derive(Clone, Copy, Debug)]
pub struct ReadFace(pub Uid);

impl Operation for ReadFace {
    const COMMAND: Command = Command::USERFACE_RRQ;
    const REPEATABLE: bool = true;
    const BULK: bool = true;
    type Answer = FaceSet;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.0.0);
        payload.put_u8(FACE);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<FaceSet, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(FaceSet::default());
        }
        Ok(FaceSet::parse(Bytes::copy_from_slice(reply.ok()?)))
    }
}
