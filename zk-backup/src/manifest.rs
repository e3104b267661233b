//! The table of contents of a backup.

use serde::{Deserialize, Serialize};

/// The table of contents of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// [`Manifest::FORMAT`].
    pub format: String,
    /// The version of the format.
    pub version: u32,
    /// The time at which the file was written, UTC: `2026-03-01T08:00:00Z`.
    pub taken_at: String,
    /// The terminal that it is of.
    pub terminal: Terminal,
    /// The code page of the names, by its label.
    pub encoding: String,
    /// Bytes of a user record; `None` if there are no users.
    pub user_bytes: Option<usize>,
    /// The algorithm version of the fingerprints, if the terminal reports it.
    pub fingerprint_version: Option<String>,
    /// The counts.
    pub counts: Sets,
    /// The attendance log, if it is in the file.
    pub attendance: Option<Log>,
    /// Parts that the terminal did not give, and why.
    pub missing: Vec<String>,
    /// The entries of the file before the manifest, in order.
    pub entries: Vec<Entry>,
}

/// A terminal, as it describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Terminal {
    /// The serial number.
    pub serial: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The firmware's version.
    pub firmware: Option<String>,
    /// The platform.
    pub platform: Option<String>,
}

/// The numbers of users and of what belongs to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Sets {
    /// Users.
    pub users: usize,
    /// Fingerprints.
    pub fingerprints: usize,
    /// Templates of faces; a face has several.
    pub faces: usize,
    /// Photos.
    pub photos: usize,
    /// Options.
    pub options: usize,
}

/// An attendance log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// True if the log was proven to be complete and in place.
    pub proven: bool,
    /// The number of records; of an unproven log as the terminal counts them.
    pub records: Option<u64>,
    /// The layout of the records, by its name, if it is known.
    pub layout: Option<String>,
}

/// An entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Manifest {
    /// The name of the format.
    pub const FORMAT: &str = "zk-backup";
    /// The version of the format that this crate writes, and the newest that it reads.
    pub const VERSION: u32 = 1;
}
