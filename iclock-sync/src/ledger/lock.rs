//! The lock of the only writer.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs4::fs_std::FileExt;

use crate::{LedgerError, private};

/// The lock is held as long as the value lives. The operating system releases it when the process dies.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
    holder: PathBuf,
}

/// The file of the lock.
const LOCK: &str = "ledger.lock";
/// The file with the number of the process that holds it. A file of its own: on Windows a locked file cannot be read.
const HOLDER: &str = "ledger.pid";

/// The pause before the lock is tried once more: somebody may have looked whether it is held.
const AGAIN: Duration = Duration::from_millis(20);

impl WriterLock {
    pub(super) fn take(dir: &Path) -> Result<Self, LedgerError> {
        let (path, holder) = (dir.join(LOCK), dir.join(HOLDER));
        let io = |source| LedgerError::Io { path: path.clone(), source };
        let file = private::options().truncate(false).open(&path).map_err(io)?;
        let is_free = file.try_lock_exclusive().map_err(io)? || {
            std::thread::sleep(AGAIN);
            file.try_lock_exclusive().map_err(io)?
        };
        if !is_free {
            let holder = pid(&holder).map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            return Err(LedgerError::Held { dir: dir.to_owned(), holder });
        }
        // Only for the message above. A full disk must not keep a new process from delivering.
        if let Err(error) = private::create(&holder).and_then(|mut file| writeln!(file, "{}", std::process::id())) {
            tracing::warn!("cannot write {}: {error}", holder.display());
        }
        Ok(Self { _file: file, holder })
    }
}

/// Returns the number of the process that holds the lock of a directory; `None` if none does, or none that is known.
pub(super) fn holder(dir: &Path) -> Option<u32> {
    // A process that was killed leaves its number behind, and the lock free.
    let pid = pid(&dir.join(HOLDER))?;
    let lock = File::open(dir.join(LOCK)).ok()?;
    let is_free = FileExt::try_lock_shared(&lock).ok()?;
    (!is_free).then_some(pid)
}

fn pid(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Only a courtesy: the lock itself says whether the file means anything.
        let _ = fs::remove_file(&self.holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_writes_is_known_as_long_as_it_does() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()), None);
        let lock = WriterLock::take(dir.path()).unwrap();
        assert_eq!(holder(dir.path()), Some(std::process::id()));
        assert!(
            matches!(WriterLock::take(dir.path()), Err(LedgerError::Held { holder, .. }) if holder.contains("process"))
        );
        drop(lock);
        assert_eq!(holder(dir.path()), None);
        // As a process that was killed leaves it.
        fs::write(dir.path().join(HOLDER), "1\n").unwrap();
        assert_eq!(holder(dir.path()), None);
        drop(WriterLock::take(dir.path()).unwrap());
    }
}
