//! The upload buffer, and committing its content.

use bytes::{Buf, Bytes, BytesMut};

use crate::terminal::Terminal;

/// The longest accepted upload in bytes: some hundred users with all their fingers.
const MAX_UPLOAD: u32 = 8 << 20;

/// An upload: its announced size, and the bytes so far.
#[derive(Debug)]
pub(crate) struct Upload {
    announced: usize,
    data: BytesMut,
}

impl Upload {
    /// Begins an upload with the size in the request; `None` if the size makes no sense.
    pub(crate) fn begin(mut request: &[u8]) -> Option<Self> {
        let size = request.try_get_u32_le().ok().filter(|size| *size <= MAX_UPLOAD)?;
        Some(Self { announced: size as usize, data: BytesMut::new() })
    }

    /// Adds a chunk. `false` if it exceeds the announced size.
    pub(crate) fn add(&mut self, chunk: &[u8]) -> bool {
        let fits = self.data.len() + chunk.len() <= self.announced;
        if fits {
            self.data.extend_from_slice(chunk);
        }
        fits
    }

    /// A sum over the buffer. The algorithm of real terminals is not known, and no client compares the sum.
    pub(crate) fn sum(&self) -> u32 {
        self.data.iter().fold(0u32, |sum, byte| sum.wrapping_add(u32::from(*byte)))
    }

    /// Returns true if all announced bytes came.
    fn is_whole(&self) -> bool {
        self.data.len() == self.announced
    }

    /// Commits the buffer as one fingerprint (command 87). `false` when the request does not match it.
    pub(crate) fn commit_template(&self, terminal: &mut Terminal, mut request: &[u8]) -> bool {
        let mut fields = || {
            let (uid, finger, flag) =
                (request.try_get_u16_le().ok()?, request.try_get_u8().ok()?, request.try_get_u8().ok()?);
            Some((uid, finger, flag, request.try_get_u16_le().ok()?))
        };
        let Some((uid, finger, flag, size)) = fields() else { return false };
        let fits = self.is_whole() && usize::from(size) == self.data.len() && terminal.users.contains(uid);
        let free = terminal.biometrics.finger(uid, finger).is_none();
        fits && free && terminal.biometrics.write_finger(uid, finger, flag, Bytes::copy_from_slice(&self.data))
    }

    /// Commits the buffer as users and their fingerprints (command 110, sub-code 12). `false` if it is malformed.
    pub(crate) fn commit_users(&self, terminal: &mut Terminal) -> bool {
        let mut data = &self.data[..];
        let mut word = || data.try_get_u32_le().ok().map(|word| word as usize);
        let (Some(users), Some(table), Some(templates)) = (word(), word(), word()) else { return false };
        let Some((users, rest)) = data.split_at_checked(users) else { return false };
        let Some((table, rest)) = rest.split_at_checked(table) else { return false };
        if rest.len() != templates || !self.is_whole() {
            return false;
        }
        let width = terminal.profile.users.width() + 1;
        // A byte with the value 2 precedes each record.
        let written =
            users.chunks(width).all(|entry| entry.get(1..).is_some_and(|record| terminal.users.write(record)));
        written && table.chunks(8).all(|entry| commit_finger(terminal, entry, rest).is_some())
    }
}

/// Commits one entry of the table: 2, uid, 0x10 + finger, and the offset of the template.
fn commit_finger(terminal: &mut Terminal, mut entry: &[u8], templates: &[u8]) -> Option<()> {
    entry.try_get_u8().ok()?;
    let uid = entry.try_get_u16_le().ok()?;
    let finger = entry.try_get_u8().ok()?.wrapping_sub(0x10);
    let offset = entry.try_get_u32_le().ok()? as usize;
    let mut template = templates.get(offset..)?;
    let size = usize::from(template.try_get_u16_le().ok()?);
    let bytes = Bytes::copy_from_slice(template.get(..size)?);
    let written = terminal.users.contains(uid) && terminal.biometrics.write_finger(uid, finger, 1, bytes);
    written.then_some(())
}
