//! A user to be created.

use alloc::string::{String, ToString};

use bytes::Bytes;

use super::{AccessZones, Privilege, User, UserLayout, UserPassword};
use crate::encoding::TextEncoding;
use crate::{ProtoError, Uid, UserId};

/// The slots that a user can have. No implementation uses 65535.
pub const UIDS: core::ops::RangeInclusive<u16> = 1..=65_534;

/// A user to be created: an id, and optional fields.
///
/// The user is in group 1 and may enter when the group may. Some clients write the group as text where the record has
/// the flag of time zones. Such users are rejected with "invalid time period".
///
/// # Example
/// The request that creates a user, without a client. [`Client::edit_users`](crate::client::Users) makes the other
/// requests around it.
/// ```
/// use bytes::BytesMut;
/// use zk_proto::encoding::TextEncoding;
/// use zk_proto::op::{Operation, WriteUser};
/// use zk_proto::record::{NewUser, UserLayout};
/// use zk_proto::{Command, Uid};
///
/// let layout = UserLayout::SeventyTwo;
/// let user = NewUser::new("20").name("Visitor").password("1234").card(7_654_321);
/// let write = WriteUser::new(layout, &user.in_slot(Uid(20), layout, TextEncoding::UTF_8)?)?;
/// let mut request = BytesMut::new();
/// write.encode(&mut request);
/// assert_eq!((WriteUser::COMMAND, request.len()), (Command::USER_WRQ, 72));
/// assert_eq!(request[..7], *b"\x14\0\x001234");
/// # Ok::<(), zk_proto::ProtoError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The slot; if none is set, the next free one.
    pub uid: Option<Uid>,
    /// The id that the person keys in; a number on terminals with 28-byte records.
    pub user_id: UserId,
    /// The name, cut between characters to fit the record. May be empty.
    pub name: String,
    /// The password; empty for none. At most 8 bytes, 5 in 28-byte records.
    pub password: UserPassword,
    /// The privilege.
    pub privilege: Privilege,
    /// Card number, 0 for none.
    pub card: u64,
    /// Access group.
    pub group: u8,
    /// The access zones.
    pub zones: AccessZones,
}

impl NewUser {
    /// Creates an ordinary user without name, password and card.
    #[must_use]
    pub fn new(user_id: impl Into<String>) -> Self {
        Self {
            uid: None,
            user_id: UserId(user_id.into()),
            name: String::new(),
            password: UserPassword::default(),
            privilege: Privilege::USER,
            card: 0,
            group: 1,
            zones: AccessZones::Group,
        }
    }

    /// Sets the slot.
    #[must_use]
    pub fn uid(self, uid: Uid) -> Self {
        Self { uid: Some(uid), ..self }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets the password.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        Self { password: UserPassword::new(password), ..self }
    }

    /// Sets the privilege.
    #[must_use]
    pub fn privilege(self, privilege: Privilege) -> Self {
        Self { privilege, ..self }
    }

    /// Sets the card number.
    #[must_use]
    pub fn card(self, card: u64) -> Self {
        Self { card, ..self }
    }

    /// Sets the access group.
    #[must_use]
    pub fn group(self, group: u8) -> Self {
        Self { group, ..self }
    }

    /// Returns the user in a slot of a terminal with this layout and code page.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if the layout cannot hold the slot or the id, or a character of the name is missing in
    /// the code page.
    pub fn in_slot(&self, uid: Uid, layout: UserLayout, encoding: TextEncoding) -> Result<User, ProtoError> {
        if !UIDS.contains(&uid.0) {
            return Err(ProtoError::Invalid { what: "uid" });
        }
        check_user_id(layout, &self.user_id)?;
        let mut user = User {
            uid,
            privilege: self.privilege,
            password: self.password.clone(),
            card: self.card,
            group: self.group,
            zones: self.zones,
            user_id: self.user_id.clone(),
            ..User::default()
        };
        user.set_name(&self.name, layout, encoding)?;
        Ok(user)
    }
}

impl User {
    /// Sets the name, or the first name, in the terminal's code page, cut between characters to fit the record.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if it has control characters, or characters that are missing in the code page.
    pub fn set_name(&mut self, name: &str, layout: UserLayout, encoding: TextEncoding) -> Result<(), ProtoError> {
        let bytes = encoding.encode(name, layout.name_room());
        let bytes =
            bytes.filter(|bytes| bytes.iter().all(|byte| *byte >= b' ')).ok_or(ProtoError::Invalid { what: "name" })?;
        self.name = Bytes::from(bytes);
        Ok(())
    }
}

/// Checks that the layout holds the id so that it reads back as the same.
pub(crate) fn check_user_id(layout: UserLayout, user_id: &UserId) -> Result<(), ProtoError> {
    let id = user_id.as_str();
    let fits = match layout {
        // A number would lose leading zeros or a sign.
        UserLayout::TwentyEight => id.len() <= 9 && id.parse::<u32>().is_ok_and(|number| number.to_string() == id),
        UserLayout::SeventyTwo | UserLayout::HundredTwenty => {
            (1..=24).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        }
    };
    if fits { Ok(()) } else { Err(ProtoError::Invalid { what: "user id" }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_28_byte_terminal_gets_ids_that_read_back_as_they_were() {
        let fits = |id: &str| check_user_id(UserLayout::TwentyEight, &UserId(id.into())).is_ok();
        assert!(fits("42") && fits("999999999"));
        for id in ["", "A7", "007", "+7", "4294967296", " 7"] {
            assert!(!fits(id), "{id:?}");
        }
        assert!(check_user_id(UserLayout::SeventyTwo, &UserId("007-A".into())).is_ok());
    }

    #[test]
    fn a_name_is_cut_between_characters_to_the_room_of_the_record() {
        let long = "ééééééééééééé";
        for (layout, bytes) in [(UserLayout::SeventyTwo, 22), (UserLayout::TwentyEight, 8)] {
            let user = NewUser::new("7").name(long).in_slot(Uid(7), layout, TextEncoding::UTF_8).unwrap();
            assert_eq!(user.name.len(), bytes);
            assert!(long.starts_with(&user.name_text(TextEncoding::UTF_8)));
        }
    }

    #[test]
    fn a_slot_outside_the_table_is_refused() {
        for uid in [0, 65_535] {
            assert!(NewUser::new("7").in_slot(Uid(uid), UserLayout::SeventyTwo, TextEncoding::UTF_8).is_err());
        }
    }
}
