//! The people whose data were removed. They are known by a digest alone, so that their punches do not enter again.

use std::collections::HashMap;

use attendance_model::RawPunch;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest, Sha256};

use super::Transaction;
use super::stored::seconds;
use crate::Ledger;
use crate::random::secret_key;

/// The setting with the random key of the digests.
const KEY: &str = "forgotten key";

/// The people whose punches do not enter, for one change of the ledger.
#[derive(Debug, Default)]
pub(crate) struct ForgottenPeople {
    key: Option<String>,
    /// The answers for user ids that were asked about.
    until: HashMap<String, Option<i64>>,
}

impl ForgottenPeople {
    /// Looks up whether anybody was forgotten.
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { key: key(connection)?, until: HashMap::new() })
    }

    /// Returns true if a punch was removed with its person, or was punched before that. Later ones are somebody's who
    /// has the user id now. Records without a real time are the earlier person's.
    pub(crate) fn have(&mut self, connection: &Connection, punch: &RawPunch) -> rusqlite::Result<bool> {
        let Some(key) = &self.key else { return Ok(false) };
        let until = match self.until.get(&punch.user_id) {
            Some(until) => *until,
            None => {
                let until = until(connection, key, &punch.user_id)?;
                *self.until.entry(punch.user_id.clone()).or_insert(until)
            }
        };
        Ok(until.is_some_and(|until| punch.local_time.real().is_none_or(|time| seconds(time) <= until)))
    }
}

/// Returns true if a person was forgotten.
pub(super) fn is_forgotten(connection: &Connection, user_id: &str) -> rusqlite::Result<bool> {
    let Some(key) = key(connection)? else { return Ok(false) };
    Ok(until(connection, &key, user_id)?.is_some())
}

/// Notes that a person was forgotten.
pub(super) fn note(transaction: &Transaction<'_>, user_id: &str, until: i64, now: i64) -> rusqlite::Result<()> {
    let key = match key(transaction)? {
        Some(key) => key,
        None => {
            let key = secret_key();
            Ledger::set(transaction, KEY, &key)?;
            key
        }
    };
    transaction.execute(
        "INSERT OR REPLACE INTO forgotten (digest, until, forgotten_at) VALUES (?1, ?2, ?3)",
        (digest(&key, user_id), until, now),
    )?;
    Ok(())
}

/// The key; `None` as long as nobody was forgotten.
fn key(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
        .query_row([KEY], |row| row.get(0))
        .optional()
}

fn until(connection: &Connection, key: &str, user_id: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT until FROM forgotten WHERE digest = ?1")?
        .query_row([digest(key, user_id)], |row| row.get(0))
        .optional()
}

fn digest(key: &str, user_id: &str) -> Vec<u8> {
    Sha256::digest(format!("{key}|{user_id}")).iter().take(16).copied().collect()
}
