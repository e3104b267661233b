//! Face templates of classic face terminals (one source).

use alloc::vec::Vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{ProtoError, Uid};

/// Size of a block: header, template, padding.
const BLOCK: usize = 2576;
/// Size of the header before each template: size, uid, index, flag.
const HEADER: usize = 6;

/// One of the templates that form a user's face: 15 on the terminal that was examined (one source). Opaque.
#[derive(Clone, PartialEq, Eq)]
pub struct FaceTemplate {
    /// The size that the block states, 1214 in the source. Whether it includes the header is unknown.
    pub size: u16,
    /// The user.
    pub uid: Uid,
    /// Number of the template, from 0.
    pub index: u8,
    /// 1 in the source.
    pub flag: u8,
    /// The template and its padding: the rest of the block.
    pub data: Bytes,
}

/// The templates of a face.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceSet {
    /// The whole blocks, in the order received.
    pub templates: Vec<FaceTemplate>,
    /// Bytes after the last whole block: the set was cut.
    pub trailing: usize,
}

impl core::fmt::Debug for FaceTemplate {
    /// Without the template, which is a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { size, uid, index, flag, .. } = self;
        write!(f, "FaceTemplate({uid:?}, index {index}, flag {flag}, size {size})")
    }
}

impl FaceSet {
    /// Reads blocks of 2576 bytes. Source: `vectors/faces.json`, constructed.
    #[must_use]
    pub fn parse(mut blocks: Bytes) -> Self {
        let mut templates = Vec::with_capacity(blocks.len() / BLOCK);
        while blocks.len() >= BLOCK {
            let mut block = blocks.split_to(BLOCK);
            let size = block.get_u16_le();
            let uid = Uid(block.get_u16_le());
            let (index, flag) = (block.get_u8(), block.get_u8());
            templates.push(FaceTemplate { size, uid, index, flag, data: block });
        }
        Self { templates, trailing: blocks.len() }
    }
}

impl FaceTemplate {
    /// Appends the block, padded with zeros.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if the template is longer than a block.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        let padding =
            (BLOCK - HEADER).checked_sub(self.data.len()).ok_or(ProtoError::Invalid { what: "face template" })?;
        out.put_u16_le(self.size);
        out.put_u16_le(self.uid.0);
        out.put_u8(self.index);
        out.put_u8(self.flag);
        out.put_slice(&self.data);
        out.put_bytes(0, padding);
        Ok(())
    }
}
