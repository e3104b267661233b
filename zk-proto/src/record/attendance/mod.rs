//! One punch as a terminal stores it, in any of the known layouts.

pub(crate) mod layout;

use alloc::string::ToString;

use bytes::{Bytes, BytesMut};

use crate::{DeviceTime, PunchState, Uid, UserId, VerifyMode};

pub use layout::{AttendanceFields, AttendanceLayout, Bits, FieldOrder, IdField, UnknownLayout, WIDE_MAX, WIDE_MIN};
pub(crate) use layout::{u16_at, u32_at, with_fields};

/// The person who punched, by one of two kinds of id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Who {
    /// The id that the person keys in.
    UserId(UserId),
    /// A slot of this terminal's user table.
    Uid(Uid),
}

/// A terminal's stored row for a punch, as read: nothing in it is validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendanceRecord {
    /// The person.
    pub who: Who,
    /// The time by the terminal's clock. The day may not exist.
    pub time: DeviceTime,
    /// In, out, break or overtime, as the person declared it.
    pub punch_state: PunchState,
    /// The way in which the person proved who they are.
    pub verify_mode: VerifyMode,
    /// The job number keyed in, if the layout has one (16 bytes).
    pub work_code: Option<u32>,
    /// The first field of a wide record: a uid or a running record number, by firmware. Never an identity.
    pub number: Option<u16>,
    /// The whole record.
    pub raw: Bytes,
}

impl AttendanceRecord {
    /// Takes one record apart. `None` if `raw` is shorter than the layout's width.
    #[must_use]
    pub fn decode(layout: AttendanceLayout, order: FieldOrder, raw: Bytes) -> Option<Self> {
        if raw.len() < layout.width() {
            return None;
        }
        with_fields!(layout, |fields| Self::take(fields, order, raw))
    }

    #[inline(always)]
    fn take(fields: &AttendanceFields, order: FieldOrder, raw: Bytes) -> Option<Self> {
        let fields = fields.in_order(order);
        // One check of the length for all fields.
        let record = raw.get(..fields.end())?;
        let who = match fields.id {
            IdField::Slot(at) => Who::Uid(Uid(u16_at(record, at)?)),
            IdField::Number(at) => Who::UserId(UserId(u32_at(record, at)?.to_string())),
            IdField::Text(_) => Who::UserId(UserId::from_field(record.get(fields.id.range())?)),
        };
        Some(Self {
            who,
            time: DeviceTime(fields.time_of(record)?),
            punch_state: PunchState(fields.state.get(record)?),
            verify_mode: VerifyMode(fields.mode.get(record)?),
            work_code: fields.work_code.and_then(|at| u32_at(record, at)),
            number: fields.number.and_then(|at| u16_at(record, at)),
            raw,
        })
    }

    /// Appends the record in a layout.
    ///
    /// Bytes without a known meaning are those of `raw` where it is long enough, else zero. A field that the layout
    /// cannot hold is cut: text after 24 bytes, a verify mode in layout B after two bits. A user id that is no number
    /// becomes 0 if the layout wants a number.
    pub fn encode(&self, layout: AttendanceLayout, order: FieldOrder, out: &mut BytesMut) {
        let start = out.len();
        out.resize(start + layout.width(), 0);
        let record = &mut out[start..];
        let kept = self.raw.len().min(record.len());
        record[..kept].copy_from_slice(&self.raw[..kept]);
        let fields = layout.fields().in_order(order);
        match fields.id {
            IdField::Slot(at) => put(record, at, self.uid().to_le_bytes()),
            IdField::Number(at) => put(record, at, self.numeric_user_id().to_le_bytes()),
            IdField::Text(_) => {
                let id = self.id_bytes();
                let field = &mut record[fields.id.range()];
                let length = id.len().min(field.len());
                field[..length].copy_from_slice(&id[..length]);
                // Bytes of `raw` after the text's end stay: they are part of what the terminal sent.
                if let Some(end) = field.get_mut(length) {
                    *end = 0;
                }
            }
        }
        put(record, fields.time, self.time.0.to_le_bytes());
        fields.state.set(record, self.punch_state.0);
        fields.mode.set(record, self.verify_mode.0);
        if let Some(at) = fields.number {
            put(record, at, self.number.unwrap_or(0).to_le_bytes());
        }
        if let Some(at) = fields.work_code {
            put(record, at, self.work_code.unwrap_or(0).to_le_bytes());
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

fn put<const N: usize>(record: &mut [u8], at: usize, bytes: [u8; N]) {
    record[at..at + N].copy_from_slice(&bytes);
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
}
