//! The part of a spool that outgrew its memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::vec::Vec;

use super::SpoolError;

/// Bytes gathered before they go to the file: packets come in pieces of 1 KiB from some terminals.
const GATHER: usize = 256 << 10;
/// Pieces from this size on are worth a write of their own.
const LARGE: usize = 16 << 10;
/// Giving up the pages of a file without a name takes a system milliseconds from this size on: nobody has to wait for that.
const SLOW_TO_CLOSE: u64 = 2 << 20;
const CLOSER_STACK: usize = 16 << 10;
/// Names that were taken before one more is no accident.
const NAME_TRIES: u64 = 100;

/// A file that nobody else sees: it loses its name at once, or on drop where the system does not allow that.
pub(super) struct FileStore {
    file: File,
    directory: PathBuf,
    /// Set when the name could not be removed while the file is open.
    named: Option<PathBuf>,
    pending: Vec<u8>,
    pending_at: u64,
    /// The offset behind the last byte that was ever written.
    end: u64,
    lent: Vec<u8>,
}

impl FileStore {
    pub(super) fn create(directory: &Path) -> Result<Self, SpoolError> {
        let (file, path) = create_new(directory).map_err(|source| error("create", directory, source))?;
        let named = fs::remove_file(&path).is_err().then_some(path);
        Ok(Self {
            file,
            directory: directory.into(),
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
        // A range is clipped to what was written, so its length is no claim of anybody.
        self.lent.resize((range.end - range.start) as usize, 0);
        let lent = &mut self.lent;
        let mut file = &self.file;
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
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.write_all(bytes))
            .map_err(|source| error("write", &self.directory, source))
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        if let Some(path) = &self.named {
            // Nobody is left to tell; a leftover is named so that its owner is plain.
            let _ = fs::remove_file(path);
        } else if self.end >= SLOW_TO_CLOSE {
            if let Ok(file) = self.file.try_clone() {
                // Where no thread is to be had, the file is closed here and now.
                let _ =
                    thread::Builder::new().name("zk-spool".into()).stack_size(CLOSER_STACK).spawn(move || drop(file));
            }
        }
    }
}

fn create_new(directory: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut tries = 0;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("zk-transfer-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            // A process with the same number may have died before it could remove its own.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < NAME_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn error(doing: &'static str, directory: &Path, source: io::Error) -> SpoolError {
    SpoolError::File { doing, directory: directory.into(), source }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let mut spool = Spool::in_directory(4, "/no/such/directory");
        let message = spool.write_at(0, b"abcdefgh").unwrap_err().to_string();
        assert_eq!(message, "cannot create the temporary file of a transfer in /no/such/directory");
    }
}
