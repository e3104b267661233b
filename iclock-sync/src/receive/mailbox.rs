//! Files that another process leaves in the state directory for the receiver, because one process writes the ledger.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::private;

/// The most files that are taken at once, and the most bytes of each.
const MOST: usize = 1_000;
const MAX_BYTES: u64 = 16 << 10;

/// A directory of such files.
pub(super) struct Mailbox {
    state_dir: PathBuf,
    dir: PathBuf,
}

impl Mailbox {
    /// The directory of this name in a state directory.
    pub(super) fn new(state_dir: &Path, name: &str) -> Self {
        Self { state_dir: state_dir.to_owned(), dir: state_dir.join(name) }
    }

    /// Leaves a file. An earlier one of the same name is replaced.
    pub(super) fn leave(&self, name: &str, content: &impl Serialize) -> io::Result<()> {
        private::create_dir_all(&self.dir)?;
        private::give_to_owner_of(&self.state_dir, &self.dir)?;
        // The receiver looks for whole files only.
        let (part, path) = (self.dir.join(format!("{name}.part")), self.path(name));
        let mut file = private::create(&part)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_all()?;
        private::give_to_owner_of(&self.state_dir, &part)?;
        fs::rename(&part, &path)
    }

    /// Takes a file back. Returns false if it is not there any more.
    pub(super) fn withdraw(&self, name: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns what waits, as `read` takes it from name and content. What it does not take is removed.
    pub(super) fn waiting<T>(&self, read: impl Fn(&str, &[u8]) -> Option<T>) -> io::Result<Vec<T>> {
        let files = match fs::read_dir(&self.dir) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut waiting = Vec::new();
        for file in files.take(MOST) {
            let path = file?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let is_short = fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_BYTES);
            let content = if is_short { fs::read(&path)? } else { Vec::new() };
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            match read(name, &content) {
                Some(value) => waiting.push(value),
                None => {
                    tracing::warn!("{} cannot be read, and is removed", path.display());
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(waiting)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown};

    use super::*;

    #[test]
    fn what_an_administrator_leaves_belongs_to_the_user_of_the_service() {
        let state = tempfile::tempdir().unwrap();
        // Another user, if this test may become one.
        let _ = chown(state.path(), Some(65_534), Some(65_534));
        let owner = fs::metadata(state.path()).unwrap().uid();
        let mailbox = Mailbox::new(state.path(), "mail");
        mailbox.leave("one", &1).unwrap();
        for path in [state.path().join("mail"), mailbox.path("one")] {
            assert_eq!(fs::metadata(path).unwrap().uid(), owner);
        }
        assert_eq!(mailbox.waiting(|name, content| Some((name.to_owned(), content.to_vec()))).unwrap().len(), 1);
    }
}
