//! The addresses at which terminals have presented the shared key.

use std::net::IpAddr;

use crate::{Ledger, LedgerError};

/// A terminal that has presented the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PushKey {
    /// The serial number that it gives.
    pub(crate) serial: String,
    /// The digest of the key and the serial number.
    pub(crate) digest: String,
    /// The address from which it called.
    pub(crate) address: IpAddr,
}

impl Ledger {
    /// Returns the terminals that have presented the key.
    pub(crate) fn push_keys(&self) -> Result<Vec<PushKey>, LedgerError> {
        let rows: Vec<(String, String, String)> = self.read("look up keys", |connection| {
            connection
                .prepare("SELECT serial, digest, address FROM push_keys")?
                .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })?;
        let key = |(serial, digest, address): (String, String, String)| {
            Some(PushKey { serial, digest, address: address.parse().ok()? })
        };
        Ok(rows.into_iter().filter_map(key).collect())
    }

    /// Notes that a terminal has presented the key.
    pub(crate) fn note_push_key(&self, key: &PushKey) -> Result<(), LedgerError> {
        self.write("note a key", |transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO push_keys (serial, digest, address) VALUES (?1, ?2, ?3)")?
                .execute((&key.serial, &key.digest, key.address.to_string()))
                .map(drop)
        })
    }
}
