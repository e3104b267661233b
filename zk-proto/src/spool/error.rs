//! Why bytes could not be stored.

use core::fmt;

/// Why a spool could not store or return bytes.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpoolError {
    /// The bytes exceed the memory, and no directory for a file was named.
    Full {
        /// Bytes that are needed.
        need: u64,
        /// Bytes that are allowed.
        cap: u64,
    },
    /// Longer than any set of a terminal.
    TooLong {
        /// The offset after the bytes.
        end: u64,
        /// The longest set that is accepted.
        cap: u64,
    },
    /// The file could not be created, written or read: a full disk, a missing directory, a missing permission.
    #[cfg(feature = "std")]
    File {
        /// The operation that failed.
        doing: &'static str,
        /// The directory of the file.
        directory: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { need, cap } => {
                write!(f, "transfer needs {need} bytes, memory is limited to {cap} and no directory is set for a file")
            }
            Self::TooLong { end, cap } => write!(f, "transfer of {end} bytes is longer than {cap}"),
            #[cfg(feature = "std")]
            Self::File { doing, directory, .. } => {
                write!(f, "cannot {doing} the temporary file of a transfer in {}", directory.display())
            }
        }
    }
}

impl core::error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            #[cfg(feature = "std")]
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}
