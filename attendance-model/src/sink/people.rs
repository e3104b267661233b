//! People by name, for the table of people that a sink may have next to its events.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

/// A person as the user table of a terminal names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct NamedPerson {
    /// The serial number of the terminal, as in the person's events.
    pub device_serial: String,
    /// The configured name of the terminal.
    pub device_name: String,
    /// The user id, as in the person's events.
    pub user_id: String,
    /// The name, at most 128 characters without control characters. Empty if the terminal has none any more.
    pub name: String,
    /// The time at which the name was first seen, in whole seconds.
    pub seen_at: DateTime<Utc>,
}

impl NamedPerson {
    /// The most characters of a name.
    pub const LONGEST: usize = 128;

    /// A person at the terminal with this serial number and configured name.
    pub fn new(
        device: (impl Into<String>, impl Into<String>),
        user_id: impl Into<String>,
        name: impl Into<String>,
        seen_at: DateTime<Utc>,
    ) -> Self {
        Self {
            device_serial: device.0.into(),
            device_name: device.1.into(),
            user_id: user_id.into(),
            name: name.into(),
            seen_at,
        }
    }

    /// The key of the person's row: serial number and user id.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (&self.device_serial, &self.user_id)
    }

    /// The key as 32 hex digits: the name of the person's document where a key is one text.
    #[must_use]
    pub fn key_digest(&self) -> String {
        let mut hash = Sha256::new();
        // The length keeps apart what would be the same text joined.
        hash.update((self.device_serial.len() as u64).to_be_bytes());
        hash.update(&self.device_serial);
        hash.update(&self.user_id);
        hex::encode(hash.finalize().get(..16).unwrap_or_default())
    }

    /// The name of the table of people that belongs to a table of events: `attendance_people` next to
    /// `attendance_events`, else the name and `_people`.
    #[must_use]
    pub fn table_of(events: &str) -> String {
        match events {
            "attendance_events" => "attendance_people".to_owned(),
            _ => format!("{events}_people"),
        }
    }
}
