//! Failures of the file system as a [`SinkError`].

use std::io::{self, ErrorKind};
use std::path::Path;

use attendance_model::{SinkError, SinkErrorKind};

/// A call of the file system that failed; `what` is a verb: "write", "open".
pub(crate) fn failed(what: &str, path: &Path, error: io::Error) -> SinkError {
    let (kind, hint) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => match path.parent() {
            Some(parent) => {
                (SinkErrorKind::Missing, format!("create the directory {}, or name another file", parent.display()))
            }
            None => (SinkErrorKind::Missing, "name another file".to_owned()),
        },
        ErrorKind::PermissionDenied => (
            SinkErrorKind::Rights,
            "let this user write to the file and its directory, or name another file".to_owned(),
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            (SinkErrorKind::Full, "make room on the disk; what is not written stays pending".to_owned())
        }
        ErrorKind::ReadOnlyFilesystem => {
            (SinkErrorKind::ReadOnly, "mount the file system for writing, or name another file".to_owned())
        }
        ErrorKind::IsADirectory | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            (SinkErrorKind::Missing, "name a file".to_owned())
        }
        _ => (SinkErrorKind::Unreachable, "check the disk or the network drive that the file is on".to_owned()),
    };
    SinkError::new(kind, format!("cannot {what} {}", path.display())).hint(hint).because(error)
}

/// The file holds something that is not ours; nothing in it is changed.
pub(crate) fn foreign(path: &Path, what: &str) -> SinkError {
    SinkError::new(SinkErrorKind::Schema, format!("{} is not a file of attendance events: {what}", path.display()))
        .hint("name another file, or repair this one; nothing in it was changed")
}
