//! The part of a spool that outgrew its memory.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::vec::Vec;

use super::{SpoolDirectory, SpoolError};

/// Bytes that are gathered before a write. Some terminals send pieces of 1 KiB.
const GATHER: usize = 256 << 10;
/// Pieces of this size or more are written on their own.
const LARGE: usize = 16 << 10;

/// A private file. It loses its name at once, or on drop if the system does not allow that.
pub(super) struct FileStore {
    /// It may contain bytes of an earlier transfer: only bytes that were written here may be read.
    file: Arc<File>,
    directory: SpoolDirectory,
    /// The name, if it could not be removed while the file is open.
    named: Option<PathBuf>,
    pending: Vec<u8>,
    pending_at: u64,
    /// The offset after the last byte that was ever written.
    end: u64,
    lent: Vec<u8>,
}

impl FileStore {
    pub(super) fn create(directory: &SpoolDirectory) -> Result<Self, SpoolError> {
        let (file, named) = directory.lease().map_err(|source| error("create", directory, source))?;
        Ok(Self {
            file,
            directory: directory.clone(),
            named,
            pending: Vec::new(),
            pending_at: 0,
            end: 0,
            lent: Vec::new(),
        })
    }

    pub(super) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), SpoolError> {
        self.end = self.end.max(offset + bytes.len() as u64);
        if offset != self.pending_at + self.pending.len() as u64 {
            self.flush()?;
            self.pending_at = offset;
        }
        if self.pending.is_empty() && bytes.len() >= LARGE {
            self.put(offset, bytes)?;
            self.pending_at = offset + bytes.len() as u64;
            return Ok(());
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= GATHER { self.flush() } else { Ok(()) }
    }

    pub(super) fn read(&mut self, range: Range<u64>) -> Result<&[u8], SpoolError> {
        self.flush()?;
        // A range is clipped to the written bytes, so its length is not claimed by the terminal.
        self.lent.resize((range.end - range.start) as usize, 0);
        let lent = &mut self.lent;
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(range.start))
            .and_then(|_| file.read_exact(lent))
            .map_err(|source| error("read", &self.directory, source))?;
        Ok(&self.lent)
    }

    pub(super) fn memory_in_use(&self) -> usize {
        self.pending.capacity() + self.lent.capacity()
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.put(self.pending_at, &self.pending)?;
        self.pending_at += self.pending.len() as u64;
        self.pending.clear();
        self.pending.shrink_to(2 * GATHER);
        Ok(())
    }

    fn put(&self, offset: u64, bytes: &[u8]) -> Result<(), SpoolError> {
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.write_all(bytes))
            .map_err(|source| error("write", &self.directory, source))
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        match &self.named {
            // Nothing to report to. The name of a leftover shows its owner.
            Some(path) => drop(fs::remove_file(path)),
            None => self.directory.give_back(&self.file, self.end),
        }
    }
}

fn error(doing: &'static str, directory: &SpoolDirectory, source: io::Error) -> SpoolError {
    SpoolError::File { doing, directory: directory.path().into(), source }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Spool;
    use super::*;

    fn names(directory: &Path) -> Vec<PathBuf> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_outgrows_the_memory_goes_to_a_file_that_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_directory(1000, directory.path());
        let bytes: Vec<u8> = (0..600_000u32).map(|n| n as u8).collect();
        for (number, piece) in bytes.chunks(777).enumerate() {
            spool.write_at(number as u64 * 777, piece).unwrap();
        }
        assert_eq!(spool.contiguous(), bytes.len() as u64);
        assert_eq!(spool.read(599_000..600_000).unwrap(), &bytes[599_000..]);
        assert_eq!(spool.read(0..70_000).unwrap(), &bytes[..70_000]);
        assert!(spool.memory_in_use() < bytes.len());
        drop(spool);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_panic_leaves_no_file_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_path_buf();
        let panicked = std::thread::spawn(move || {
            let mut spool = Spool::in_directory(1, path);
            spool.write_at(0, b"more than a byte").unwrap();
            panic!("in the middle of a transfer");
        })
        .join();
        assert!(panicked.is_err());
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_rewritten_piece_replaces_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_directory(4, directory.path());
        spool.write_at(0, b"abcdefgh").unwrap();
        spool.write_at(2, b"XY").unwrap();
        spool.write_at(8, b"ij").unwrap();
        assert_eq!(spool.read(0..10).unwrap(), b"abXYefghij");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_serves_one_transfer_after_the_other_and_shows_none_of_the_earlier() {
        let directory = tempfile::tempdir().unwrap();
        let shared = SpoolDirectory::new(directory.path());
        let mut first = Spool::in_directory(4, shared.clone());
        first.write_at(0, b"the first transfer").unwrap();
        let mut beside = Spool::in_directory(4, shared.clone());
        beside.write_at(0, b"beside it").unwrap();
        assert_eq!(first.read(0..18).unwrap(), b"the first transfer");
        drop((first, beside));
        // A new file would find no directory any more.
        drop(directory);
        let mut second = Spool::in_directory(4, shared.clone());
        second.write_at(0, b"later").unwrap();
        second.write_at(9, b"gap").unwrap();
        assert_eq!(second.read(0..18).unwrap(), b"later");
    }

    #[cfg(unix)]
    #[test]
    fn a_long_file_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let shared = SpoolDirectory::new(directory.path());
        let mut long = Spool::in_directory(4, shared.clone());
        long.write_at(2 << 20, b"and more").unwrap();
        drop((long, directory));
        assert!(Spool::in_directory(4, shared).write_at(0, b"later").is_err());
    }

    #[test]
    fn a_long_transfer_needs_no_more_memory_than_a_short_one() {
        let directory = tempfile::tempdir().unwrap();
        let piece: Vec<u8> = (0..0xFFC0u32).map(|n| n as u8).collect();
        let most = [4u64, 400].map(|pieces| {
            let mut spool = Spool::in_directory(64 << 10, directory.path());
            let mut most = 0;
            for number in 0..pieces {
                spool.write_at(number * piece.len() as u64, &piece).unwrap();
                most = most.max(spool.memory_in_use());
            }
            for number in 0..pieces {
                let at = number * piece.len() as u64;
                assert_eq!(spool.read(at..at + piece.len() as u64).unwrap(), piece);
                most = most.max(spool.memory_in_use());
            }
            most
        });
        assert_eq!(most[0], most[1]);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let mut spool = Spool::in_directory(4, Path::new("/no/such/directory"));
        let message = spool.write_at(0, b"abcdefgh").unwrap_err().to_string();
        assert_eq!(message, "cannot create the temporary file of a transfer in /no/such/directory");
    }
}
