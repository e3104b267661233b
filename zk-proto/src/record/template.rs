//! Fingerprint templates as the bulk read gives them.

use alloc::vec::Vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{ProtoError, Uid};

/// Size of the header before each template: entry size, uid, finger, flag.
const HEADER: usize = 6;

/// One fingerprint of one user. The template is opaque: its form depends on the algorithm, whose version is
/// `~ZKFPVersion`.
#[derive(Clone, PartialEq, Eq)]
pub struct FingerTemplate {
    /// The user.
    pub uid: Uid,
    /// The finger, 0-9.
    pub finger: u8,
    /// 1 valid, 3 duress, 0 invalid.
    pub flag: u8,
    /// The template, typically 500-1700 bytes.
    pub template: Bytes,
}

/// The content of a set of templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSet {
    /// The whole entries, in the order received.
    pub templates: Vec<FingerTemplate>,
    /// Bytes after the last whole entry: the set was cut.
    pub trailing: usize,
}

impl core::fmt::Debug for FingerTemplate {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { uid, finger, flag, template } = self;
        write!(f, "FingerTemplate({uid:?}, finger {finger}, flag {flag}, {} bytes)", template.len())
    }
}

impl TemplateSet {
    /// Reads a set with its length word. A word that is 0 or above what arrived proves nothing: some firmware sends
    /// it so (one source), and the entries carry their own lengths. Source: `vectors/templates.json`.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] if the length word is not whole.
    pub fn parse(mut set: Bytes) -> Result<Self, ProtoError> {
        if set.len() < 4 {
            return Err(ProtoError::Truncated { what: "template set", need: 4, have: set.len() });
        }
        let total = set.get_u32_le() as usize;
        if total > 0 {
            set.truncate(total);
        }
        let mut templates = Vec::new();
        while let Some(size) = set.first_chunk::<2>().map(|size| usize::from(u16::from_le_bytes(*size))) {
            if size < HEADER || size > set.len() {
                break;
            }
            let mut entry = set.split_to(size);
            entry.advance(2);
            let uid = Uid(entry.get_u16_le());
            let finger = entry.get_u8();
            let flag = entry.get_u8();
            templates.push(FingerTemplate { uid, finger, flag, template: entry });
        }
        Ok(Self { templates, trailing: set.len() })
    }
}

impl FingerTemplate {
    /// Appends the entry as the bulk read has it.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if the template is too long for the entry's 16-bit size.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        let size = u16::try_from(HEADER + self.template.len()).map_err(|_| ProtoError::Invalid { what: "template" })?;
        out.put_u16_le(size);
        out.put_u16_le(self.uid.0);
        out.put_u8(self.finger);
        out.put_u8(self.flag);
        out.put_slice(&self.template);
        Ok(())
    }
}
