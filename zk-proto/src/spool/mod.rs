//! The store for the bytes of a transfer until they are proven: memory up to a cap, then a file.

#[cfg(feature = "std")]
mod directory;
mod error;
mod extents;
#[cfg(feature = "std")]
mod file;

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

#[cfg(feature = "std")]
pub use directory::SpoolDirectory;
pub use error::SpoolError;
use extents::Extents;

/// Bytes kept in memory by default before a file is used: 1 MiB.
pub const DEFAULT_MEMORY: usize = 1 << 20;
/// The largest set that is accepted: 1 GiB, many times what a terminal can store.
pub const MAX_LEN: u64 = 1 << 30;

/// Bytes of one transfer, written by offset as they arrive and read back in order.
///
/// A file is only created in the directory that the caller named. Only this user can read it. It loses its name at
/// once, or, if the system does not allow that, with the spool.
pub struct Spool {
    store: Store,
    extents: Extents,
    memory: usize,
    #[cfg(feature = "std")]
    directory: Option<SpoolDirectory>,
}

enum Store {
    Memory(Vec<u8>),
    #[cfg(feature = "std")]
    File(file::FileStore),
}

impl Spool {
    /// A spool of at most `cap` bytes, all in memory.
    #[must_use]
    pub fn in_memory(cap: usize) -> Self {
        Self {
            store: Store::Memory(Vec::new()),
            extents: Extents::default(),
            memory: cap,
            #[cfg(feature = "std")]
            directory: None,
        }
    }

    /// A spool that moves into a file in `directory` once it holds more than `memory` bytes.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn in_directory(memory: usize, directory: impl Into<SpoolDirectory>) -> Self {
        let mut spool = Self::in_memory(memory);
        spool.directory = Some(directory.into());
        spool
    }

    /// Makes room for `len` bytes, within the limit of the memory. A longer transfer uses its file from the start.
    ///
    /// # Errors
    /// As [`Spool::write_at`].
    pub fn expect(&mut self, len: u64) -> Result<(), SpoolError> {
        if len > MAX_LEN {
            return Err(SpoolError::TooLong { end: len, cap: MAX_LEN });
        }
        self.make_room(len)?;
        match &mut self.store {
            // `make_room` has checked the length against the memory's cap.
            Store::Memory(memory) => {
                #[cfg(feature = "std")]
                if let (0, Some(directory)) = (memory.capacity(), &self.directory) {
                    *memory = directory.lease_memory(len as usize).unwrap_or_default();
                }
                memory.reserve_exact((len as usize).saturating_sub(memory.len()));
            }
            #[cfg(feature = "std")]
            Store::File(_) => {}
        }
        Ok(())
    }

    /// Writes bytes at their offset in the transfer. Bytes written before at the same place are replaced.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when the bytes fit neither the memory nor a file, [`SpoolError::TooLong`] past [`MAX_LEN`],
    /// [`SpoolError::File`] when the file cannot be created or written, for example when the disk is full.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), SpoolError> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > MAX_LEN {
            return Err(SpoolError::TooLong { end, cap: MAX_LEN });
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.make_room(end)?;
        match &mut self.store {
            // Both fit in `usize`: `make_room` has checked the end against the memory's cap.
            Store::Memory(memory) => write_into(memory, offset as usize, bytes),
            #[cfg(feature = "std")]
            Store::File(file) => file.write_at(offset, bytes)?,
        }
        self.extents.add(offset..end);
        Ok(())
    }

    /// The offset after the last byte written.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.extents.end()
    }

    /// Returns true if nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The offset of the first missing byte, or the end if none is missing.
    #[must_use]
    pub fn contiguous(&self) -> u64 {
        self.extents.contiguous()
    }

    /// Forgets everything from `len` on.
    pub fn truncate(&mut self, len: u64) {
        self.extents.truncate(len);
        match &mut self.store {
            Store::Memory(memory) => memory.truncate(usize::try_from(len).unwrap_or(usize::MAX)),
            // Bytes past the end are written again before they count.
            #[cfg(feature = "std")]
            Store::File(_) => {}
        }
    }

    /// Bytes that are held in memory now.
    #[must_use]
    pub fn memory_in_use(&self) -> usize {
        match &self.store {
            Store::Memory(memory) => memory.capacity(),
            #[cfg(feature = "std")]
            Store::File(file) => file.memory_in_use(),
        }
    }

    /// Lends a range, clipped to the bytes that are there without a hole from offset 0. Large ranges cost memory: read
    /// blocks.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the file cannot be read.
    pub fn read(&mut self, range: Range<u64>) -> Result<&[u8], SpoolError> {
        let end = range.end.min(self.contiguous());
        let start = range.start.min(end);
        match &mut self.store {
            Store::Memory(memory) => Ok(memory.get(start as usize..end as usize).unwrap_or(&[])),
            #[cfg(feature = "std")]
            Store::File(file) => Ok(file.read(start..end)?),
        }
    }

    fn make_room(&mut self, end: u64) -> Result<(), SpoolError> {
        #[cfg(feature = "std")]
        let Store::Memory(memory) = &self.store else { return Ok(()) };
        #[cfg(not(feature = "std"))]
        let Store::Memory(memory) = &self.store;
        // Never longer than the cap, so without a directory there is nothing to move.
        debug_assert!(memory.len() <= self.memory);
        if end <= self.memory as u64 {
            return Ok(());
        }
        #[cfg(feature = "std")]
        if let Some(directory) = &self.directory {
            let mut file = file::FileStore::create(directory)?;
            file.write_at(0, memory)?;
            self.store = Store::File(file);
            return Ok(());
        }
        Err(SpoolError::Full { need: end, cap: self.memory as u64 })
    }
}

#[cfg(feature = "std")]
impl Drop for Spool {
    fn drop(&mut self) {
        if let (Store::Memory(memory), Some(directory)) = (&mut self.store, &self.directory) {
            directory.give_back_memory(core::mem::take(memory));
        }
    }
}

fn write_into(memory: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if memory.len() < offset {
        memory.resize(offset, 0);
    }
    let (replaced, appended) = bytes.split_at(bytes.len().min(memory.len() - offset));
    if let Some(place) = memory.get_mut(offset..offset + replaced.len()) {
        place.copy_from_slice(replaced);
    }
    memory.extend_from_slice(appended);
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.store {
            Store::Memory(_) => "memory",
            #[cfg(feature = "std")]
            Store::File(_) => "file",
        };
        f.debug_struct("Spool")
            .field("len", &self.len())
            .field("contiguous", &self.contiguous())
            .field("in", &place)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_however_they_were_cut() {
        let mut spool = Spool::in_memory(64);
        spool.write_at(4, b"efgh").unwrap();
        assert_eq!((spool.len(), spool.contiguous()), (8, 0));
        assert_eq!(spool.read(0..8).unwrap(), b"");
        spool.write_at(0, b"abcdE").unwrap();
        assert_eq!((spool.len(), spool.contiguous()), (8, 8));
        assert_eq!(spool.read(2..100).unwrap(), b"cdEfgh");
    }

    #[test]
    fn a_distant_offset_is_refused_before_anything_is_reserved() {
        let mut spool = Spool::in_memory(64);
        assert!(matches!(spool.write_at(1 << 29, b"x"), Err(SpoolError::Full { .. })));
        assert!(matches!(spool.write_at(u64::MAX, b"x"), Err(SpoolError::TooLong { .. })));
        assert_eq!(spool.memory_in_use(), 0);
    }

    #[test]
    fn room_is_made_for_no_more_than_the_cap() {
        let mut spool = Spool::in_memory(64);
        assert!(matches!(spool.expect(65), Err(SpoolError::Full { .. })));
        assert!(matches!(spool.expect(u64::MAX), Err(SpoolError::TooLong { .. })));
        assert_eq!(spool.memory_in_use(), 0);
        spool.expect(64).unwrap();
        assert_eq!(spool.memory_in_use(), 64);
    }

    #[test]
    fn a_truncated_spool_goes_on_where_it_was_cut() {
        let mut spool = Spool::in_memory(64);
        spool.write_at(0, b"abcdef").unwrap();
        spool.truncate(2);
        assert_eq!((spool.len(), spool.contiguous()), (2, 2));
        spool.write_at(2, b"xy").unwrap();
        assert_eq!(spool.read(0..9).unwrap(), b"abxy");
    }
}
