//! Everything known about a transfer besides its bytes.

use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use crate::DeviceTime;
use crate::record::{AttendanceLayout, FieldOrder};

use super::People;

/// The terminal's counts of records before the transfer and after it. `None` if it gave no count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Before the transfer.
    pub before: Option<u32>,
    /// After it.
    pub after: Option<u32>,
}

impl Counts {
    /// The same count before and after.
    #[must_use]
    pub fn steady(count: u32) -> Self {
        Self { before: Some(count), after: Some(count) }
    }

    /// Returns true if a number of records is between the two counts.
    #[must_use]
    pub fn allow(self, records: u64) -> bool {
        self.range().is_some_and(|range| range.contains(&records))
    }

    /// Returns true if every count is zero. A terminal that refuses its data while it counts records contradicts
    /// itself.
    pub(super) fn say_empty(self) -> bool {
        self.range().is_some_and(|range| *range.end() == 0)
    }

    pub(super) fn is_steady(self) -> bool {
        self.range().is_some_and(|range| range.start() == range.end())
    }

    pub(super) fn range(self) -> Option<RangeInclusive<u64>> {
        let before = u64::from(self.before.or(self.after)?);
        let after = u64::from(self.after.or(self.before)?);
        Some(before.min(after)..=before.max(after))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.range() {
            Some(range) if range.start() == range.end() => write!(f, "the terminal counts {}", range.start()),
            Some(range) => write!(f, "the terminal counts {} to {}", range.start(), range.end()),
            None => f.write_str("the terminal reported no record count"),
        }
    }
}

/// Facts that earlier pulls have shown about a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The layout of its records.
    pub layout: Option<AttendanceLayout>,
    /// The count disagrees with the log even after a second reading.
    pub count_off: bool,
    /// The checksums are wrong in every session.
    pub checksums_wrong: bool,
    /// Undocumented punch states that recur in the log.
    pub states: ByteSet,
    /// Undocumented verify modes that recur in the log.
    pub modes: ByteSet,
    /// Records that were the same in two readings although many in a row are bad: the log itself is like that.
    pub confirmed: Option<Fingerprint>,
}

/// Identifies one reading of records. A second reading, in a new session, has to have the same fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fingerprint {
    /// The layout of the records.
    pub layout: AttendanceLayout,
    /// Position of the first record in the terminal's log, from 0.
    pub first: u64,
    /// Number of records.
    pub records: u64,
    /// A digest of the records.
    pub digest: u64,
}

impl Fingerprint {
    /// A fingerprint that was stored.
    #[must_use]
    pub fn new(layout: AttendanceLayout, first: u64, records: u64, digest: u64) -> Self {
        Self { layout, first, records, digest }
    }
}

/// The last known records of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Number of known records.
    pub records: u64,
    /// The last of them, raw and adjacent.
    pub overlap: Vec<u8>,
    /// The layout of the records.
    pub layout: AttendanceLayout,
}

impl Known {
    /// Number of records in the overlap; never more than are known.
    #[must_use]
    pub fn overlap_records(&self) -> u64 {
        ((self.overlap.len() / self.layout.width()) as u64).min(self.records)
    }

    /// Offset of the overlap in the set, counted from the length word.
    #[must_use]
    pub fn overlap_at(&self) -> u64 {
        let first = self.records.saturating_sub(self.overlap_records());
        first.saturating_mul(self.layout.width() as u64).saturating_add(super::WORD_LEN)
    }

    /// Offset in the set at which the first unknown record would begin.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.records.saturating_mul(self.layout.width() as u64).saturating_add(super::WORD_LEN)
    }
}

/// Everything that a proof considers besides the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// Size of the whole set, its length word included, as the terminal announced it. For a set in the answer itself,
    /// the size of that answer.
    pub announced: u64,
    /// The terminal's counts.
    pub counts: Counts,
    /// The host's local time.
    pub host_now: DeviceTime,
    /// The terminal's clock, if it was read.
    pub terminal_now: Option<DeviceTime>,
    /// Facts from earlier pulls.
    pub remembered: Remembered,
    /// The order of two fields in 16-byte records.
    pub order: FieldOrder,
    /// Packets with a wrong checksum that could not be replaced.
    pub damaged_packets: u64,
    /// An earlier reading of the same set in another session ([`super::Unproven::needs_second_reading`]).
    pub earlier: Option<Fingerprint>,
    /// The layout that the terminal's owner configured. No other layout is considered.
    pub pinned: Option<AttendanceLayout>,
    /// The people in its proven user table, if that was read.
    pub people: Option<People>,
}

impl Evidence {
    /// Evidence with nothing remembered, no damage, no earlier reading and no clock but the host's.
    #[must_use]
    pub fn new(announced: u64, counts: Counts, host_now: DeviceTime) -> Self {
        Self {
            announced,
            counts,
            host_now,
            terminal_now: None,
            remembered: Remembered::default(),
            order: FieldOrder::default(),
            damaged_packets: 0,
            earlier: None,
            pinned: None,
            people: None,
        }
    }

    /// Sets the announced size of the whole set, in bytes.
    #[must_use]
    pub fn announced(self, announced: u64) -> Self {
        Self { announced, ..self }
    }

    /// Sets the terminal's counts.
    #[must_use]
    pub fn counts(self, counts: Counts) -> Self {
        Self { counts, ..self }
    }

    /// Sets the terminal's clock.
    #[must_use]
    pub fn terminal_now(self, terminal_now: Option<DeviceTime>) -> Self {
        Self { terminal_now, ..self }
    }

    /// Sets the facts from earlier pulls.
    #[must_use]
    pub fn remembered(self, remembered: Remembered) -> Self {
        Self { remembered, ..self }
    }

    /// Sets the order of two fields in 16-byte records.
    #[must_use]
    pub fn order(self, order: FieldOrder) -> Self {
        Self { order, ..self }
    }

    /// Sets the number of packets with a wrong checksum that could not be replaced.
    #[must_use]
    pub fn damaged_packets(self, damaged_packets: u64) -> Self {
        Self { damaged_packets, ..self }
    }

    /// Sets the earlier reading of the same set in another session.
    #[must_use]
    pub fn earlier(self, earlier: Option<Fingerprint>) -> Self {
        Self { earlier, ..self }
    }

    /// Sets the layout that the terminal's owner configured.
    #[must_use]
    pub fn pinned(self, pinned: Option<AttendanceLayout>) -> Self {
        Self { pinned, ..self }
    }

    /// Sets the people in the proven user table.
    #[must_use]
    pub fn people(self, people: Option<People>) -> Self {
        Self { people, ..self }
    }
}

/// The position in the set at which its bytes begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// At the length word: the bytes are the whole set.
    #[default]
    Word,
    /// At a record in the middle: the bytes are a tail.
    Record {
        /// Offset of that record in the set.
        at: u64,
        /// The set's length word.
        word: u32,
    },
}

/// A set of byte values, such as punch states or verify modes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// Adds a value.
    pub fn insert(&mut self, value: u8) {
        if let Some(word) = self.0.get_mut(usize::from(value >> 6)) {
            *word |= 1 << (value & 63);
        }
    }

    /// Returns true if the value is in the set.
    #[must_use]
    pub fn contains(self, value: u8) -> bool {
        self.0.get(usize::from(value >> 6)).is_some_and(|word| word >> (value & 63) & 1 == 1)
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |value| self.contains(*value))
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<I: IntoIterator<Item = u8>>(values: I) -> Self {
        let mut set = Self::default();
        set.extend(values);
        set
    }
}

impl Extend<u8> for ByteSet {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.insert(value));
    }
}

impl fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_of_its_own() {
        for value in 0..=u8::MAX {
            let set: ByteSet = [value].into_iter().collect();
            assert!(set.iter().eq([value]) && !set.is_empty());
        }
        assert!(ByteSet::default().is_empty());
    }
}
