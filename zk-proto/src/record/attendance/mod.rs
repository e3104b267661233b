//! One punch as a terminal stores it, in the five layouts of the field.

use alloc::string::ToString;
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{DeviceTime, PunchState, Uid, UserId, VerifyMode};

/// The bytes of a wide record that have a known meaning; what follows them is kept raw.
pub const WIDE_MIN: u16 = 40;
/// The widest record that is considered; the widest ever reported has 49 bytes.
pub const WIDE_MAX: u16 = 512;

/// How a terminal lays out its attendance records. All numbers are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AttendanceLayout {
    /// 8 bytes: uid `u16`, verify mode, time `u32`, punch state. No capture of it is known; one client reads it.
    EightA,
    /// 8 bytes: uid `u16`, flags (bits 0-2 punch state, 3-4 verify mode), zero, time `u32`. Source: captures of a ZEM500.
    EightB,
    /// 16 bytes: user id `u32`, time `u32`, two bytes in [`FieldOrder`], two reserved, work code `u32`.
    Sixteen,
    /// 40 bytes or more: `u16` uid or record number, user id text in 24 bytes, verify mode, time `u32`, punch state, and
    /// reserved bytes to the end of the record. 40 and 49 are known.
    Wide(u16),
}

impl AttendanceLayout {
    /// Bytes of one record.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::EightA | Self::EightB => 8,
            Self::Sixteen => 16,
            Self::Wide(width) => width.max(WIDE_MIN).into(),
        }
    }

    /// Whether records carry a uid alone, so that only the terminal's user table says whose they are.
    #[must_use]
    pub fn needs_users(self) -> bool {
        matches!(self, Self::EightA | Self::EightB)
    }
}

impl fmt::Display for AttendanceLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EightA => f.write_str("8-byte (A)"),
            Self::EightB => f.write_str("8-byte (B)"),
            Self::Sixteen | Self::Wide(_) => write!(f, "{}-byte", self.width()),
        }
    }
}

/// Which of bytes 8 and 9 of a 16-byte record is which. Other layouts do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FieldOrder {
    /// Punch state, then verify mode: as the vendor's manual and captured data have it.
    #[default]
    StateFirst,
    /// Verify mode, then punch state: as some clients read it.
    VerifyFirst,
}

/// Whose punch it is: a record says it in one of two ways.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Who {
    /// What the person keys in.
    UserId(UserId),
    /// A slot of this terminal's user table.
    Uid(Uid),
}

/// A terminal's stored row for a punch, as read: nothing in it is validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendanceRecord {
    /// Whose punch it is.
    pub who: Who,
    /// When, by the terminal's clock. The day may not exist.
    pub time: DeviceTime,
    /// What the person declared.
    pub punch_state: PunchState,
    /// How they proved who they are.
    pub verify_mode: VerifyMode,
    /// The job number keyed in, where the layout has one (16 bytes).
    pub work_code: Option<u32>,
    /// The `u16` at offset 0 of a wide record: a uid or a running record number, by firmware. Never an identity.
    pub number: Option<u16>,
    /// The whole record.
    pub raw: Bytes,
}

impl AttendanceRecord {
    /// Takes one record apart. `None` when `raw` is shorter than the layout's width.
    #[must_use]
    pub fn decode(layout: AttendanceLayout, order: FieldOrder, raw: Bytes) -> Option<Self> {
        match layout {
            AttendanceLayout::EightA => eight_a(raw),
            AttendanceLayout::EightB => eight_b(raw),
            AttendanceLayout::Sixteen => sixteen(order, raw),
            AttendanceLayout::Wide(_) => (raw.len() >= layout.width()).then(|| wide(raw)).flatten(),
        }
    }

    /// Appends the record in a layout.
    ///
    /// Bytes without a known meaning are those of `raw` where it is long enough, else zero. A field that the layout cannot
    /// hold is cut: text after 24 bytes, a verify mode in layout B after two bits; a user id that is no number becomes 0
    /// where the layout wants a number.
    pub fn encode(&self, layout: AttendanceLayout, order: FieldOrder, out: &mut BytesMut) {
        let start = out.len();
        out.resize(start + layout.width(), 0);
        let record = &mut out[start..];
        let kept = self.raw.len().min(record.len());
        record[..kept].copy_from_slice(&self.raw[..kept]);
        match layout {
            AttendanceLayout::EightA => {
                let mut fields = record;
                fields.put_u16_le(self.uid());
                fields.put_u8(self.verify_mode.0);
                fields.put_u32_le(self.time.0);
                fields.put_u8(self.punch_state.0);
            }
            AttendanceLayout::EightB => {
                let flags = (record[2] & !0x1F) | ((self.verify_mode.0 & 3) << 3) | (self.punch_state.0 & 7);
                let mut fields = record;
                fields.put_u16_le(self.uid());
                fields.put_u8(flags);
                fields.put_u8(0);
                fields.put_u32_le(self.time.0);
            }
            AttendanceLayout::Sixteen => {
                let (first, second) = match order {
                    FieldOrder::StateFirst => (self.punch_state.0, self.verify_mode.0),
                    FieldOrder::VerifyFirst => (self.verify_mode.0, self.punch_state.0),
                };
                record[12..].copy_from_slice(&self.work_code.unwrap_or(0).to_le_bytes());
                let mut fields = record;
                fields.put_u32_le(self.numeric_user_id());
                fields.put_u32_le(self.time.0);
                fields.put_u8(first);
                fields.put_u8(second);
            }
            AttendanceLayout::Wide(_) => {
                let id = self.id_bytes();
                let id = &id[..id.len().min(ID_LEN)];
                let mut fields = record;
                fields.put_u16_le(self.number.unwrap_or(0));
                // What stands behind the text's end in `raw` stays: it is part of what the terminal sent.
                let (field, mut fields) = fields.split_at_mut(ID_LEN);
                field[..id.len()].copy_from_slice(id);
                if let Some(end) = field.get_mut(id.len()) {
                    *end = 0;
                }
                fields.put_u8(self.verify_mode.0);
                fields.put_u32_le(self.time.0);
                fields.put_u8(self.punch_state.0);
            }
        }
    }

    fn id_bytes(&self) -> alloc::vec::Vec<u8> {
        match &self.who {
            Who::UserId(id) => id.to_bytes(),
            Who::Uid(uid) => uid.0.to_string().into_bytes(),
        }
    }

    fn numeric_user_id(&self) -> u32 {
        match &self.who {
            Who::UserId(id) => id.0.parse().unwrap_or(0),
            Who::Uid(uid) => uid.0.into(),
        }
    }

    fn uid(&self) -> u16 {
        match &self.who {
            Who::UserId(id) => id.0.parse().unwrap_or(0),
            Who::Uid(uid) => uid.0,
        }
    }
}

/// Whether two raw records of a layout are the same punch, field by field: bytes behind the end of a text do not count.
#[must_use]
pub fn same_record(layout: AttendanceLayout, a: &[u8], b: &[u8]) -> bool {
    let width = layout.width();
    let (Some(a), Some(b)) = (a.get(..width), b.get(..width)) else { return false };
    match (layout, a.split_first_chunk::<ID_AT>(), b.split_first_chunk::<ID_AT>()) {
        (AttendanceLayout::Wide(_), Some((number_a, rest_a)), Some((number_b, rest_b))) => {
            let (id_a, rest_a) = rest_a.split_at_checked(ID_LEN).unwrap_or((rest_a, &[]));
            let (id_b, rest_b) = rest_b.split_at_checked(ID_LEN).unwrap_or((rest_b, &[]));
            number_a == number_b && crate::ids::up_to_nul(id_a) == crate::ids::up_to_nul(id_b) && rest_a == rest_b
        }
        _ => a == b,
    }
}

/// Offset and length of the user id in a wide record.
pub(crate) const ID_AT: usize = 2;
pub(crate) const ID_LEN: usize = 24;

fn eight_a(raw: Bytes) -> Option<AttendanceRecord> {
    let &[u0, u1, verify, t0, t1, t2, t3, state] = raw.first_chunk::<8>()?;
    Some(AttendanceRecord {
        who: Who::Uid(Uid(u16::from_le_bytes([u0, u1]))),
        time: DeviceTime(u32::from_le_bytes([t0, t1, t2, t3])),
        punch_state: PunchState(state),
        verify_mode: VerifyMode(verify),
        work_code: None,
        number: None,
        raw,
    })
}

fn eight_b(raw: Bytes) -> Option<AttendanceRecord> {
    let &[u0, u1, flags, _, t0, t1, t2, t3] = raw.first_chunk::<8>()?;
    Some(AttendanceRecord {
        who: Who::Uid(Uid(u16::from_le_bytes([u0, u1]))),
        time: DeviceTime(u32::from_le_bytes([t0, t1, t2, t3])),
        punch_state: PunchState(flags & 7),
        verify_mode: VerifyMode((flags >> 3) & 3),
        work_code: None,
        number: None,
        raw,
    })
}

fn sixteen(order: FieldOrder, raw: Bytes) -> Option<AttendanceRecord> {
    let &[i0, i1, i2, i3, t0, t1, t2, t3, byte8, byte9, _, _, w0, w1, w2, w3] = raw.first_chunk::<16>()?;
    let (state, verify) = match order {
        FieldOrder::StateFirst => (byte8, byte9),
        FieldOrder::VerifyFirst => (byte9, byte8),
    };
    Some(AttendanceRecord {
        who: Who::UserId(UserId(u32::from_le_bytes([i0, i1, i2, i3]).to_string())),
        time: DeviceTime(u32::from_le_bytes([t0, t1, t2, t3])),
        punch_state: PunchState(state),
        verify_mode: VerifyMode(verify),
        work_code: Some(u32::from_le_bytes([w0, w1, w2, w3])),
        number: None,
        raw,
    })
}

fn wide(raw: Bytes) -> Option<AttendanceRecord> {
    let (number, rest) = raw.split_first_chunk::<ID_AT>()?;
    let (id, rest) = rest.split_first_chunk::<ID_LEN>()?;
    let &[verify, t0, t1, t2, t3, state] = rest.first_chunk::<6>()?;
    Some(AttendanceRecord {
        who: Who::UserId(UserId::from_field(id)),
        time: DeviceTime(u32::from_le_bytes([t0, t1, t2, t3])),
        punch_state: PunchState(state),
        verify_mode: VerifyMode(verify),
        work_code: None,
        number: Some(u16::from_le_bytes(*number)),
        raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_record_is_none() {
        for layout in [AttendanceLayout::EightA, AttendanceLayout::Sixteen, AttendanceLayout::Wide(49)] {
            let short = Bytes::from(alloc::vec![0; layout.width() - 1]);
            assert_eq!(AttendanceRecord::decode(layout, FieldOrder::StateFirst, short), None);
        }
    }

    #[test]
    fn the_order_of_a_16_byte_record_is_a_setting() {
        let raw = Bytes::from_static(&[1, 0, 0, 0, 5, 0, 0, 0, 4, 15, 0, 0, 0, 0, 0, 0]);
        let state_first =
            AttendanceRecord::decode(AttendanceLayout::Sixteen, FieldOrder::StateFirst, raw.clone()).unwrap();
        let verify_first = AttendanceRecord::decode(AttendanceLayout::Sixteen, FieldOrder::VerifyFirst, raw).unwrap();
        assert_eq!((state_first.punch_state, state_first.verify_mode), (PunchState(4), VerifyMode(15)));
        assert_eq!((verify_first.punch_state, verify_first.verify_mode), (PunchState(15), VerifyMode(4)));
    }

    #[test]
    fn what_stands_behind_a_user_id_does_not_make_another_record() {
        let mut a = [7; 40];
        let mut b = [7; 40];
        a[10] = 0;
        b[10] = 0;
        b[25] = 9;
        assert!(same_record(AttendanceLayout::Wide(40), &a, &b));
        b[26] = 9;
        assert!(!same_record(AttendanceLayout::Wide(40), &a, &b));
        assert!(!same_record(AttendanceLayout::Wide(40), &a, &b[..39]));
    }
}
