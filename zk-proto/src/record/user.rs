//! User records: 72 bytes on most terminals, 28 on old ones, 120 on one family.

use alloc::string::{String, ToString};
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use nom::bytes::complete::take;
use nom::number::complete::{le_u8, le_u16, le_u32};
use nom::{IResult, Parser};

use crate::encoding::TextEncoding;
use crate::ids::up_to_nul;
use crate::{ProtoError, Uid, UserId};

/// How wide a terminal's user records are, and so what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UserLayout {
    /// 28 bytes: black-and-white terminals, numeric user ids.
    TwentyEight,
    /// 72 bytes: terminals with a colour screen.
    SeventyTwo,
    /// 120 bytes: NGTeco MB1 (one source); read only, since most of it is unknown.
    HundredTwenty,
}

impl UserLayout {
    /// Every known layout.
    pub const ALL: [Self; 3] = [Self::TwentyEight, Self::SeventyTwo, Self::HundredTwenty];

    /// Bytes of one record.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::TwentyEight => 28,
            Self::SeventyTwo => 72,
            Self::HundredTwenty => 120,
        }
    }

    /// Bytes of a name. The last byte of a wide field stays NUL: 24 bytes without one occur, but not every reader expects them.
    #[must_use]
    pub const fn name_room(self) -> usize {
        match self {
            Self::TwentyEight => 8,
            Self::SeventyTwo | Self::HundredTwenty => 23,
        }
    }
}

/// What a user may do at the terminal: the byte as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Privilege(pub u8);

impl Privilege {
    /// A common user.
    pub const USER: Self = Self(0);
    /// A super administrator.
    pub const ADMIN: Self = Self(14);

    /// Bit 0: the user cannot enter.
    #[must_use]
    pub fn is_disabled(self) -> bool {
        self.0 & 1 != 0
    }

    /// Bits 1-3: 0 common, 1 enroller, 3 and above manager.
    #[must_use]
    pub fn level(self) -> u8 {
        (self.0 >> 1) & 7
    }
}

/// A user's password at the terminal. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserPassword(Bytes);

impl UserPassword {
    /// A password from its text (digits, on every known terminal).
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

/// When a user may enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessZones {
    /// As the user's group.
    #[default]
    Group,
    /// 72-byte records: the flag as stored (1: the user's own zones, 0: the group's) and three zone numbers, 0 for none.
    Listed {
        /// 1 when the zones hold.
        flag: u16,
        /// Zone numbers.
        zones: [u16; 3],
    },
    /// 28-byte records: a bit field whose meaning no public source gives.
    Bits(u16),
}

/// A row of a terminal's user table.
///
/// Texts are kept as the bytes that came, up to the first NUL; [`User::name_text`] decodes a name by the terminal's code page.
/// Source: `vectors/users.json`, `vectors/users_encode.json`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The slot; 0 in an unused one.
    pub uid: u16,
    /// What the user may do.
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
    /// When the user may enter.
    pub zones: AccessZones,
    /// What the person keys in: text; a decimal number in 28-byte records.
    pub user_id: UserId,
    /// The record as it came; empty for a new user. Writing keeps what this type does not name.
    pub raw: Bytes,
}

impl fmt::Debug for User {
    /// Without the raw bytes, which hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("uid", &self.uid)
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
    /// [`ProtoError::Truncated`] when `raw` is shorter than the layout.
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

    /// Appends the record. Bytes that this type does not name are those of `raw` where it has the layout's width, else 0.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a field does not fit the layout, or the layout is not known well enough to be written.
    pub fn encode(&self, layout: UserLayout, out: &mut BytesMut) -> Result<(), ProtoError> {
        match layout {
            UserLayout::TwentyEight => self.encode_twenty_eight(out),
            UserLayout::SeventyTwo => self.encode_seventy_two(out),
            UserLayout::HundredTwenty => Err(ProtoError::Invalid { what: "user layout for writing" }),
        }
    }

    /// The uid as the type that names people at this terminal.
    #[must_use]
    pub fn slot(&self) -> Uid {
        Uid(self.uid)
    }

    /// Whether the row is an unused or deleted slot.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.uid == 0 || self.user_id.0.is_empty()
    }

    /// The name, or first name, decoded.
    #[must_use]
    pub fn name_text(&self, encoding: TextEncoding) -> String {
        encoding.decode(&self.name)
    }

    /// The part of `raw` from `start` on, as a base to write a field of `N` bytes over.
    fn base<const N: usize>(&self, layout: UserLayout, start: usize) -> [u8; N] {
        let whole = if self.raw.len() == layout.width() { &self.raw[..] } else { &[] };
        whole.get(start..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }

    fn encode_twenty_eight(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        const LAYOUT: UserLayout = UserLayout::TwentyEight;
        let user_id: u32 =
            self.user_id.0.parse().map_err(|_| ProtoError::Invalid { what: "user id, a number here" })?;
        let zones = match self.zones {
            AccessZones::Group => 0,
            AccessZones::Bits(bits) => bits,
            AccessZones::Listed { .. } => return Err(ProtoError::Invalid { what: "access zones, a bit field here" }),
        };
        let password = fill_text(self.base::<5>(LAYOUT, 3), self.password.as_bytes(), "password")?;
        let name = fill_text(self.base::<8>(LAYOUT, 8), &self.name, "name")?;
        if self.card >> 40 != 0 {
            return Err(ProtoError::Invalid { what: "card number" });
        }
        out.put_u16_le(self.uid);
        out.put_u8(self.privilege.0);
        out.put_slice(&password);
        out.put_slice(&name);
        out.put_uint_le(self.card, 5);
        out.put_u8(self.group);
        out.put_u16_le(zones);
        out.put_u32_le(user_id);
        Ok(())
    }

    fn encode_seventy_two(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        const LAYOUT: UserLayout = UserLayout::SeventyTwo;
        let (flag, zones) = match self.zones {
            AccessZones::Group => (0, [0; 3]),
            AccessZones::Listed { flag, zones } => (flag, zones),
            AccessZones::Bits(_) => return Err(ProtoError::Invalid { what: "access zones, a list here" }),
        };
        let password = fill_text(self.base::<8>(LAYOUT, 3), self.password.as_bytes(), "password")?;
        let name = fill_text(self.base::<24>(LAYOUT, 11), &self.name, "name")?;
        let user_id = fill_text(self.base::<24>(LAYOUT, 48), self.user_id.0.as_bytes(), "user id")?;
        let card = u32::try_from(self.card).map_err(|_| ProtoError::Invalid { what: "card number" })?;
        out.put_u16_le(self.uid);
        out.put_u8(self.privilege.0);
        out.put_slice(&password);
        out.put_slice(&name);
        out.put_u32_le(card);
        out.put_u8(self.group);
        out.put_u16_le(flag);
        zones.into_iter().for_each(|zone| out.put_u16_le(zone));
        out.put_slice(&user_id);
        Ok(())
    }
}

fn twenty_eight(input: &[u8]) -> IResult<&[u8], User> {
    let (input, (uid, privilege, password, name)) = (le_u16, le_u8, take(5usize), take(8usize)).parse(input)?;
    // Libraries read 32 bits and call the fifth byte padding; as one number both give the same card.
    let (input, (card, card_high, group, zones, user_id)) = (le_u32, le_u8, le_u8, le_u16, le_u32).parse(input)?;
    Ok((
        input,
        User {
            uid,
            privilege: Privilege(privilege),
            password: UserPassword(owned(password)),
            name: owned(name),
            card: u64::from(card) | u64::from(card_high) << 32,
            group,
            zones: AccessZones::Bits(zones),
            user_id: UserId(user_id.to_string()),
            ..User::default()
        },
    ))
}

fn seventy_two(input: &[u8]) -> IResult<&[u8], User> {
    let (input, (uid, privilege, password, name)) = (le_u16, le_u8, take(8usize), take(24usize)).parse(input)?;
    let (input, (card, group, flag, zone1, zone2, zone3)) =
        (le_u32, le_u8, le_u16, le_u16, le_u16, le_u16).parse(input)?;
    // Some libraries take these seven bytes for the group as text; their "1" would be the flag of zones nobody set.
    let (input, user_id) = take(24usize)(input)?;
    Ok((
        input,
        User {
            uid,
            privilege: Privilege(privilege),
            password: UserPassword(owned(password)),
            name: owned(name),
            card: card.into(),
            group,
            zones: AccessZones::Listed { flag, zones: [zone1, zone2, zone3] },
            user_id: UserId::from_field(user_id),
            ..User::default()
        },
    ))
}

fn hundred_twenty(input: &[u8]) -> IResult<&[u8], User> {
    let (input, (uid, privilege, _credentials)) = (le_u16, le_u8, take(32usize)).parse(input)?;
    let (input, (first, last, user_id)) = (take(24usize), take(37usize), take(24usize)).parse(input)?;
    Ok((
        input,
        User {
            uid,
            privilege: Privilege(privilege),
            name: owned(first),
            last_name: owned(last),
            user_id: UserId::from_field(user_id),
            ..User::default()
        },
    ))
}

fn owned(field: &[u8]) -> Bytes {
    Bytes::copy_from_slice(up_to_nul(field))
}

/// Writes a text over a field. A field that has the text already keeps the garbage behind its NUL, so that a record that was
/// read and written again is the same.
fn fill_text<const N: usize>(mut field: [u8; N], text: &[u8], what: &'static str) -> Result<[u8; N], ProtoError> {
    if text.len() > N || text.contains(&0) {
        return Err(ProtoError::Invalid { what });
    }
    if up_to_nul(&field) != text {
        field.fill(0);
        field.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
    }
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert!(fill_text([0; 2], b"abc", "name").is_err());
        assert_eq!(fill_text(*b"a\0x", b"a", "name").unwrap(), *b"a\0x");
        assert_eq!(fill_text(*b"a\0x", b"b", "name").unwrap(), *b"b\0\0");
    }

    #[test]
    fn a_password_is_not_printed() {
        let mut raw = BytesMut::new();
        let user = User { uid: 1, password: UserPassword::new("2468"), user_id: UserId("7".into()), ..User::default() };
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
