//! A user in lists and files.

use serde::{Deserialize, Serialize};
use zk_proto::Uid;
use zk_proto::client::UserEdit;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{Privilege, User, UserPassword};

use crate::output::printable;

/// Privileges that have a name; the others are numbers.
const PRIVILEGES: [(Privilege, &str); 4] =
    [(Privilege::USER, "user"), (Privilege(2), "enroller"), (Privilege(6), "manager"), (Privilege::ADMIN, "admin")];

/// A user as it is shown and written to files.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    user_id: String,
    name: String,
    privilege: String,
    card: u64,
    group: u8,
    slot: u16,
    /// Only if passwords were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip)]
    has_password: bool,
}

/// A user of a file. Fields that it does not have stay as they are at the terminal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    user_id: String,
    name: Option<String>,
    privilege: Option<String>,
    card: Option<u64>,
    group: Option<u8>,
    slot: Option<u16>,
    password: Option<String>,
}

impl Row {
    /// The heading of a table.
    pub(super) const HEADER: [&'static str; 7] = ["user id", "name", "privilege", "card", "group", "password", "slot"];

    pub(super) fn of(user: &User, encoding: TextEncoding, with_password: bool) -> Self {
        let password = String::from_utf8_lossy(user.password.as_bytes());
        let name = [user.name_text(encoding), encoding.decode(&user.last_name)].join(" ");
        Self {
            user_id: user.user_id.as_str().to_owned(),
            name: name.trim_end().to_owned(),
            privilege: shown(user.privilege),
            card: user.card,
            group: user.group,
            slot: user.uid.0,
            has_password: !password.is_empty(),
            password: with_password.then(|| password.into_owned()),
        }
    }

    /// The cells of a table. A password is only said to be there, unless passwords were asked for.
    pub(super) fn cells(&self) -> Vec<String> {
        let set = if self.has_password { "set" } else { "" };
        vec![
            printable(&self.user_id),
            printable(&self.name),
            self.privilege.clone(),
            if self.card == 0 { String::new() } else { self.card.to_string() },
            self.group.to_string(),
            self.password.as_deref().map_or_else(|| set.to_owned(), printable),
            self.slot.to_string(),
        ]
    }
}

impl Listed {
    /// The change that the row asks for.
    ///
    /// # Errors
    /// The reason why the row means nothing.
    pub(super) fn edit(self) -> Result<UserEdit, String> {
        if self.user_id.is_empty() {
            return Err("a row has no user_id".to_owned());
        }
        let privilege = self.privilege.as_deref().map(privilege).transpose();
        Ok(UserEdit {
            uid: self.slot.map(Uid),
            name: self.name,
            password: self.password.as_deref().map(UserPassword::new),
            privilege: privilege.map_err(|error| format!("user {}: {error}", self.user_id))?,
            card: self.card,
            group: self.group,
            ..UserEdit::new(self.user_id)
        })
    }
}

fn shown(privilege: Privilege) -> String {
    let named = PRIVILEGES.iter().find(|(known, _)| *known == privilege);
    named.map_or_else(|| privilege.0.to_string(), |(_, name)| (*name).to_owned())
}

/// Reads the name or the number of a privilege.
pub(super) fn privilege(text: &str) -> Result<Privilege, String> {
    let named = PRIVILEGES.iter().find(|(_, name)| *name == text).map(|(privilege, _)| *privilege);
    named
        .or_else(|| text.parse().ok().map(Privilege))
        .ok_or_else(|| format!("{text:?} is no privilege: write user, enroller, manager, admin, or a number up to 255"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privilege_is_read_as_it_is_shown() {
        for number in 0..=u8::MAX {
            assert_eq!(privilege(&shown(Privilege(number))), Ok(Privilege(number)));
        }
        for text in ["", "Admin", "256", "-1"] {
            assert!(privilege(text).is_err(), "{text}");
        }
    }
}
