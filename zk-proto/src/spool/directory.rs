//! The directory for the files of long transfers.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

/// The longest file that is kept for another transfer. Many terminals have tens of thousands of records, and creating a
/// file and freeing its pages takes longer than writing it. A longer file is worth more as free space.
const KEPT: u64 = 2 << 20;
/// The most files that are kept.
const KEPT_FILES: usize = 64;
/// The most memory that is kept, in pieces of at most a sixteenth of it: many terminals that begin together end
/// together. Fresh memory is cleared by the system first, which takes as long as filling it.
const KEPT_MEMORY: usize = 16 << 20;
/// How many taken names are tried before giving up.
const NAME_TRIES: u64 = 100;

/// A directory for the temporary files of transfers that outgrow their memory.
///
/// Clones share the files of finished spools, at most 64 of at most 2 MiB, and their memory, at most 16 MiB in pieces
/// of at most 1 MiB, so that many transfers need little of both. A kept file has no name, and nobody else can open it.
/// All are gone with the last clone and the last spool.
#[derive(Clone)]
pub struct SpoolDirectory(Arc<Inner>);

struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Arc<File>>>,
    memory: Mutex<Vec<Vec<u8>>>,
}

impl SpoolDirectory {
    /// The directory at `path`, which must exist when a file is needed.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { path: path.into(), idle: Mutex::default(), memory: Mutex::default() }))
    }

    /// The system's directory for temporary files. It is looked up now and used when a file is needed.
    #[must_use]
    pub fn temporary() -> Self {
        Self::new(std::env::temp_dir())
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Takes an unused file, and its name if that could not be removed. It may contain the bytes of an earlier user.
    pub(super) fn lease(&self) -> io::Result<(Arc<File>, Option<PathBuf>)> {
        if let Some(file) = self.idle().pop() {
            return Ok((file, None));
        }
        let (file, path) = create_new(&self.0.path)?;
        let named = fs::remove_file(&path).is_err().then_some(path);
        Ok((Arc::new(file), named))
    }

    /// Takes back a file without a name, to which its last user wrote up to `len`.
    pub(super) fn give_back(&self, file: &Arc<File>, len: u64) {
        let mut idle = self.idle();
        if len <= KEPT && idle.len() < KEPT_FILES {
            idle.push(Arc::clone(file));
        }
    }

    /// Takes unused memory for `len` bytes, empty, if there is any.
    pub(super) fn lease_memory(&self, len: usize) -> Option<Vec<u8>> {
        let mut kept = self.memory();
        let fits = kept.iter().rposition(|memory| memory.capacity() >= len)?;
        Some(kept.swap_remove(fits))
    }

    /// Takes back memory.
    pub(super) fn give_back_memory(&self, mut memory: Vec<u8>) {
        let mut kept = self.memory();
        let together: usize = kept.iter().map(Vec::capacity).sum();
        let is_short = (1..=KEPT_MEMORY / 16).contains(&memory.capacity());
        if is_short && together + memory.capacity() <= KEPT_MEMORY {
            memory.clear();
            kept.push(memory);
        }
    }

    // No panic under a lock leaves a list half changed.

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<File>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<PathBuf> for SpoolDirectory {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<&Path> for SpoolDirectory {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl fmt::Debug for SpoolDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpoolDirectory").field(&self.0.path).finish()
    }
}

fn create_new(directory: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut tries = 0;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("zk-transfer-{}-{number}.tmp", std::process::id()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        // Only the program's user may read the data of a terminal.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            // A process with the same number may have died before it could remove its own.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < NAME_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Spool;
    use super::*;

    #[test]
    fn memory_serves_one_transfer_after_the_other_and_shows_none_of_the_earlier() {
        let shared = SpoolDirectory::new("/no/such/directory");
        let mut first = Spool::in_directory(100_000, shared.clone());
        first.expect(100_000).unwrap();
        first.write_at(0, b"the first transfer").unwrap();
        drop(first);
        let mut second = Spool::in_directory(100_000, shared.clone());
        second.expect(10).unwrap();
        assert_eq!(second.memory_in_use(), 100_000, "taken over");
        assert_eq!(second.read(0..18).unwrap(), b"");
        second.write_at(2, b"later").unwrap();
        second.write_at(0, b"a").unwrap();
        second.write_at(1, b" ").unwrap();
        assert_eq!(second.read(0..18).unwrap(), b"a later");
    }

    #[test]
    fn no_more_memory_is_kept_than_a_few_transfers_need() {
        let shared = SpoolDirectory::new("/no/such/directory");
        let spools: Vec<Spool> = (0..100)
            .map(|_| {
                let mut spool = Spool::in_directory(1 << 20, shared.clone());
                spool.expect(1 << 20).unwrap();
                spool
            })
            .collect();
        drop(spools);
        assert_eq!(shared.memory().iter().map(Vec::capacity).sum::<usize>(), KEPT_MEMORY);
        let other = SpoolDirectory::new("/no/such/directory");
        Spool::in_directory(2 << 20, other.clone()).expect((1 << 20) + 1).unwrap();
        assert!(other.memory().is_empty(), "a long piece is worth more as free memory");
    }

    #[test]
    fn nobody_else_can_read_a_file_even_while_it_has_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let (file, path) = create_new(directory.path()).unwrap();
        assert!(path.exists());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
