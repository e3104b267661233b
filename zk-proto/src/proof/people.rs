//! The witness of the user table: record ids that are exactly those of people the terminal knows.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::ids::up_to_nul;
use crate::record::{AttendanceLayout, IdField, u16_at, u32_at};
use crate::spool::{Spool, SpoolError};

use super::region::Region;

/// The number of different people that records must name, if the table has that many. An id that never changes may be
/// a byte of another field.
const DIFFERENT: usize = 3;

/// The people in a proven user table, as records refer to them.
#[derive(Clone, PartialEq, Eq)]
pub struct People(Arc<Names>);

#[derive(PartialEq, Eq)]
struct Names {
    texts: BTreeSet<Vec<u8>>,
    numbers: BTreeSet<u32>,
    slots: BTreeSet<u16>,
}

impl People {
    pub(super) fn new(texts: BTreeSet<Vec<u8>>, numbers: BTreeSet<u32>, slots: BTreeSet<u16>) -> Self {
        Self(Arc::new(Names { texts, numbers, slots }))
    }

    /// Returns a number for the person that a record names, if that person is in the table. `record` lacks its first
    /// `missing` bytes.
    pub(super) fn named(&self, layout: AttendanceLayout, record: &[u8], missing: usize) -> Option<u64> {
        let id = layout.fields().id;
        let place = id.range().start.checked_sub(missing)?..id.range().end.checked_sub(missing)?;
        let field = record.get(place)?;
        match id {
            IdField::Slot(_) => {
                let slot = u16_at(field, 0)?;
                self.0.slots.contains(&slot).then_some(slot.into())
            }
            IdField::Number(_) => {
                let number = u32_at(field, 0)?;
                self.0.numbers.contains(&number).then_some(number.into())
            }
            IdField::Text(_) => {
                let id = up_to_nul(field);
                let told_apart = id.iter().fold(0u64, |sum, byte| sum.wrapping_mul(257).wrapping_add((*byte).into()));
                self.0.texts.contains(id).then_some(told_apart)
            }
        }
    }

    /// Returns true if the visible bytes of a record's id can be part of the id of a person in the table.
    pub(super) fn fit(&self, layout: AttendanceLayout, byte: impl Fn(usize) -> Option<u8>) -> bool {
        let id = layout.fields().id;
        let fits = |own: &[u8]| id.range().zip(own).all(|(at, own)| byte(at).is_none_or(|seen| seen == *own));
        let ends = |text: &[u8]| id.range().nth(text.len()).and_then(&byte).is_none_or(|seen| seen == 0);
        match id {
            IdField::Slot(_) => self.0.slots.iter().any(|slot| fits(&slot.to_le_bytes())),
            IdField::Number(_) => self.0.numbers.iter().any(|number| fits(&number.to_le_bytes())),
            IdField::Text(_) => self.0.texts.iter().any(|text| fits(text) && ends(text)),
        }
    }

    /// Counts the records that name people in the table.
    pub(super) fn among(&self, spool: &mut Spool, region: Region) -> Result<Named, SpoolError> {
        let (mut named, mut nobodys, mut different) = (0u64, 0u64, BTreeSet::new());
        region.blocks(spool, |block| {
            for record in block.chunks_exact(region.layout.width()) {
                if let Some(who) = self.named(region.layout, record, 0) {
                    named += 1;
                    if different.len() < DIFFERENT {
                        different.insert(who);
                    }
                } else if !is_without_id(region.layout, record) {
                    nobodys += 1;
                }
            }
            true
        })?;
        let several = different.len() >= DIFFERENT.min(self.0.slots.len());
        Ok(Named { named, nobodys, records: region.records, several })
    }
}

/// Returns true if a short record's id is missing, as that of a deleted user is on some firmware. Most bytes of a wide
/// record are zero, so a missing id says nothing there.
fn is_without_id(layout: AttendanceLayout, record: &[u8]) -> bool {
    let id = record.get(layout.fields().id.range()).filter(|_| !layout.is_wide());
    id.is_some_and(|id| id.iter().all(|byte| *byte == 0))
}

/// The records that name people in the table, counted.
#[derive(Clone, Copy)]
pub(super) struct Named {
    named: u64,
    /// Records whose id is nobody's.
    nobodys: u64,
    records: u64,
    /// They name three different people, or all there are.
    several: bool,
}

impl Named {
    /// Returns true if some records name people, and the others have no id.
    pub(super) fn all(self) -> bool {
        self.named > 0 && self.nobodys == 0
    }

    pub(super) fn most(self) -> bool {
        self.named > self.nobodys
    }

    /// Returns true if nine in ten records name people, and several different ones.
    pub(super) fn nearly_all(self) -> bool {
        self.named * 10 >= self.records * 9 && self.several
    }
}

impl fmt::Debug for People {
    /// Prints the number of people only: ids of people do not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "People({})", self.0.slots.len())
    }
}
