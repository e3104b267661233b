//! Users: written and deleted by commands.

use super::{Builder, Command, CommandError, checked_user_id};
use crate::Dialect;

/// A user to write. On the tested terminals a field that is left out keeps its value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserUpdate<'a> {
    /// The user id.
    pub user_id: &'a str,
    /// The name. It has no tab, CR or LF: there is no way to escape them.
    pub name: Option<&'a str>,
    /// The privilege: 0 user, 14 administrator.
    pub privilege: Option<u8>,
    /// The password.
    pub password: Option<&'a str>,
    /// The card number, in decimal digits.
    pub card: Option<&'a str>,
    /// The group.
    pub group: Option<&'a str>,
}

impl std::fmt::Debug for UserUpdate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserUpdate").field("user_id", &self.user_id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Command {
    /// Writes a user. The dialects spell the keys differently, and a wrong spelling creates a row without an id.
    ///
    /// # Errors
    /// [`CommandError`]: a value that would be another field or command.
    pub fn update_user(dialect: Dialect, user: &UserUpdate<'_>) -> Result<Self, CommandError> {
        let user_id = checked_user_id(user.user_id)?;
        let privilege = user.privilege.map(|privilege| privilege.to_string());
        let (start, keys) = match dialect {
            Dialect::Attendance => ("DATA UPDATE USERINFO", ["PIN", "Name", "Pri", "Passwd", "Card", "Grp"]),
            Dialect::Access => ("DATA UPDATE user", ["Pin", "Name", "Privilege", "Password", "CardNo", "Group"]),
        };
        let values = [Some(user_id), user.name, privilege.as_deref(), user.password, user.card, user.group];
        let fields = keys.into_iter().zip(values);
        fields.into_iter().try_fold(Builder::new(start), |built, (key, value)| built.optional(key, value))?.build()
    }

    /// Deletes a user, and at attendance terminals the templates and photos too.
    ///
    /// # Errors
    /// [`CommandError`]: a user id that is none, `*` included.
    pub fn delete_user(dialect: Dialect, user_id: &str) -> Result<Self, CommandError> {
        let (start, key) = match dialect {
            Dialect::Attendance => ("DATA DELETE USERINFO", "PIN"),
            Dialect::Access => ("DATA DELETE user", "Pin"),
        };
        Builder::new(start).field(key, checked_user_id(user_id)?)?.build()
    }

    /// Deletes what an access control terminal has of a user besides the row: permissions and fingerprints. Send these
    /// before [`Command::delete_user`]; a terminal for attendance deletes them by itself, and needs none.
    ///
    /// # Errors
    /// [`CommandError`]: a user id that is none, `*` included.
    pub fn delete_parts_of_user(dialect: Dialect, user_id: &str) -> Result<Vec<Self>, CommandError> {
        let user_id = checked_user_id(user_id)?;
        if dialect == Dialect::Attendance {
            return Ok(Vec::new());
        }
        let tables = ["DATA DELETE userauthorize", "DATA DELETE templatev10"];
        tables.into_iter().map(|start| Builder::new(start).field("Pin", user_id)?.build()).collect()
    }

    /// Asks for one user, or for all.
    ///
    /// # Errors
    /// [`CommandError`]: a user id that is none.
    pub fn query_users(dialect: Dialect, user_id: Option<&str>) -> Result<Self, CommandError> {
        let user_id = user_id.map(checked_user_id).transpose()?;
        match dialect {
            Dialect::Attendance => Builder::new("DATA QUERY USERINFO").optional("PIN", user_id)?.build(),
            Dialect::Access => {
                let filter = user_id.map_or("*".into(), |user_id| format!("Pin={user_id}"));
                Self::new(format!("DATA QUERY tablename=user,fielddesc=*,filter={filter}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_be_another_field_or_command() {
        for name in ["Eve\nC:9:REBOOT", "Eve\tPri=14", "Eve\r", "Eve\0", "Eve\u{85}"] {
            let user = UserUpdate { user_id: "1", name: Some(name), ..UserUpdate::default() };
            let refused = Command::update_user(Dialect::Attendance, &user);
            assert_eq!(refused, Err(CommandError::ControlCharacter { what: "Name" }), "{name:?}");
        }
        for user_id in ["", "*", "1 2", "1\t", "1=2", &"9".repeat(25)] {
            assert!(Command::delete_user(Dialect::Access, user_id).is_err(), "{user_id:?}");
        }
    }

    #[test]
    fn no_deletion_of_a_user_by_another_key_can_be_queued() {
        for text in [
            "DATA DELETE user uid=5",
            "DATA DELETE user *",
            "DATA DELETE user",
            "DATA DELETE user Pin=*",
            "DATA DELETE  user uid=5",
            "DATA DELETE User uid=5\tPin=1",
        ] {
            assert_eq!(Command::new(text), Err(CommandError::DeletesAll), "{text}");
        }
        assert!(Command::new("DATA DELETE user Pin=5").is_ok());
    }

    #[test]
    fn what_belongs_to_a_user_is_deleted_by_the_user_id_alone() {
        let parts = Command::delete_parts_of_user(Dialect::Access, "5").unwrap();
        let texts: Vec<&str> = parts.iter().map(Command::as_str).collect();
        assert_eq!(texts, ["DATA DELETE userauthorize Pin=5", "DATA DELETE templatev10 Pin=5"]);
        assert_eq!(Command::delete_parts_of_user(Dialect::Attendance, "5"), Ok(vec![]));
        assert!(Command::delete_parts_of_user(Dialect::Access, "*").is_err());
    }

    #[test]
    fn a_password_is_never_printed() {
        let user = UserUpdate { user_id: "1", password: Some("hunter2"), ..UserUpdate::default() };
        let command = Command::update_user(Dialect::Access, &user).unwrap();
        assert!(!format!("{user:?} {command:?}").contains("hunter2"));
    }
}
