//! Fingerprints and faces of single users.

use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::{FaceSet, FingerTemplate};
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid, UserId};

/// Reads one fingerprint of one user (command 88). `None`: there is no such finger, or no such user.
///
/// The answer is padded, see [`PaddedTemplate`]. If exact bytes matter, read the whole table
/// ([`Dataset::Templates`](crate::Dataset::Templates)): its entries carry their length.
#[derive(Clone, Copy, Debug)]
pub struct ReadTemplate {
    /// Whose finger.
    pub uid: Uid,
    /// Which finger, 0-9.
    pub finger: u8,
}

/// A fingerprint template with the bytes that command 88 appends to it.
///
/// The most used other implementation drops the last byte, and then six zeros if the rest ends in them (one source).
/// That rule cuts a template that itself ends in six zeros.
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

/// Writes one fingerprint directly (command 10), on old firmware. Terminals with a colour screen answer 65535: use
/// [`Upload::finger`](crate::session::Upload::finger) there. Delete an old template of the same finger first.
#[derive(Clone)]
pub struct WriteTemplate(BytesMut);

impl core::fmt::Debug for WriteTemplate {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WriteTemplate({} bytes)", self.0.len())
    }
}

impl WriteTemplate {
    /// Writes a fingerprint: entry size, uid, finger, flag, template, as in the bulk read. Not verified: the one source
    /// names the fields, but not whether the size includes its own header.
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

/// Deletes one fingerprint by slot (command 19). Finger 0 deletes all fingers of the user on some firmware (one source:
/// F19). The terminal refuses a finger that it does not have.
#[derive(Clone, Copy, Debug)]
pub struct DeleteTemplate {
    /// Whose finger.
    pub uid: Uid,
    /// Which finger, 0-9.
    pub finger: u8,
}

impl Operation for DeleteTemplate {
    const COMMAND: Command = Command::DELETE_USERTEMP;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u16_le(self.uid.0);
        payload.put_u8(self.finger);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Deletes one fingerprint by user id (command 134), on terminals with 72-byte user records.
#[derive(Clone, Debug)]
pub struct DeleteTemplateOf {
    user_id: [u8; 24],
    finger: u8,
}

impl DeleteTemplateOf {
    /// The finger, 0-9, of a user.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when the id is longer than 24 bytes.
    pub fn new(user_id: &UserId, finger: u8) -> Result<Self, ProtoError> {
        let mut field = [0; 24];
        let id = user_id.as_str().as_bytes();
        field.get_mut(..id.len()).ok_or(ProtoError::Invalid { what: "user id" })?.copy_from_slice(id);
        Ok(Self { user_id: field, finger })
    }
}

impl Operation for DeleteTemplateOf {
    const COMMAND: Command = Command::DEL_FPTMP;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.user_id);
        payload.put_u8(self.finger);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Asks whose finger a template is (command 1011; one source, a manual of 2006). `None`: nobody's.
#[derive(Clone, Copy)]
pub struct TestTemplate<'a>(pub &'a [u8]);

impl core::fmt::Debug for TestTemplate<'_> {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TestTemplate({} bytes)", self.0.len())
    }
}

impl Operation for TestTemplate<'_> {
    const COMMAND: Command = Command::TEST_TEMP;
    const REPEATABLE: bool = true;
    type Answer = Option<Uid>;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Option<Uid>, ProtoError> {
        if matches!(reply.code, Command::ACK_ERROR | Command::NOT_FOUND) {
            return Ok(None);
        }
        let data = reply.ok()?;
        let uid = data.first_chunk().map(|uid| Uid(u16::from_le_bytes(*uid)));
        uid.map(Some).ok_or(ProtoError::Truncated { what: "uid of a template", need: 2, have: data.len() })
    }
}

/// Selects the face among a user's templates.
const FACE: u8 = 50;

/// Reads the face of one user (command 150; one source, classic iFace terminals). Empty: the user has none, or does not
/// exist.
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
