//! The lock of the only writer.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;

use crate::{LedgerError, private};

/// The lock is held as long as the value lives. The operating system releases it when the process dies.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
    holder: PathBuf,
}

impl WriterLock {
    pub(super) fn take(dir: &Path) -> Result<Self, LedgerError> {
        let (path, holder) = (dir.join("ledger.lock"), dir.join("ledger.pid"));
        let io = |source| LedgerError::Io { path: path.clone(), source };
        let file = private::options().truncate(false).open(&path).map_err(io)?;
        if !file.try_lock_exclusive().map_err(io)? {
            // A file of its own: on Windows a locked file cannot be read.
            let pid = fs::read_to_string(&holder).ok().and_then(|text| text.trim().parse::<u32>().ok());
            let holder = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            return Err(LedgerError::Held { dir: dir.to_owned(), holder });
        }
        // Only for the message above. A full disk must not keep a new process from delivering.
        if let Err(error) = private::create(&holder).and_then(|mut file| writeln!(file, "{}", std::process::id())) {
            tracing::warn!("cannot write {}: {error}", holder.display());
        }
        Ok(Self { _file: file, holder })
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Only a courtesy: the lock itself says whether the file means anything.
        let _ = fs::remove_file(&self.holder);
    }
}
