use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid};

/// Reads one fingerprint of one user (command 88). `None`: there is no such finger, or no such user.
///
/// What comes is padded, see [`PaddedTemplate`]: where exact bytes matter, read the whole table
/// ([`Dataset::Templates`](crate::Dataset::Templates)), whose entries carry their length.
#[derive(Clone, Copy, Debug)]
pub struct ReadTemplate {
    /// Whose finger.
    pub uid: Uid,
    /// Which finger, 0-9.
    pub finger: u8,
}

/// A fingerprint template with the bytes that command 88 puts behind it.
///
/// The field's most used client drops the last byte, and then a run of six zeros if there is one (one source); a template that
/// itself ends in six zeros is cut by that rule.
///
/// # Example
/// ```
/// use zk_proto::op::PaddedTemplate;
///
/// let padded = PaddedTemplate(vec![0x4D, 0xFD, 0x53, 0, 0, 0, 0, 0, 0, 0].into());
/// assert_eq!(padded.trimmed()[..], [0x4D, 0xFD, 0x53]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PaddedTemplate(pub Bytes);

impl PaddedTemplate {
    /// The template without its padding, by the rule above.
    #[must_use]
    pub fn trimmed(&self) -> Bytes {
        let mut template = self.0.clone();
        template.truncate(template.len().saturating_sub(1));
        if template.ends_with(&[0; 6]) {
            template.truncate(template.len() - 6);
        }
        template
    }
}

impl core::fmt::Debug for PaddedTemplate {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PaddedTemplate({} bytes)", self.0.len())
    }
}

/// Reads one fingerprint of one user the old way (command 9; one source: F19), without padding. `None`: there is none.
#[derive(Clone, Copy, Debug)]
pub struct ReadBareTemplate {
    /// Whose finger.
    pub uid: Uid,
    /// Which finger, 0-9.
    pub finger: u8,
}

impl Operation for ReadBareTemplate {
    const COMMAND: Command = Command::USERTEMP_RRQ;
    const REPEATABLE: bool = true;
    const BULK: bool = true;
    type Answer = Option<Bytes>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.uid.0);
        payload.put_u8(self.finger);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<Bytes>, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(None);
        }
        let data = reply.ok()?;
        Ok((!data.is_empty()).then(|| Bytes::copy_from_slice(data)))
    }
}

impl Operation for ReadTemplate {
    const COMMAND: Command = Command::GET_USERTEMP;
    const REPEATABLE: bool = true;
    const BULK: bool = true;
    type Answer = Option<PaddedTemplate>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.uid.0);
        payload.put_u8(self.finger);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<PaddedTemplate>, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(None);
        }
        let data = reply.ok()?;
        Ok((!data.is_empty()).then(|| PaddedTemplate(Bytes::copy_from_slice(data))))
    }
}
