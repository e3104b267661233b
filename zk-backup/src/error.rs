//! Why a backup could not be written or read.

use std::io;
use std::path::{Path, PathBuf};

/// Why a backup could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is there already, and was not to be replaced.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no backup of a terminal.
    #[error("{} is not a backup of a terminal", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// The file is incomplete, or was changed after it was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        what: String,
    },
    /// The file was made by a newer version of this program.
    #[error(
        "{} has version {version} of the format, and this program knows {}",
        path.display(),
        crate::Manifest::VERSION
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The file is encrypted, and no passphrase was given.
    #[error("{} is encrypted with a passphrase", path.display())]
    NeedsPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The file is encrypted for keys, and none was given.
    #[error("{} is encrypted for a key", path.display())]
    NeedsIdentity {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase or the key does not open the file.
    #[error("{} cannot be opened with this {with}", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// "passphrase" or "key".
        with: &'static str,
    },
    /// A text is no key of the `age` format. It is not quoted: it may be a secret.
    #[error("not a {what} of the age format")]
    Key {
        /// "recipient" or "key file".
        what: &'static str,
    },
    /// The temporary file of the attendance log could not be read back.
    #[error("attendance log cannot be read back")]
    Spool(#[from] zk_proto::SpoolError),
}

impl FileError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    /// For an error while the content is read: of the system, or of bytes that no backup has.
    pub(crate) fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&source);
            while let Some(error) = inner {
                if error.downcast_ref::<io::Error>().is_some_and(|error| error.raw_os_error().is_some()) {
                    return Self::Io { path: path.clone(), source };
                }
                inner = error.source();
            }
            Self::damaged(&path, source.to_string())
        }
    }
}
