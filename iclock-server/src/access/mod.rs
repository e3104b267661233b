//! Who may call: programs by API tokens, people by accounts, in a file of its own in the state directory.
//!
//! The file is apart from the ledger, which one process alone may write: tokens and accounts are made and removed by
//! the command while a server runs, and hold from the next request on.

mod account;
mod grant;
mod password;
mod recent;
mod role;
mod session;
mod token;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};

pub use account::{AccountInfo, LINK_HOLDS};
pub use grant::{GrantForm, JWT_LASTS};
pub use password::PasswordError;
pub use role::Role;
pub use session::{IDLE, LASTS, csrf};
pub use token::Secret;

/// The file in the state directory.
const FILE: &str = "access.sqlite";
/// The version of its schema.
const VERSION: i64 = 3;
/// A change of another process takes far less.
const BUSY: Duration = Duration::from_secs(5);
/// The last use of a token is written so often at most, in seconds.
const NOTED_EVERY: i64 = 60;
/// The longest name of a token or an account, in characters.
const LONGEST_NAME: usize = 64;

/// What each version added.
const SCHEMA: [&str; 3] = [TOKENS, ACCOUNTS, GRANTS];
const TOKENS: &str = "
    CREATE TABLE tokens (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        hash BLOB NOT NULL UNIQUE,
        role TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        used_at INTEGER
    ) STRICT;
";
const ACCOUNTS: &str = "
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        password TEXT,
        role TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        used_at INTEGER
    ) STRICT;
    CREATE TABLE sessions (
        hash BLOB NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
        created_at INTEGER NOT NULL,
        used_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE links (
        hash BLOB NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
        expires_at INTEGER NOT NULL
    ) STRICT;
";
const GRANTS: &str = "
    CREATE TABLE grants (
        hash BLOB NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
        used_at INTEGER NOT NULL,
        expires_at INTEGER
    ) STRICT;
";

/// The tokens and accounts of one state directory.
pub struct Access {
    connection: Mutex<Connection>,
    path: PathBuf,
    recent: recent::Recent,
}

/// A token in the list. The token itself is not known any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenInfo {
    /// Its name.
    pub name: String,
    /// What its owner may do.
    pub role: Role,
    /// The time when it was made.
    pub created_at: DateTime<Utc>,
    /// The time from which it is refused; `None` if it holds until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// The last time it was used, a minute late at most.
    pub used_at: Option<DateTime<Utc>>,
}

/// Somebody whose token, session or password holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the token or the account.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// By what they are known.
    pub kind: CallerKind,
}

/// By what a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A program, by a token.
    Token,
    /// A person, by an account.
    Account,
}

/// As the audit names them: `token board`, `account office`.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CallerKind::Token => "token",
            CallerKind::Account => "account",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// The reason why the tokens cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The file cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of SQLite, or of the file system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A later version of the program has written the file.
    #[error("{} is of a later version of this program", .0.display())]
    TooNew(PathBuf),
    /// There is a token of this name.
    #[error("there is a token {0:?} already")]
    NameTaken(String),
    /// It cannot be a name.
    #[error("a name has 1 to {LONGEST_NAME} letters, digits and other characters on one line")]
    NotAName,
    /// It cannot be a password.
    #[error(transparent)]
    Password(PasswordError),
}

impl Access {
    /// Opens the file in a state directory, and makes it if there is none.
    ///
    /// # Errors
    /// [`AccessError::File`] and [`AccessError::TooNew`].
    pub fn open(state_dir: &Path) -> Result<Self, AccessError> {
        let path = state_dir.join(FILE);
        let failed = |error: rusqlite::Error| AccessError::File { path: path.clone(), source: error.into() };
        private_file(&path).map_err(|error| AccessError::File { path: path.clone(), source: error.into() })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        let version = prepare(&mut connection).map_err(failed)?;
        if version > VERSION {
            return Err(AccessError::TooNew(path));
        }
        Ok(Self { connection: Mutex::new(connection), path, recent: recent::Recent::default() })
    }

    /// Makes a token. It is shown this once.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NotAName`] and [`AccessError::File`].
    pub fn create(
        &self,
        name: &str,
        role: Role,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Secret, AccessError> {
        let (name, token) = (checked_name(name)?, Secret::random("ick_"));
        let hash = token::hash(token.reveal());
        let expires_at = expires_at.map(|at| at.timestamp());
        let inserted = self.ask(|connection| {
            connection.execute(
                "INSERT INTO tokens (name, hash, role, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name) DO NOTHING",
                (name, hash, role.as_str(), now.timestamp(), expires_at),
            )
        })?;
        if inserted == 1 { Ok(token) } else { Err(AccessError::NameTaken(name.to_owned())) }
    }

    /// Revokes a token: from the next request on it is refused. Returns false if there is none of that name.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn revoke(&self, name: &str) -> Result<bool, AccessError> {
        self.ask(|connection| Ok(connection.execute("DELETE FROM tokens WHERE name = ?1", [name])? == 1))
    }

    /// Returns all tokens, by name.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, AccessError> {
        self.ask(|connection| {
            connection
                .prepare("SELECT name, role, created_at, expires_at, used_at FROM tokens ORDER BY name")?
                .query_map((), TokenInfo::from_row)?
                .collect()
        })
    }

    /// Returns whose token this is; `None` if it is unknown, was revoked, or has expired.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn caller(&self, sent: &str, now: DateTime<Utc>) -> Result<Option<Caller>, AccessError> {
        let (hash, now) = (token::hash(sent), now.timestamp());
        self.ask(|connection| {
            let found: Option<(i64, String, Role, Option<i64>)> = connection
                .prepare_cached(
                    "SELECT id, name, role, used_at FROM tokens
                     WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
                )?
                .query_row((hash, now), |row| Ok((row.get(0)?, row.get(1)?, role_of(row, 2)?, row.get(3)?)))
                .optional()?;
            let Some((id, name, role, used_at)) = found else { return Ok(None) };
            if used_at.is_none_or(|at| (now - at).abs() >= NOTED_EVERY) {
                // On a full disk the caller still is who they are.
                let noted = connection.execute("UPDATE tokens SET used_at = ?2 WHERE id = ?1", (id, now));
                if let Err(error) = noted {
                    tracing::debug!(%error, "the use of a token was not noted");
                }
            }
            Ok(Some(Caller { name, role, kind: CallerKind::Token }))
        })
    }

    fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, AccessError> {
        question(&self.lock()).map_err(|error| AccessError::File { path: self.path.clone(), source: error.into() })
    }

    /// Changes several things, or none of them.
    fn change<T>(&self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, AccessError> {
        self.ask(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let done = change(connection).and_then(|value| connection.execute_batch("COMMIT").map(|()| value));
            if done.is_err() {
                // After some errors SQLite has done it by itself.
                let _ = connection.execute_batch("ROLLBACK");
            }
            done
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // Each question is one statement, or rolls back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TokenInfo {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(0)?,
            role: role_of(row, 1)?,
            created_at: moment(row.get(2)?),
            expires_at: row.get::<_, Option<i64>>(3)?.map(moment),
            used_at: row.get::<_, Option<i64>>(4)?.map(moment),
        })
    }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// A name that a token or an account may have.
fn checked_name(name: &str) -> Result<&str, AccessError> {
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains(char::is_control);
    if fits && name.trim() == name { Ok(name) } else { Err(AccessError::NotAName) }
}

/// A word of a later version may do the least.
fn role_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    Ok(Role::of_word(row.get_ref(column)?.as_str()?).unwrap_or(Role::Metrics))
}

/// Makes the tables that a file of an earlier version, or an empty one, does not have. Returns the version of the file.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version >= VERSION {
        return Ok(version);
    }
    for added in SCHEMA.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(added)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(VERSION)
}

/// Makes the file, if there is none, so that only its owner can read it.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_token_holds_until_it_expires_or_is_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        let expires = Some(at(10));
        let token = access.create("board", Role::Viewer, expires, at(0)).unwrap();
        let (caller, sent) =
            (Caller { name: "board".to_owned(), role: Role::Viewer, kind: CallerKind::Token }, token.reveal());
        assert_eq!(access.caller(sent, at(9)).unwrap(), Some(caller.clone()));
        assert_eq!(access.caller(sent, at(10)).unwrap(), None);
        assert_eq!(access.caller("ick_other", at(9)).unwrap(), None);
        assert_eq!(access.caller("", at(9)).unwrap(), None);
        // Another process sees it, and what it does holds at once.
        let other = Access::open(dir.path()).unwrap();
        assert_eq!(other.caller(sent, at(9)).unwrap(), Some(caller));
        assert!(other.revoke("board").unwrap() && !other.revoke("board").unwrap());
        assert_eq!(access.caller(sent, at(9)).unwrap(), None);
    }

    #[test]
    fn the_list_has_no_token_and_the_file_has_none_either() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        let token = access.create("board", Role::Operator, None, at(0)).unwrap();
        for seconds in [30, 59, 89, 95] {
            access.caller(token.reveal(), at(seconds)).unwrap();
        }
        let tokens = access.tokens().unwrap();
        let used_at = Some(at(0) + TimeDelta::seconds(95));
        let expected =
            TokenInfo { name: "board".to_owned(), role: Role::Operator, created_at: at(0), expires_at: None, used_at };
        assert_eq!(tokens, [expected]);
        drop(access);
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            assert!(!has(&token.reveal().as_bytes()[4..20]), "only its hash is kept");
        }
    }

    #[test]
    fn a_name_is_given_once_and_must_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        access.create("board", Role::Viewer, None, at(0)).unwrap();
        let again = access.create("board", Role::Administrator, None, at(1));
        assert!(matches!(again, Err(AccessError::NameTaken(name)) if name == "board"));
        for name in ["", " board", "a\nb", &"n".repeat(65)] {
            assert!(matches!(access.create(name, Role::Viewer, None, at(1)), Err(AccessError::NotAName)), "{name:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        access.create("board", Role::Viewer, None, at(0)).unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
        }
    }

    #[test]
    fn a_file_of_version_1_keeps_its_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let old = Connection::open(dir.path().join(FILE)).unwrap();
        old.execute_batch(TOKENS).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        let insert = "INSERT INTO tokens (name, hash, role, created_at) VALUES ('board', ?1, 'viewer', 0)";
        old.execute(insert, [token::hash("ick_known")]).unwrap();
        drop(old);
        for _ in 0..2 {
            let access = Access::open(dir.path()).unwrap();
            assert_eq!(access.caller("ick_known", at(0)).unwrap().unwrap().to_string(), "token board");
            assert!(access.accounts().unwrap().is_empty());
        }
    }

    #[test]
    fn a_file_of_a_later_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Access::open(dir.path()).unwrap());
        Connection::open(dir.path().join(FILE)).unwrap().pragma_update(None, "user_version", 9).unwrap();
        assert!(matches!(Access::open(dir.path()), Err(AccessError::TooNew(_))));
    }
}
