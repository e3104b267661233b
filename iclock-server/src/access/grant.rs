//! Tokens that programs get for the name and password of an account, where a person cannot give them one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension as _, params};

use super::token::{self, Secret};
use super::{Access, AccessError, Caller, CallerKind, role_of};

/// A token in the form of a JSON Web Token ends after this time.
pub const JWT_LASTS: TimeDelta = TimeDelta::days(7);
/// The last use is written so often at most, in seconds.
const NOTED_EVERY: i64 = 60;
/// Tokens of an account and a form at the same time. The one that was unused for longest ends for another one.
const MOST: i64 = 256;

/// The form of a token that is given for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantForm {
    /// 40 digits of base 16. It holds until the password changes.
    Plain,
    /// Three parts with dots between them, of which the second tells when it ends.
    Jwt,
}

impl Access {
    /// Gives a token to a program that knows the password of an account. It ends with the password, too.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn grant(&self, account: &str, form: GrantForm, now: DateTime<Utc>) -> Result<Secret, AccessError> {
        let (token, expires_at) = match form {
            GrantForm::Plain => (Secret::short(), None),
            GrantForm::Jwt => (jwt(account, now), Some((now + JWT_LASTS).timestamp())),
        };
        self.change(|change| {
            change.execute("DELETE FROM grants WHERE expires_at <= ?1", [now.timestamp()])?;
            change.execute("UPDATE accounts SET used_at = ?2 WHERE name = ?1", (account, now.timestamp()))?;
            change.execute(
                "INSERT INTO grants (hash, account, used_at, expires_at)
                 SELECT ?1, id, ?3, ?4 FROM accounts WHERE name = ?2",
                params![token::hash(token.reveal()), account, now.timestamp(), expires_at],
            )?;
            change.execute(
                "DELETE FROM grants WHERE rowid IN (
                     SELECT rowid FROM grants WHERE account = (SELECT id FROM accounts WHERE name = ?1)
                     AND (expires_at IS NULL) = ?2 ORDER BY used_at DESC, rowid DESC LIMIT -1 OFFSET ?3)",
                (account, expires_at.is_none(), MOST),
            )?;
            Ok(())
        })?;
        Ok(token)
    }

    /// Returns whose token this is; `None` if it was not given for a password, or has ended.
    ///
    /// # Errors
    /// [`AccessError::File`].
    pub fn granted(&self, sent: &str, now: DateTime<Utc>) -> Result<Option<Caller>, AccessError> {
        let (hash, now) = (token::hash(sent), now.timestamp());
        self.ask(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT accounts.name, accounts.role, grants.used_at
                     FROM grants JOIN accounts ON accounts.id = grants.account
                     WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
                )?
                .query_row((hash, now), |row| Ok((row.get::<_, String>(0)?, role_of(row, 1)?, row.get::<_, i64>(2)?)))
                .optional()?;
            let Some((name, role, used_at)) = found else { return Ok(None) };
            if (now - used_at).abs() >= NOTED_EVERY {
                // On a full disk the caller still is who they are.
                let noted = connection.execute("UPDATE grants SET used_at = ?2 WHERE hash = ?1", (hash, now));
                if let Err(error) = noted {
                    tracing::debug!(%error, "the use of a token was not noted");
                }
            }
            Ok(Some(Caller { name, role, kind: CallerKind::Account }))
        })
    }
}

/// A token that tells its reader when it ends. Its last part is random: it is looked up as a whole, and nobody but this
/// server has to know if it is right.
fn jwt(account: &str, now: DateTime<Utc>) -> Secret {
    let claims = serde_json::json!({
        "username": account, "orig_iat": now.timestamp(), "exp": (now + JWT_LASTS).timestamp(),
    });
    let parts = [r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(), claims.to_string()];
    let [head, claims] = parts.map(|part| URL_SAFE_NO_PAD.encode(part));
    Secret::of(format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(token::bytes::<32>())))
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + hours * 3_600, 0).unwrap()
    }

    fn access(dir: &tempfile::TempDir) -> Access {
        let access = Access::open(dir.path()).unwrap();
        access.set_account("office", Role::Viewer, "a good password", at(0)).unwrap();
        access
    }

    #[test]
    fn a_plain_token_holds_until_the_password_changes_and_a_jwt_for_a_week() {
        let dir = tempfile::tempdir().unwrap();
        let access = access(&dir);
        let plain = access.grant("office", GrantForm::Plain, at(0)).unwrap();
        let jwt = access.grant("office", GrantForm::Jwt, at(0)).unwrap();
        let holds = |token: &Secret, hours| access.granted(token.reveal(), at(hours)).unwrap().is_some();
        assert!(holds(&plain, 100_000) && holds(&jwt, 7 * 24 - 1) && !holds(&jwt, 7 * 24));
        let caller = access.granted(plain.reveal(), at(1)).unwrap().unwrap();
        assert_eq!((caller.to_string(), caller.role), ("account office".to_owned(), Role::Viewer));
        // It follows the account.
        access.invite("office", Role::Metrics, at(1)).unwrap();
        assert_eq!(access.granted(plain.reveal(), at(1)).unwrap().unwrap().role, Role::Metrics);
        let link = access.invite("office", Role::Viewer, at(1)).unwrap();
        access.set_password(link.reveal(), "another password", at(1)).unwrap();
        assert!(!holds(&plain, 1) && !holds(&jwt, 1));
        let plain = access.grant("office", GrantForm::Plain, at(2)).unwrap();
        access.set_account("office", Role::Viewer, "one more password", at(2)).unwrap();
        assert!(!holds(&plain, 2));
        let plain = access.grant("office", GrantForm::Plain, at(2)).unwrap();
        assert!(holds(&plain, 2) && access.remove("office").unwrap() && !holds(&plain, 2));
        let of_nobody = access.grant("office", GrantForm::Plain, at(3)).unwrap();
        assert!(!holds(&of_nobody, 3), "there is no such account");
    }

    #[test]
    fn a_jwt_tells_when_it_ends_and_no_other_with_its_claims_holds() {
        let dir = tempfile::tempdir().unwrap();
        let access = access(&dir);
        let jwt = access.grant("office", GrantForm::Jwt, at(0)).unwrap();
        let parts: Vec<&str> = jwt.reveal().split('.').collect();
        let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((parts.len(), &claims["exp"]), (3, &at(7 * 24).timestamp().into()));
        for other in [format!("{}.{}.", parts[0], parts[1]), format!("{}.{}.AAAA", parts[0], parts[1]), String::new()] {
            assert!(access.granted(&other, at(0)).unwrap().is_none(), "{other}");
        }
        let plain = access.grant("office", GrantForm::Plain, at(0)).unwrap();
        assert!(plain.reveal().len() == 40 && plain.reveal().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn tokens_that_are_not_used_make_room_and_those_in_use_stay() {
        let dir = tempfile::tempdir().unwrap();
        let access = access(&dir);
        let jwt = access.grant("office", GrantForm::Jwt, at(0)).unwrap();
        let used = access.grant("office", GrantForm::Plain, at(0)).unwrap();
        let unused = access.grant("office", GrantForm::Plain, at(0)).unwrap();
        for minute in 1..=256 {
            let now = at(0) + TimeDelta::minutes(minute);
            access.grant("office", GrantForm::Plain, now).unwrap();
            assert!(access.granted(used.reveal(), now).unwrap().is_some(), "{minute}");
        }
        assert!(access.granted(unused.reveal(), at(1)).unwrap().is_none());
        assert!(access.granted(jwt.reveal(), at(1)).unwrap().is_some(), "each form has its own room");
        let rows: i64 = access.ask(|all| all.query_row("SELECT count(*) FROM grants", (), |row| row.get(0))).unwrap();
        assert!(rows <= 257, "{rows}");
    }

    #[test]
    fn the_file_has_no_token() {
        let dir = tempfile::tempdir().unwrap();
        let access = access(&dir);
        let forms = [GrantForm::Plain, GrantForm::Jwt];
        let tokens = forms.map(|form| access.grant("office", form, at(0)).unwrap());
        drop(access);
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for token in &tokens {
                let end = &token.reveal().as_bytes()[token.reveal().len() - 20..];
                assert!(!bytes.windows(end.len()).any(|window| window == end));
            }
        }
    }
}
