//! Writes the configuration and its secrets: beside their places first, so that a test reads what will be there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::interview::Secret;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// A configuration that is not in its place yet. Dropped, it is gone, but secrets stay.
pub(super) struct Draft {
    part: PathBuf,
    file: PathBuf,
    kept: bool,
}

impl Draft {
    /// Writes the text beside the file, and the secrets where the text says.
    pub(super) fn write(file: &Path, text: &str, secrets: &[Secret]) -> Result<Self, CliError> {
        let mut part = file.as_os_str().to_owned();
        part.push(".part");
        let draft = Self { part: part.into(), file: file.to_owned(), kept: false };
        let directory = file.parent().unwrap_or(Path::new(""));
        let write = || -> io::Result<()> {
            if !directory.as_os_str().is_empty() {
                fs::create_dir_all(directory)?;
            }
            for secret in secrets {
                private(&directory.join(&secret.file), secret.text.as_bytes())?;
            }
            fs::write(&draft.part, text)
        };
        write().map_err(|error| cannot(file, &error))?;
        Ok(draft)
    }

    pub(super) fn path(&self) -> &Path {
        &self.part
    }

    /// Puts it in its place.
    pub(super) fn keep(mut self) -> Result<(), CliError> {
        fs::rename(&self.part, &self.file).map_err(|error| cannot(&self.file, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // It may never have been made.
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn cannot(file: &Path, error: &io::Error) -> CliError {
    CliError::because(ExitCode::Configuration, format!("cannot write {}", file.display()), error)
        .hint("name a file that this user may write")
}

/// Writes a file that only its owner can read. On systems other than Unix the directory decides.
fn private(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
