//! Accounts: people who log in to the pages, each with a password and a role.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::password::{self, PasswordError};
use super::token::{self, Secret};
use super::{Access, AccessError, Caller, CallerKind, Role, checked_name, moment, role_of};

/// The time that a link has until it is used.
pub const LINK_HOLDS: TimeDelta = TimeDelta::minutes(30);

/// An account in the list. Its password is not known to anybody here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountInfo {
    /// Its name.
    pub name: String,
    /// What its owner may do.
    pub role: Role,
    /// The time when it was made.
    pub created_at: DateTime<Utc>,
    /// The last time its owner logged in.
    pub used_at: Option<DateTime<Utc>>,
    /// Its owner has set a password. Before that nobody can log in with it.
    pub has_password: bool,
}

impl Access {
    /// Makes an account, or finds the one of this name, and a link for its owner to set a password. The link holds
    /// once, for [`LINK_HOLDS`], and takes the place of an earlier one. `role` is what the account may do from now on.
    ///
    /// # Errors
    /// [`AccessError::NotAName`] and [`AccessError::File`].
    pub fn invite(&self, name: &str, role: Role, now: DateTime<Utc>) -> Result<Secret, AccessError> {
        let (name, link) = (checked_name(name)?, Secret::random("iln_"));
        self.change(|change| {
            change.execute(
                "INSERT INTO accounts (name, role, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET role = ?2",
                params![name, role.as_str(), now.timestamp()],
            )?;
            let account: i64 = change.query_row("SELECT id FROM accounts WHERE name = ?1", [name], |row| row.get(0))?;
            change.execute("DELETE FROM links WHERE account = ?1 OR expires_at <= ?2", (account, now.timestamp()))?;
            let expires_at = (now + LINK_HOLDS).timestamp();
            change.execute(
                "INSERT INTO links (hash, account, expires_at) VALUES (?1, ?2, ?3)",
                params![token::hash(link.reveal()), account, expires_at],
            )?;
            Ok(())
        })?;
        Ok(link)
    }

    /// Whose link this is, if it still holds.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn invited(&self, link: &str, now: DateTime<Utc>) -> Result<Option<String>, AccessError> {
        self.ask(|connection| Ok(invited(connection, link, now)?.map(|(_, name)| name)))
    }

    /// Sets the password of the account that a link is for, and ends the link and all sessions of the account. Returns
    /// the account's name; `None` if the link was used, or is too old.
    ///
    /// # Errors
    /// [`AccessError::Password`] and [`AccessError::File`].
    pub fn set_password(&self, link: &str, password: &str, now: DateTime<Utc>) -> Result<Option<String>, AccessError> {
        // Hashing takes its time: the link is looked up before it, and once more after it.
        let Some(name) = self.invited(link, now)? else { return Ok(None) };
        let hash = password::hash(password, &name)?;
        self.change(|change| {
            let Some((account, name)) = invited(change, link, now)? else { return Ok(None) };
            change.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![account, hash])?;
            change.execute("DELETE FROM links WHERE account = ?1", [account])?;
            change.execute("DELETE FROM sessions WHERE account = ?1", [account])?;
            change.execute("DELETE FROM grants WHERE account = ?1", [account])?;
            Ok(Some(name))
        })
    }

    /// Gives an account a password, and makes the account if there is none: for those who can write the file anyway.
    ///
    /// # Errors
    /// [`AccessError::NotAName`], [`AccessError::Password`] and [`AccessError::File`].
    pub fn set_account(&self, name: &str, role: Role, password: &str, now: DateTime<Utc>) -> Result<(), AccessError> {
        let hash = password::hash(password, checked_name(name)?)?;
        self.change(|change| {
            change.execute(
                "INSERT INTO accounts (name, role, password, created_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO UPDATE SET role = ?2, password = ?3",
                params![name, role.as_str(), hash, now.timestamp()],
            )?;
            let of = "IN (SELECT id FROM accounts WHERE name = ?1)";
            change.execute(&format!("DELETE FROM links WHERE account {of}"), [name])?;
            change.execute(&format!("DELETE FROM sessions WHERE account {of}"), [name])?;
            change.execute(&format!("DELETE FROM grants WHERE account {of}"), [name])?;
            Ok(())
        })
    }

    /// Whether a password is that of an account. It takes a tenth of a second of work, also for an account that there
    /// is none of.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn knows(&self, name: &str, password: &str) -> Result<Option<Caller>, AccessError> {
        Ok(self.checked(name, password)?.map(|(caller, _)| caller))
    }

    /// As [`Access::knows`], and remembers a password that is right: [`Access::recalls`].
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn learns(&self, name: &str, password: &str) -> Result<Option<Caller>, AccessError> {
        let checked = self.checked(name, password)?;
        Ok(checked.map(|(caller, hash)| {
            self.recent.remember(name, password, &hash);
            caller
        }))
    }

    /// Returns true if this was the right password of an account before, without any work. It may have changed since:
    /// [`Access::still`].
    #[must_use]
    pub fn recalls(&self, name: &str, password: &str) -> bool {
        self.recent.hash_of(name, password).is_some()
    }

    /// Whether a password that is recalled still is that of the account.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn still(&self, name: &str, password: &str) -> Result<Option<Caller>, AccessError> {
        let Some(known) = self.recent.hash_of(name, password) else { return Ok(None) };
        let (hash, role) = self.password_of(name)?;
        let holds = hash.is_some_and(|hash| hash == known);
        if !holds {
            self.recent.forget(name);
        }
        Ok(holds.then(|| Caller { name: name.to_owned(), role, kind: CallerKind::Account }))
    }

    /// The account and the hash of its password, if that is the right one.
    fn checked(&self, name: &str, password: &str) -> Result<Option<(Caller, String)>, AccessError> {
        let (hash, role) = self.password_of(name)?;
        let is_right = password::is_right(password, hash.as_deref());
        let caller = || Caller { name: name.to_owned(), role, kind: CallerKind::Account };
        Ok(hash.filter(|_| is_right).map(|hash| (caller(), hash)))
    }

    /// The hash of an account's password, if it has one, and its role.
    fn password_of(&self, name: &str) -> Result<(Option<String>, Role), AccessError> {
        let found = self.ask(|connection| {
            connection
                .prepare_cached("SELECT password, role FROM accounts WHERE name = ?1")?
                .query_row([name], |row| Ok((row.get(0)?, role_of(row, 1)?)))
                .optional()
        })?;
        Ok(found.unwrap_or((None, Role::Metrics)))
    }

    /// Returns all accounts, by name.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn accounts(&self) -> Result<Vec<AccountInfo>, AccessError> {
        self.ask(|connection| {
            connection
                .prepare("SELECT name, role, created_at, used_at, password IS NOT NULL FROM accounts ORDER BY name")?
                .query_map((), |row| {
                    Ok(AccountInfo {
                        name: row.get(0)?,
                        role: role_of(row, 1)?,
                        created_at: moment(row.get(2)?),
                        used_at: row.get::<_, Option<i64>>(3)?.map(moment),
                        has_password: row.get(4)?,
                    })
                })?
                .collect()
        })
    }

    /// Removes an account, and ends its sessions. Returns false if there is none of that name.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn remove(&self, name: &str) -> Result<bool, AccessError> {
        self.ask(|connection| Ok(connection.execute("DELETE FROM accounts WHERE name = ?1", [name])? == 1))
    }
}

fn invited(connection: &Connection, link: &str, now: DateTime<Utc>) -> rusqlite::Result<Option<(i64, String)>> {
    connection
        .query_row(
            "SELECT accounts.id, accounts.name FROM links JOIN accounts ON accounts.id = links.account
             WHERE links.hash = ?1 AND links.expires_at > ?2",
            params![token::hash(link), now.timestamp()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}

impl From<PasswordError> for AccessError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    #[test]
    fn a_link_sets_a_password_once_and_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        let old = access.invite("office", Role::Administrator, at(0)).unwrap();
        let link = access.invite("office", Role::Viewer, at(1)).unwrap();
        assert_eq!(access.invited(old.reveal(), at(1)).unwrap(), None, "a new link ends the one before");
        assert_eq!(access.set_password(link.reveal(), "a good password", at(31)).unwrap(), None, "it is too old");
        assert!(access.set_password(link.reveal(), "short", at(2)).is_err());
        assert!(access.knows("office", "a good password").unwrap().is_none());
        assert!(!access.accounts().unwrap()[0].has_password);
        let set = access.set_password(link.reveal(), "a good password", at(2)).unwrap();
        assert_eq!(set.as_deref(), Some("office"));
        assert_eq!(access.set_password(link.reveal(), "another password", at(2)).unwrap(), None, "it was used");
        let caller = access.knows("office", "a good password").unwrap().unwrap();
        assert_eq!((caller.role, caller.kind), (Role::Viewer, CallerKind::Account));
        assert!(access.knows("office", "another password").unwrap().is_none());
        assert!(access.knows("nobody", "a good password").unwrap().is_none());
        assert!(access.remove("office").unwrap() && !access.remove("office").unwrap());
        assert!(access.knows("office", "a good password").unwrap().is_none());
    }

    #[test]
    fn a_password_is_recalled_until_it_or_its_account_changes() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        access.set_account("office", Role::Viewer, "a good password", at(0)).unwrap();
        let recalled = |password: &str| access.still("office", password).unwrap().map(|caller| caller.role);
        assert!(!access.recalls("office", "a good password") && recalled("a good password").is_none());
        assert!(access.learns("office", "a wrong password").unwrap().is_none());
        assert!(!access.recalls("office", "a wrong password"));
        assert!(access.learns("office", "a good password").unwrap().is_some());
        assert!(access.recalls("office", "a good password") && !access.recalls("office", "a wrong password"));
        assert_eq!(recalled("a good password"), Some(Role::Viewer));
        access.invite("office", Role::Operator, at(1)).unwrap();
        assert_eq!(recalled("a good password"), Some(Role::Operator));
        access.set_account("office", Role::Viewer, "another password", at(1)).unwrap();
        assert_eq!((recalled("a good password"), recalled("another password")), (None, None));
        assert!(!access.recalls("office", "a good password"), "it was found to be the one before");
        assert!(access.learns("office", "another password").unwrap().is_some());
        access.remove("office").unwrap();
        assert_eq!(recalled("another password"), None);
    }

    #[test]
    fn the_file_has_neither_passwords_nor_links() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(dir.path()).unwrap();
        let link = access.invite("office", Role::Viewer, at(0)).unwrap();
        access.set_account("gatehouse", Role::Operator, "a good password", at(0)).unwrap();
        drop(access);
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let has = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!has("a good password") && !has(&link.reveal()[4..20]));
        }
    }
}
