//! User records as bytes: one function per layout and direction.

use alloc::string::ToString;

use bytes::{BufMut, Bytes, BytesMut};
use nom::bytes::complete::take;
use nom::number::complete::{le_u8, le_u16, le_u32};
use nom::{IResult, Parser};

use super::{AccessZones, Privilege, User, UserPassword};
use crate::ids::up_to_nul;
use crate::{ProtoError, Uid, UserId};

/// The width of a terminal's user records, which decides what they hold.
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

    /// Size of a record in bytes.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::TwentyEight => 28,
            Self::SeventyTwo => 72,
            Self::HundredTwenty => 120,
        }
    }

    /// Size of a name in bytes. The last byte of a wide field stays NUL: names of 24 bytes without one occur, but not
    /// every reader expects them.
    #[must_use]
    pub const fn name_room(self) -> usize {
        match self {
            Self::TwentyEight => 8,
            Self::SeventyTwo | Self::HundredTwenty => 23,
        }
    }
}

pub(super) fn twenty_eight(input: &[u8]) -> IResult<&[u8], User> {
    let (input, (uid, privilege, password, name)) = (le_u16, le_u8, take(5usize), take(8usize)).parse(input)?;
    // Libraries read 32 bits and treat the fifth byte as padding. Read as one number, both give the same card.
    let (input, (card, card_high, group, zones, user_id)) = (le_u32, le_u8, le_u8, le_u16, le_u32).parse(input)?;
    Ok((
        input,
        User {
            uid: Uid(uid),
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

pub(super) fn seventy_two(input: &[u8]) -> IResult<&[u8], User> {
    let (input, (uid, privilege, password, name)) = (le_u16, le_u8, take(8usize), take(24usize)).parse(input)?;
    let (input, (card, group, flag, zone1, zone2, zone3)) =
        (le_u32, le_u8, le_u16, le_u16, le_u16, le_u16).parse(input)?;
    // Some libraries read these seven bytes as the group in text form; their "1" would be the flag of zones nobody
    // set.
    let (input, user_id) = take(24usize)(input)?;
    Ok((
        input,
        User {
            uid: Uid(uid),
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

pub(super) fn hundred_twenty(input: &[u8]) -> IResult<&[u8], User> {
    let (input, (uid, privilege, _credentials)) = (le_u16, le_u8, take(32usize)).parse(input)?;
    let (input, (first, last, user_id)) = (take(24usize), take(37usize), take(24usize)).parse(input)?;
    Ok((
        input,
        User {
            uid: Uid(uid),
            privilege: Privilege(privilege),
            name: owned(first),
            last_name: owned(last),
            user_id: UserId::from_field(user_id),
            ..User::default()
        },
    ))
}

impl User {
    /// Returns the part of `raw` from `start` on, as the base over which a field of `N` bytes is written.
    fn base<const N: usize>(&self, layout: UserLayout, start: usize) -> [u8; N] {
        let whole = if self.raw.len() == layout.width() { &self.raw[..] } else { &[] };
        whole.get(start..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }

    pub(super) fn encode_twenty_eight(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
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
        out.put_u16_le(self.uid.0);
        out.put_u8(self.privilege.0);
        out.put_slice(&password);
        out.put_slice(&name);
        out.put_uint_le(self.card, 5);
        out.put_u8(self.group);
        out.put_u16_le(zones);
        out.put_u32_le(user_id);
        Ok(())
    }

    pub(super) fn encode_seventy_two(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        const LAYOUT: UserLayout = UserLayout::SeventyTwo;
        let (flag, zones) = match self.zones {
            AccessZones::Group => (0, [0; 3]),
            AccessZones::Listed { flag, zones } => (flag, zones),
            AccessZones::Bits(_) => return Err(ProtoError::Invalid { what: "access zones, a list here" }),
        };
        let password = fill_text(self.base::<8>(LAYOUT, 3), self.password.as_bytes(), "password")?;
        let name = fill_text(self.base::<24>(LAYOUT, 11), &self.name, "name")?;
        let user_id = fill_text(self.base::<24>(LAYOUT, 48), &self.user_id.to_bytes(), "user id")?;
        let card = u32::try_from(self.card).map_err(|_| ProtoError::Invalid { what: "card number" })?;
        out.put_u16_le(self.uid.0);
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

fn owned(field: &[u8]) -> Bytes {
    Bytes::copy_from_slice(up_to_nul(field))
}

/// Writes a text over a field. A field that has the text already keeps the garbage after its NUL, so that a record
/// that is read and written again stays the same.
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
}
