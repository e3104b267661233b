//! Sessions: who is logged in, by the cookie of their browser.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::token::{self, Secret};
use super::{Access, AccessError, Caller, CallerKind, role_of};

/// A session ends when its browser asked for nothing so long.
pub const IDLE: TimeDelta = TimeDelta::hours(12);
/// A session ends after this time, whatever its browser does.
pub const LASTS: TimeDelta = TimeDelta::days(7);
/// The last use of a session is written so often at most, in seconds.
const NOTED_EVERY: i64 = 60;
/// Sessions of an account at the same time; the oldest ends for another one.
const MOST: i64 = 50;

impl Access {
    /// Begins a session of an account. Its word is new: one that a browser had before is worth nothing.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn begin_session(&self, account: &str, now: DateTime<Utc>) -> Result<Secret, AccessError> {
        let session = Secret::random("");
        self.change(|change| {
            change.execute("DELETE FROM sessions WHERE used_at <= ?1 OR created_at <= ?2", bounds(now))?;
            change.execute("UPDATE accounts SET used_at = ?2 WHERE name = ?1", (account, now.timestamp()))?;
            change.execute(
                "INSERT INTO sessions (hash, account, created_at, used_at)
                 SELECT ?1, id, ?3, ?3 FROM accounts WHERE name = ?2",
                params![token::hash(session.reveal()), account, now.timestamp()],
            )?;
            change.execute(
                "DELETE FROM sessions WHERE hash IN (
                     SELECT hash FROM sessions WHERE account = (SELECT id FROM accounts WHERE name = ?1)
                     ORDER BY used_at DESC, rowid DESC LIMIT -1 OFFSET ?2)",
                (account, MOST),
            )?;
            Ok(())
        })?;
        Ok(session)
    }

    /// Whose session this is; `None` if it has ended.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn session(&self, word: &str, now: DateTime<Utc>) -> Result<Option<Caller>, AccessError> {
        let (hash, (idle, old)) = (token::hash(word), bounds(now));
        self.ask(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT accounts.name, accounts.role, sessions.used_at
                     FROM sessions JOIN accounts ON accounts.id = sessions.account
                     WHERE hash = ?1 AND sessions.used_at > ?2 AND sessions.created_at > ?3",
                )?
                .query_row(params![hash, idle, old], |row| {
                    Ok((row.get::<_, String>(0)?, role_of(row, 1)?, row.get::<_, i64>(2)?))
                })
                .optional()?;
            let Some((name, role, used_at)) = found else { return Ok(None) };
            if now.timestamp() - used_at >= NOTED_EVERY {
                let noted = connection
                    .execute("UPDATE sessions SET used_at = ?2 WHERE hash = ?1", params![hash, now.timestamp()]);
                if let Err(error) = noted {
                    tracing::debug!(%error, "the use of a session was not noted");
                }
            }
            Ok(Some(Caller { name, role, kind: CallerKind::Account }))
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn end_session(&self, word: &str) -> Result<(), AccessError> {
        let hash = token::hash(word);
        self.ask(|connection| connection.execute("DELETE FROM sessions WHERE hash = ?1", params![hash])).map(drop)
    }
}

/// The word that a change has to bring along with the cookie of a session. A page of a stranger can make a browser send
/// the cookie, but cannot know this.
#[must_use]
pub fn csrf(session: &str) -> String {
    hex::encode(Sha256::digest(format!("csrf {session}").as_bytes()))
}

/// A session that was used, or begun, at or before these times has ended.
fn bounds(now: DateTime<Utc>) -> (i64, i64) {
    ((now - IDLE).timestamp(), (now - LASTS).timestamp())
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + hours * 3_600, 0).unwrap()
    }

    #[test]
    fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_it_is_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        access.set_account("office", Role::Operator, "a good password", at(0)).unwrap();
        let session = access.begin_session("office", at(0)).unwrap();
        let is_in = |hours| access.session(session.reveal(), at(hours)).unwrap().is_some();
        assert!(is_in(0) && is_in(11) && is_in(22), "use keeps it");
        assert!(!is_in(35), "13 hours without use");
        let session = access.begin_session("office", at(0)).unwrap();
        let lasts = (0..200).take_while(|hour| access.session(session.reveal(), at(*hour)).unwrap().is_some()).count();
        assert_eq!(lasts, 7 * 24);
        let session = access.begin_session("office", at(0)).unwrap();
        let other = access.begin_session("office", at(0)).unwrap();
        access.end_session(session.reveal()).unwrap();
        assert!(access.session(session.reveal(), at(0)).unwrap().is_none());
        assert!(access.session(other.reveal(), at(0)).unwrap().is_some());
        access.set_account("office", Role::Operator, "another password", at(0)).unwrap();
        assert!(access.session(other.reveal(), at(0)).unwrap().is_none(), "another password ends all");
    }

    #[test]
    fn an_account_has_a_bounded_number_of_sessions_and_they_end_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        access.set_account("office", Role::Operator, "a good password", at(0)).unwrap();
        let sessions: Vec<_> = (0..60).map(|_| access.begin_session("office", at(0)).unwrap()).collect();
        let open = sessions.iter().filter(|one| access.session(one.reveal(), at(1)).unwrap().is_some()).count();
        assert_eq!(open, 50);
        let last = &sessions[59];
        assert!(access.session(last.reveal(), at(1)).unwrap().is_some());
        access.remove("office").unwrap();
        assert!(access.session(last.reveal(), at(1)).unwrap().is_none());
        assert!(csrf(last.reveal()) != csrf(sessions[58].reveal()) && !csrf(last.reveal()).contains(last.reveal()));
    }
}
