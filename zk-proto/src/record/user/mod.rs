//! User records: 72 bytes on most terminals, 28 on old ones, 120 on one family.

mod layout;

use alloc::string::String;
use core::fmt;

use bytes::{Bytes, BytesMut};

use crate::encoding::TextEncoding;
use crate::{ProtoError, Uid, UserId};
use layout::{hundred_twenty, seventy_two, twenty_eight};

pub use layout::UserLayout;

/// A user's rights at the terminal: the byte as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Privilege(pub u8);

impl Privilege {
    /// An ordinary user.
    pub const USER: Self = Self(0);
    /// A super administrator.
    pub const ADMIN: Self = Self(14);

    /// Bit 0: the user cannot enter.
    #[must_use]
    pub fn is_disabled(self) -> bool {
        self.0 & 1 != 0
    }

    /// Bits 1-3: 0 ordinary, 1 enroller, 3 and above manager.
    #[must_use]
    pub fn level(self) -> u8 {
        (self.0 >> 1) & 7
    }
}

/// A user's password at the terminal. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserPassword(Bytes);

impl UserPassword {
    /// Creates a password from its text (digits, on every known terminal).
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The bytes as stored, up to the first NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for UserPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "UserPassword()" } else { "UserPassword(..)" })
    }
}

/// The times at which a user may enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessZones {
    /// The zones of the user's group.
    #[default]
    Group,
    /// 72-byte records: the flag as stored (1: the user's own zones, 0: the group's) and three zone numbers, 0 for
    /// none.
    Listed {
        /// 1 if the zones hold.
        flag: u16,
        /// Zone numbers.
        zones: [u16; 3],
    },
    /// 28-byte records: a bit field whose meaning no public source gives.
    Bits(u16),
}

/// A row of a terminal's user table.
///
/// Texts are kept as the bytes received, up to the first NUL. [`User::name_text`] decodes a name by the terminal's code
/// page.
/// Source: `vectors/users.json`, `vectors/users_encode.json`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The slot; 0 in an unused row.
    pub uid: Uid,
    /// The privilege.
    pub privilege: Privilege,
    /// The password; empty when none is set.
    pub password: UserPassword,
    /// The name, or the first name, in the terminal's code page.
    pub name: Bytes,
    /// The last name; only 120-byte records have one.
    pub last_name: Bytes,
    /// Card number; 0 when none is set. 32 bits, 40 in 28-byte records.
    pub card: u64,
    /// Access group.
    pub group: u8,
    /// The times at which the user may enter.
    pub zones: AccessZones,
    /// The id that the person keys in: text; a decimal number in 28-byte records.
    pub user_id: UserId,
    /// The record as it arrived; empty for a new user. Writing keeps the bytes that this type does not name.
    pub raw: Bytes,
}

impl fmt::Debug for User {
    /// Without the raw bytes, which hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("uid", &self.uid.0)
            .field("privilege", &self.privilege)
            .field("password", &self.password)
            .field("name", &self.name)
            .field("last_name", &self.last_name)
            .field("card", &self.card)
            .field("group", &self.group)
            .field("zones", &self.zones)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Reads one record.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] if `raw` is shorter than the layout.
    pub fn parse(layout: UserLayout, raw: Bytes) -> Result<Self, ProtoError> {
        let parsed = match layout {
            UserLayout::TwentyEight => twenty_eight(&raw),
            UserLayout::SeventyTwo => seventy_two(&raw),
            UserLayout::HundredTwenty => hundred_twenty(&raw),
        };
        let user = parsed.map(|(_, user)| user);
        let truncated = ProtoError::Truncated { what: "user record", need: layout.width(), have: raw.len() };
        user.map(|user| Self { raw: raw.slice(..layout.width().min(raw.len())), ..user }).map_err(|_| truncated)
    }

    /// Appends the record. Bytes that this type does not name are those of `raw` if it has the layout's width, else
    /// 0.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if a field does not fit the layout, or the layout is not known well enough to be
    /// written.
    pub fn encode(&self, layout: UserLayout, out: &mut BytesMut) -> Result<(), ProtoError> {
        match layout {
            UserLayout::TwentyEight => self.encode_twenty_eight(out),
            UserLayout::SeventyTwo => self.encode_seventy_two(out),
            UserLayout::HundredTwenty => Err(ProtoError::Invalid { what: "user layout for writing" }),
        }
    }

    /// Returns true if the row is an unused or deleted slot.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.uid == Uid(0) || self.user_id.0.is_empty()
    }

    /// Returns true if the row is that of a person who has no id: it has a slot, and a name or a card. Such a row is
    /// vacant too, because nothing names the person in the log.
    #[must_use]
    pub fn lacks_id(&self) -> bool {
        self.uid != Uid(0) && self.user_id.0.is_empty() && (!self.name.is_empty() || self.card != 0)
    }

    /// The name, or first name, decoded.
    #[must_use]
    pub fn name_text(&self, encoding: TextEncoding) -> String {
        encoding.decode(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        let mut raw = BytesMut::new();
        let user =
            User { uid: Uid(1), password: UserPassword::new("2468"), user_id: UserId("7".into()), ..User::default() };
        user.encode(UserLayout::SeventyTwo, &mut raw).unwrap();
        let read = User::parse(UserLayout::SeventyTwo, raw.freeze()).unwrap();
        assert_eq!(read.password.as_bytes(), b"2468");
        assert!(!alloc::format!("{user:?} {read:?}").contains("2468"));
    }

    #[test]
    fn a_short_record_is_truncated() {
        for layout in UserLayout::ALL {
            let short = Bytes::from(alloc::vec![0; layout.width() - 1]);
            assert!(matches!(User::parse(layout, short), Err(ProtoError::Truncated { .. })));
        }
    }
}
