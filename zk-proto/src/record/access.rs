//! Access rules: groups, users' own zones, and combinations of groups that open the door together.
//!
//! A terminal opens the door if the person is verified, one of the user's or the group's zones is open, and an unlock
//! combination is complete.

use bytes::{Buf, BufMut, BytesMut};

use super::VerifyStyle;
use crate::ProtoError;

/// Size of a group, of a user's zones as read, and of an unlock combination.
const RECORD: usize = 8;
/// The flag of a group to which holidays apply.
const HOLIDAYS: u8 = 0x80;

fn truncated(what: &'static str, have: usize) -> ProtoError {
    ProtoError::Truncated { what, need: RECORD, have }
}

/// A group of users: the times at which they may enter, and the ways in which they may prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AccessGroup {
    /// Number of the group: 1-5 on black-and-white terminals, 1-100 on others.
    pub number: u8,
    /// Numbers of [`WeeklyZone`](super::WeeklyZone)s, 0 for none.
    pub zones: [u16; 3],
    /// The ways in which members may prove who they are.
    pub style: VerifyStyle,
    /// Holidays apply to them.
    pub holidays: bool,
}

impl AccessGroup {
    /// Reads the answer to command 25. Source: `vectors/packets_replies.json`, captured.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] below 8 bytes.
    pub fn parse(mut data: &[u8]) -> Result<Self, ProtoError> {
        if data.len() < RECORD {
            return Err(truncated("access group", data.len()));
        }
        let number = data.get_u8();
        let zones = [data.get_u16_le(), data.get_u16_le(), data.get_u16_le()];
        let bits = data.get_u8();
        Ok(Self { number, zones, style: VerifyStyle(bits & !HOLIDAYS), holidays: bits & HOLIDAYS != 0 })
    }

    /// Appends the data of command 26, which have the form of the answer.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if the style has more than 7 bits.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        if self.style.0 & HOLIDAYS != 0 {
            return Err(ProtoError::Invalid { what: "verify style" });
        }
        out.put_u8(self.number);
        self.zones.into_iter().for_each(|zone| out.put_u16_le(zone));
        out.put_u8(self.style.0 | if self.holidays { HOLIDAYS } else { 0 });
        Ok(())
    }
}

/// The times at which a user may enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserZones {
    /// The zones are the user's own; otherwise those of the group apply.
    pub own: bool,
    /// Numbers of [`WeeklyZone`](super::WeeklyZone)s, 0 for none.
    pub zones: [u16; 3],
}

impl UserZones {
    /// Reads the answer to command 23, where a flag of 1 means the *group's* zones.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] below 8 bytes.
    pub fn parse(mut data: &[u8]) -> Result<Self, ProtoError> {
        if data.len() < RECORD {
            return Err(truncated("access zones of a user", data.len()));
        }
        let own = data.get_u16_le() != 1;
        Ok(Self { own, zones: [data.get_u16_le(), data.get_u16_le(), data.get_u16_le()] })
    }

    /// Appends the data of command 24 that follow the uid. There a flag of 1 means the user's *own* zones.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u32_le(self.own.into());
        self.zones.into_iter().for_each(|zone| out.put_u32_le(zone.into()));
    }
}

/// Groups whose members open the door together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UnlockCombination {
    /// Number of the combination, 1-10.
    pub number: u8,
    /// The groups, one for each person needed, 0 for none.
    pub groups: [u8; 5],
    /// Number of people needed.
    pub people: u16,
}

impl UnlockCombination {
    /// Reads the answer to command 29. Source: `vectors/packets_replies.json`, captured. Black-and-white terminals
    /// answer with a text of unknown form.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] below 8 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, ProtoError> {
        let [number, groups @ .., low, high] =
            data.first_chunk::<RECORD>().ok_or(truncated("unlock combination", data.len()))?;
        Ok(Self { number: *number, groups: *groups, people: u16::from_le_bytes([*low, *high]) })
    }

    /// Appends the data of command 30, which have the form of the answer.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(self.number);
        out.put_slice(&self.groups);
        out.put_u16_le(self.people);
    }
}
