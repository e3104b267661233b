use bytes::BytesMut;

use super::Operation;
use crate::record::FingerTemplate;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Writes one fingerprint directly (command 10), on old firmware. Terminals with a colour screen answer 65535: there it is
/// uploaded, see [`Upload::finger`](crate::session::Upload::finger). An old template of the same finger has to be deleted first.
#[derive(Clone)]
pub struct WriteTemplate(BytesMut);

impl core::fmt::Debug for WriteTemplate {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WriteTemplate({} bytes)", self.0.len())
    }
}

impl WriteTemplate {
    /// Writes a fingerprint: entry size, uid, finger, flag, template, as the bulk read has them (not verified: the one source
    /// names the fields and says not whether the size counts its own header).
    ///
    /// # Errors
    /// As [`FingerTemplate::encode`].
    pub fn new(template: &FingerTemplate) -> Result<Self, ProtoError> {
        let mut entry = BytesMut::new();
        template.encode(&mut entry)?;
        Ok(Self(entry))
    }
}

impl Operation for WriteTemplate {
    const COMMAND: Command = Command::USERTEMP_WRQ;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.extend_from_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
