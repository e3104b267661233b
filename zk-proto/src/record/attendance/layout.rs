//! The table of layouts: the offset of each field of a record. Nothing else knows an offset.
//!
//! To add a layout, add a variant to [`AttendanceLayout`] with its width and name, its row of fields, an entry in
//! `KNOWN`, and a vector. Decoding, encoding, proof, ledger and simulator read the row.

use core::fmt;
use core::ops::Range;
use core::str::FromStr;

use crate::ids::up_to_nul;

/// Bytes of the narrowest wide record. Those after the known fields are kept raw.
pub const WIDE_MIN: u16 = 40;
/// Bytes of the widest record that is considered; the widest ever reported has 49.
pub const WIDE_MAX: u16 = 512;

/// The layout of a terminal's attendance records. All numbers are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AttendanceLayout {
    /// 8 bytes: uid `u16`, verify mode, time `u32`, punch state. Source: one client; no capture is known.
    EightA,
    /// 8 bytes: uid `u16`, flags (bits 0-2 punch state, 3-4 verify mode), zero, time `u32`. Source: captures of a
    /// ZEM500.
    EightB,
    /// 16 bytes: user id `u32`, time `u32`, two bytes in [`FieldOrder`], two reserved, work code `u32`.
    Sixteen,
    /// 40 bytes or more: `u16` uid or record number, user id text in 24 bytes, verify mode, time `u32`, punch state,
    /// and reserved bytes to the end of the record. 40 and 49 are known.
    Wide(u16),
}

pub(crate) const EIGHT_A: AttendanceFields =
    AttendanceFields { mode: Bits::byte(2), time: 3, state: Bits::byte(7), ..AttendanceFields::of(IdField::Slot(0)) };

pub(crate) const EIGHT_B: AttendanceFields = AttendanceFields {
    state: Bits { at: 2, shift: 0, mask: 0b111 },
    mode: Bits { at: 2, shift: 3, mask: 0b11 },
    // Bits 6 and 7 of the flags belong to the four-byte form. Bit 5 is set by some firmware.
    unused: &[Bits { at: 2, shift: 6, mask: 0b11 }, Bits::byte(3)],
    time: 4,
    ..AttendanceFields::of(IdField::Slot(0))
};

pub(crate) const SIXTEEN: AttendanceFields = AttendanceFields {
    time: 4,
    state: Bits::byte(8),
    mode: Bits::byte(9),
    order_varies: true,
    unused: &[Bits::byte(10), Bits::byte(11)],
    work_code: Some(12),
    ..AttendanceFields::of(IdField::Number(0))
};

pub(crate) const WIDE: AttendanceFields = AttendanceFields {
    number: Some(0),
    mode: Bits::byte(26),
    time: 27,
    state: Bits::byte(31),
    ..AttendanceFields::of(IdField::Text(2))
};

/// Evaluates an expression with a layout's row of the table. Each layout gets its own copy of the expression, in which
/// the offsets are constants: a function that is given the row makes a loop over many records half as fast.
macro_rules! with_fields {
    ($layout:expr, |$fields:ident| $value:expr) => {{
        use $crate::record::layout;
        match $layout {
            layout::AttendanceLayout::EightA => {
                let $fields = &layout::EIGHT_A;
                $value
            }
            layout::AttendanceLayout::EightB => {
                let $fields = &layout::EIGHT_B;
                $value
            }
            layout::AttendanceLayout::Sixteen => {
                let $fields = &layout::SIXTEEN;
                $value
            }
            layout::AttendanceLayout::Wide(_) => {
                let $fields = &layout::WIDE;
                $value
            }
        }
    }};
}
pub(crate) use with_fields;

impl AttendanceLayout {
    /// Returns the layouts that terminals are known to use, the most common first.
    pub fn known() -> impl Iterator<Item = Self> + Clone {
        Self::KNOWN.into_iter()
    }

    pub(crate) const KNOWN: [Self; 5] = [Self::Wide(40), Self::Wide(49), Self::Sixteen, Self::EightB, Self::EightA];

    /// Bytes of one record.
    #[must_use]
    #[inline]
    pub const fn width(self) -> usize {
        match self {
            Self::EightA | Self::EightB => 8,
            Self::Sixteen => 16,
            // `max` is not const.
            Self::Wide(width) => (if width < WIDE_MIN { WIDE_MIN } else { width }) as usize,
        }
    }

    /// Returns the offsets of the fields, with punch state and verify mode in the order [`FieldOrder::StateFirst`].
    #[must_use]
    #[inline]
    pub fn fields(self) -> AttendanceFields {
        with_fields!(self, |fields| *fields)
    }

    /// The layout with records of that many bytes, if there is only one.
    #[must_use]
    pub fn of_width(width: usize) -> Option<Self> {
        let wide = u16::try_from(width).ok().filter(|width| (WIDE_MIN..=WIDE_MAX).contains(width)).map(Self::Wide);
        let mut of_width = Self::KNOWN.into_iter().filter(|layout| layout.width() == width);
        match (of_width.next(), of_width.next()) {
            (None, _) => wide,
            (only, None) => only,
            _ => None,
        }
    }

    /// Returns true if records have a uid alone, so that only the terminal's user table says whose they are.
    #[must_use]
    #[inline]
    pub fn needs_users(self) -> bool {
        matches!(self.fields().id, IdField::Slot(_))
    }

    /// Returns true if records have the user id as text.
    #[inline]
    pub(crate) fn is_wide(self) -> bool {
        matches!(self.fields().id, IdField::Text(_))
    }

    /// Returns true if two raw records are the same punch, field by field. Bytes after the end of a text do not count.
    #[must_use]
    pub fn same(self, a: &[u8], b: &[u8]) -> bool {
        let width = self.width();
        let (Some(a), Some(b)) = (a.get(..width), b.get(..width)) else { return false };
        with_fields!(self, |fields| fields.defined(a) == fields.defined(b))
    }

    /// Returns the record with zeros in place of what may differ when the terminal sends it again: a record number, and
    /// the bytes after the end of a text, which firmware leaves undefined.
    #[must_use]
    pub fn mask(self, raw: &[u8]) -> alloc::vec::Vec<u8> {
        let fields = self.fields();
        let mut masked = raw.to_vec();
        if let Some(number) = fields.number.and_then(|at| masked.get_mut(at..at + 2)) {
            number.fill(0);
        }
        if let (IdField::Text(at), length) = (fields.id, masked.len()) {
            let field = masked.get_mut(at..length.min(fields.id.range().end)).unwrap_or_default();
            field.iter_mut().skip_while(|byte| **byte != 0).for_each(|byte| *byte = 0);
        }
        masked
    }
}

/// Writes the layout's name, which [`FromStr`] reads: `8a`, `8b`, `16`, or the width of a wide one. The alternate form
/// `{:#}` is for sentences: `8-byte (A)`, `40-byte`.
impl fmt::Display for AttendanceLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, sentence) = match self {
            Self::EightA => ("8a", "8-byte (A)"),
            Self::EightB => ("8b", "8-byte (B)"),
            Self::Sixteen | Self::Wide(_) if f.alternate() => return write!(f, "{}-byte", self.width()),
            Self::Sixteen | Self::Wide(_) => return write!(f, "{}", self.width()),
        };
        f.write_str(if f.alternate() { sentence } else { name })
    }
}

impl FromStr for AttendanceLayout {
    type Err = UnknownLayout;

    fn from_str(name: &str) -> Result<Self, UnknownLayout> {
        match name {
            "8a" => Ok(Self::EightA),
            "8b" => Ok(Self::EightB),
            width => width.parse().ok().and_then(Self::of_width).ok_or(UnknownLayout),
        }
    }
}

/// A text is not the name of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLayout;

impl fmt::Display for UnknownLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write 40, 49 or another width from {WIDE_MIN} to {WIDE_MAX}, 16, 8b or 8a")
    }
}

impl core::error::Error for UnknownLayout {}

/// The order of punch state and verify mode in 16-byte records. Other layouts do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FieldOrder {
    /// Punch state, then verify mode: as the vendor's manual and captured data have it.
    #[default]
    StateFirst,
    /// Verify mode, then punch state: as some clients read it.
    VerifyFirst,
}

/// The offsets of the fields in a layout's records, counted from the record's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttendanceFields {
    /// The person.
    pub id: IdField,
    /// Offset of the time, a `u32`.
    pub time: usize,
    /// The punch state.
    pub state: Bits,
    /// The verify mode.
    pub mode: Bits,
    /// Some terminals have the punch state and the verify mode the other way round ([`FieldOrder`]).
    pub order_varies: bool,
    /// Offset of the uid or running record number, a `u16`.
    pub number: Option<usize>,
    /// Offset of the work code, a `u32`.
    pub work_code: Option<usize>,
    /// Bits without a meaning that are zero in every sample.
    pub unused: &'static [Bits],
}

impl AttendanceFields {
    /// A row of the table to be filled in.
    const fn of(id: IdField) -> Self {
        let nowhere = Bits { at: 0, shift: 0, mask: 0 };
        let (time, state, mode) = (0, nowhere, nowhere);
        Self { id, time, state, mode, order_varies: false, number: None, work_code: None, unused: &[] }
    }

    /// The fields as a terminal with this order has them.
    #[must_use]
    #[inline]
    pub fn in_order(self, order: FieldOrder) -> Self {
        match order {
            FieldOrder::VerifyFirst if self.order_varies => Self { state: self.mode, mode: self.state, ..self },
            _ => self,
        }
    }

    /// The end of the last field that a record is decoded to.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        let work_code = self.work_code.map_or(0, |at| at + 4);
        let ends = [self.id.range().end, self.time + 4, self.state.at + 1, self.mode.at + 1, work_code];
        ends.into_iter().fold(0, usize::max)
    }

    /// The time of a record; `None` if the record is too short.
    #[inline]
    pub(crate) fn time_of(&self, record: &[u8]) -> Option<u32> {
        u32_at(record, self.time)
    }

    /// Returns the parts of a record that firmware defines: the bytes before its text, the text, and the bytes after
    /// the text's field. In a record without a text, the first part is all of it.
    #[inline]
    pub(crate) fn defined<'a>(&self, record: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>, &'a [u8]) {
        let IdField::Text(at) = self.id else { return (record, None, &[]) };
        let (before, rest) = record.split_at_checked(at).unwrap_or((record, &[]));
        let (field, after) = rest.split_at_checked(IdField::TEXT_LEN).unwrap_or((rest, &[]));
        (before, Some(up_to_nul(field)), after)
    }
}

/// The kind of id in a record, and its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdField {
    /// A uid, as `u16`: a slot of the terminal's user table.
    Slot(usize),
    /// The user id as a number, `u32`. 0 is nobody.
    Number(usize),
    /// The user id as text in 24 bytes, which a NUL ends where it is shorter.
    Text(usize),
}

impl IdField {
    pub(crate) const TEXT_LEN: usize = 24;

    /// Returns true if records have the user id itself as a number.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// The field's bytes.
    #[must_use]
    #[inline]
    pub const fn range(self) -> Range<usize> {
        match self {
            Self::Slot(at) => at..at + 2,
            Self::Number(at) => at..at + 4,
            Self::Text(at) => at..at + Self::TEXT_LEN,
        }
    }
}

/// Some bits of one byte of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// Offset of the byte.
    pub at: usize,
    shift: u8,
    mask: u8,
}

impl Bits {
    const fn byte(at: usize) -> Self {
        Self { at, shift: 0, mask: u8::MAX }
    }

    /// Returns true if they are all bits of the byte.
    #[must_use]
    #[inline]
    pub const fn is_whole_byte(self) -> bool {
        self.mask == u8::MAX
    }

    /// The value that the bits have in this byte.
    #[must_use]
    #[inline]
    pub const fn of(self, byte: u8) -> u8 {
        byte >> self.shift & self.mask
    }

    /// The value that the bits have in a record; `None` if the record is too short.
    #[must_use]
    #[inline]
    pub fn get(self, record: &[u8]) -> Option<u8> {
        record.get(self.at).map(|byte| self.of(*byte))
    }

    /// The part of a value that these bits hold.
    #[must_use]
    pub const fn cut(self, value: u8) -> u8 {
        value & self.mask
    }

    /// Writes a value, cut to these bits, and leaves the other bits as they are.
    pub fn set(self, record: &mut [u8], value: u8) {
        if let Some(byte) = record.get_mut(self.at) {
            *byte = *byte & !(self.mask << self.shift) | self.cut(value) << self.shift;
        }
    }
}

#[inline]
pub(crate) fn u16_at(record: &[u8], at: usize) -> Option<u16> {
    record.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

#[inline]
pub(crate) fn u32_at(record: &[u8], at: usize) -> Option<u32> {
    record.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_reaches_into_another_or_past_the_record() {
        for layout in AttendanceLayout::KNOWN {
            let fields = layout.fields();
            let numbers = [Some(fields.time..fields.time + 4), fields.work_code.map(|at| at..at + 4)];
            let bytes = [Some(fields.id.range()), fields.number.map(|at| at..at + 2)].into_iter().chain(numbers);
            let mut taken = [0; 49];
            for at in bytes.flatten().flatten() {
                assert_eq!(core::mem::replace(&mut taken[at], u8::MAX), 0, "{layout} {at}");
            }
            for bits in [fields.state, fields.mode].iter().chain(fields.unused) {
                let mut with = taken;
                bits.set(&mut with, 0);
                assert_eq!(with, taken, "{layout} {bits:?}");
                bits.set(&mut taken, u8::MAX);
                assert_ne!(with, taken, "{layout} {bits:?}");
            }
            assert_eq!(taken[layout.width()..], [0; 49][layout.width()..], "{layout}");
        }
    }

    #[test]
    fn layouts_come_back_from_their_names() {
        for layout in AttendanceLayout::KNOWN.into_iter().chain([AttendanceLayout::Wide(52)]) {
            assert_eq!(alloc::format!("{layout}").parse(), Ok(layout));
        }
        for name in ["0", "8", "39", "513", ""] {
            assert_eq!(name.parse::<AttendanceLayout>(), Err(UnknownLayout), "{name}");
        }
    }

    #[test]
    fn bytes_after_a_user_id_do_not_make_another_record() {
        let layout = AttendanceLayout::Wide(40);
        let mut a = [7; 40];
        a[10] = 0;
        let mut b = a;
        b[25] = 9;
        assert!(layout.same(&a, &b));
        assert_eq!(layout.mask(&a), layout.mask(&b));
        b[26] = 9;
        assert!(!layout.same(&a, &b));
        assert_ne!(layout.mask(&a), layout.mask(&b));
        assert!(!layout.same(&a, &b[..39]));
    }

    #[test]
    fn another_number_makes_another_record_but_not_another_identity() {
        let layout = AttendanceLayout::Wide(40);
        let (a, mut b) = ([7; 40], [7; 40]);
        b[1] = 8;
        assert!(!layout.same(&a, &b));
        assert_eq!(layout.mask(&a), layout.mask(&b));
        let sixteen = AttendanceLayout::Sixteen;
        assert_ne!(sixteen.mask(&a[..16]), sixteen.mask(&b[..16]));
    }

    #[test]
    fn a_record_cut_short_is_masked_as_far_as_it_goes() {
        let layout = AttendanceLayout::Wide(40);
        assert_eq!(layout.mask(&[7; 1]), [7]);
        assert_eq!(layout.mask(&[7, 7, 1, 0, 3]), [0, 0, 1, 0, 0]);
    }
}
