//! Unproven bytes, read in a layout that a person names, for that person to look at and decide.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::DeviceTime;
use crate::record::{AttendanceLayout, AttendanceRecord, FieldOrder};
use crate::spool::{Spool, SpoolError};

use super::alignment;
use super::attendance::candidates;
use super::pass::{Others, recurring};
use super::plausible::{Class, Plausibility};
use super::refusal::length_word;
use super::region::{RUN, Region};
use super::witness::extent;
use super::{Begin, Evidence, Tally, WORD_LEN, Witnesses};

/// Bad records this close to each other are damage. A record among them that looks good does so by chance.
const PATCH: u64 = 8;
/// A month of packed time: the longest plausible gap between two adjacent records.
const NEXT_TO: u32 = 31 * 86_400;

/// The grade of a record, its neighbours considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// All fields are believable.
    Good,
    /// Only the id is missing, or the date is that of a reset clock.
    Neutral,
    /// A field is impossible, or the record is in a damaged patch.
    Bad,
}

/// Damaged records and those between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The first, from 0.
    pub first: u64,
    /// Number of records.
    pub records: u64,
}

/// Records that nothing proves: the bytes of a refused transfer, read in the layout that a person named. They never
/// become a [`Proven`](super::Proven).
#[derive(Debug)]
pub struct Forced {
    region: Region,
    rules: Plausibility,
    order: FieldOrder,
    first_index: u64,
    trailing: u64,
    witnesses: Witnesses,
    tally: Tally,
    patches: Vec<Patch>,
    dates: Option<(DeviceTime, DeviceTime)>,
    next: u64,
}

/// Reads a set as records of a layout, whatever contradicts that. `None` if not one record fits.
///
/// Bad records are found as in a proof, but more strictly. Eight or more that are close to each other form one
/// [`Patch`] with all records between them. So do 64 in a row that make better records from another byte on.
///
/// # Errors
/// [`SpoolError::File`] when the spool's file cannot be read.
pub fn forced(
    spool: &mut Spool,
    layout: AttendanceLayout,
    begin: Begin,
    evidence: &Evidence,
) -> Result<Option<Forced>, SpoolError> {
    let have = spool.contiguous();
    let width = layout.width() as u64;
    let (word, at, skipped) = match begin {
        Begin::Word => (length_word(spool).unwrap_or(0), WORD_LEN, 0),
        Begin::Record { at, word } => (word, 0, at.saturating_sub(WORD_LEN)),
    };
    let Some(extent) = extent(word, have.saturating_sub(at) + skipped + WORD_LEN, width, evidence.counts) else {
        return Ok(None);
    };
    let first_index = skipped / width;
    let records = extent.records.saturating_sub(first_index);
    if records == 0 || skipped % width != 0 {
        return Ok(None);
    }
    let region = Region { layout, at, records, trusted: 0 };
    let mut forced = Forced {
        region,
        rules: Plausibility::new(evidence, false).in_order(FieldOrder::StateFirst),
        order: evidence.order,
        first_index,
        trailing: extent.trailing,
        witnesses: extent.witnesses,
        tally: Tally::default(),
        patches: Vec::new(),
        dates: None,
        next: 0,
    };
    forced.find_patches(spool)?;
    if forced.tally.bad > forced.tally.good && evidence.order != FieldOrder::StateFirst {
        forced.rules = forced.rules.in_order(evidence.order);
        forced.find_patches(spool)?;
    }
    Ok(Some(forced))
}

/// Returns each layout in which more records are good than bad, the best first.
///
/// # Errors
/// As [`forced`].
pub fn possible(spool: &mut Spool, begin: Begin, evidence: &Evidence) -> Result<Vec<Forced>, SpoolError> {
    let word = match begin {
        Begin::Word => length_word(spool).unwrap_or(0),
        Begin::Record { word, .. } => word,
    };
    let mut found = Vec::new();
    // The announced size may be unknown or nonsense.
    let evidence = &Evidence { announced: evidence.announced.max(WORD_LEN), ..evidence.clone() };
    for layout in candidates(word, evidence) {
        found.extend(forced(spool, layout, begin, evidence)?.filter(|reading| reading.tally.good > reading.tally.bad));
    }
    // Bytes count, not records: a wide record makes five narrow ones, of which one may look good.
    found.sort_by_key(|reading| core::cmp::Reverse(reading.tally.good * reading.region.layout.width() as u64));
    Ok(found)
}

impl Forced {
    /// The layout that was named.
    #[must_use]
    pub fn layout(&self) -> AttendanceLayout {
        self.region.layout
    }

    /// Number of records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.region.records
    }

    /// Position of the first record in the terminal's log, from 0.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first_index
    }

    /// Bytes after the last record.
    #[must_use]
    pub fn trailing(&self) -> u64 {
        self.trailing
    }

    /// The witnesses that hold, of those that depend only on sizes and counts.
    #[must_use]
    pub fn witnesses(&self) -> Witnesses {
        self.witnesses
    }

    /// Number of records of each grade.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The damaged patches, in order.
    #[must_use]
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// The earliest and the latest date of the good records.
    #[must_use]
    pub fn dates(&self) -> Option<(DeviceTime, DeviceTime)> {
        self.dates
    }

    /// Returns the next records with their grades, at most `most`; none at the end.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the spool's file cannot be read.
    pub fn next_batch(&mut self, spool: &mut Spool, most: usize) -> Result<Vec<(Grade, AttendanceRecord)>, SpoolError> {
        let Region { layout, records, .. } = self.region;
        let count = (records - self.next).min(most as u64);
        let mut bytes = Bytes::copy_from_slice(self.region.read(spool, self.next, count)?);
        let mut batch = Vec::with_capacity(bytes.len() / layout.width());
        while bytes.len() >= layout.width() {
            let grade = self.grade(self.next, &bytes);
            self.next += 1;
            let raw = bytes.split_to(layout.width());
            batch.extend(AttendanceRecord::decode(layout, self.order, raw).map(|record| (grade, record)));
        }
        Ok(batch)
    }

    /// Continues at this record, counted from 0.
    pub fn seek(&mut self, record: u64) {
        self.next = record.min(self.region.records);
    }

    /// Number of records that were returned, or skipped by [`Forced::seek`].
    #[must_use]
    pub fn place(&self) -> u64 {
        self.next
    }

    /// The last records, raw, at most `most`: the overlap of a later tail.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the spool's file cannot be read.
    pub fn overlap(&self, spool: &mut Spool, most: u64) -> Result<Vec<u8>, SpoolError> {
        self.region.last(spool, most).map(<[u8]>::to_vec)
    }

    fn grade(&self, place: u64, bytes: &[u8]) -> Grade {
        let behind = self.patches.partition_point(|patch| patch.first <= place);
        let damaged = behind.checked_sub(1).and_then(|last| self.patches.get(last));
        if damaged.is_some_and(|patch| place - patch.first < patch.records) {
            return Grade::Bad;
        }
        let record = bytes.get(..self.region.layout.width()).unwrap_or_default();
        self.rules.class(self.region.layout, record).into()
    }

    /// Finds the patches, then counts the records outside of them.
    fn find_patches(&mut self, spool: &mut Spool) -> Result<(), SpoolError> {
        let region = self.region;
        let Others { modes, states } = recurring(spool, region, &self.rules)?;
        self.rules.allow(modes, states);
        let mut patches = Patches::default();
        let mut place = 0;
        region.blocks(spool, |block| {
            for window in block.chunks(RUN * region.layout.width()) {
                let records = (window.len() / region.layout.width()) as u64;
                // Bytes were lost or inserted before it.
                if alignment::compare(window, region.layout, &self.rules, true).rival.is_some() {
                    patches.add(place, records, PATCH);
                } else {
                    for (place, record) in (place..).zip(window.chunks_exact(region.layout.width())) {
                        if self.rules.class(region.layout, record) == Class::Bad {
                            patches.add(place, 1, 1);
                        }
                    }
                }
                place += records;
            }
            true
        })?;
        self.patches = patches.finish();
        if !region.layout.is_wide() {
            for patch in &mut self.patches {
                widen(patch, spool, region)?;
            }
        }
        (self.tally, self.dates) = (Tally::default(), None);
        let (mut tally, mut dates, mut place) = (Tally::default(), None, 0);
        region.blocks(spool, |block| {
            for record in block.chunks_exact(region.layout.width()) {
                let grade = self.grade(place, record);
                place += 1;
                tally.add(grade.into());
                if let Some(time) =
                    Some(grade).filter(|grade| *grade == Grade::Good).and_then(|_| time_of(region, record))
                {
                    let (first, last) = dates.unwrap_or((time, time));
                    dates = Some((first.min(time), last.max(time)));
                }
            }
            true
        })?;
        (self.tally, self.dates) = (tally, dates);
        Ok(())
    }
}

/// Extends a patch of short records. Noise looks good now and then, which does no harm inside a patch. At its edges,
/// a record needs a date close to that of its sound neighbour.
fn widen(patch: &mut Patch, spool: &mut Spool, region: Region) -> Result<(), SpoolError> {
    let mut time = |place: Option<u64>| {
        let Some(place) = place.filter(|place| *place < region.records) else { return Ok(None) };
        Ok::<_, SpoolError>(time_of(region, region.read(spool, place, 1)?))
    };
    let follows = |earlier: Option<DeviceTime>, later: Option<DeviceTime>| {
        earlier.zip(later).and_then(|(earlier, later)| later.0.checked_sub(earlier.0)).is_some_and(|gap| gap <= NEXT_TO)
    };
    for _ in 0..PATCH {
        let Some(last) = patch.first.checked_sub(1) else { break };
        if follows(time(last.checked_sub(1))?, time(Some(last))?) {
            break;
        }
        (patch.first, patch.records) = (last, patch.records + 1);
    }
    for _ in 0..PATCH {
        let next = patch.first + patch.records;
        if next >= region.records || follows(time(Some(next))?, time(Some(next + 1))?) {
            break;
        }
        patch.records += 1;
    }
    Ok(())
}

fn time_of(region: Region, record: &[u8]) -> Option<DeviceTime> {
    region.layout.fields().time_of(record).map(DeviceTime)
}

/// Gathers bad records that are close to each other.
#[derive(Debug, Default)]
struct Patches {
    found: Vec<Patch>,
    open: Option<(Patch, u64)>,
}

impl Patches {
    /// Adds bad records with a weight.
    fn add(&mut self, first: u64, records: u64, weight: u64) {
        match &mut self.open {
            Some((patch, bad)) if first < patch.first + patch.records + PATCH => {
                patch.records = first + records - patch.first;
                *bad += weight;
            }
            _ => {
                self.close();
                self.open = Some((Patch { first, records }, weight));
            }
        }
    }

    fn close(&mut self) {
        self.found.extend(self.open.take().filter(|(_, bad)| *bad >= PATCH).map(|(patch, _)| patch));
    }

    fn finish(mut self) -> Vec<Patch> {
        self.close();
        self.found
    }
}

impl From<Class> for Grade {
    fn from(class: Class) -> Self {
        match class {
            Class::Good => Self::Good,
            Class::Neutral => Self::Neutral,
            Class::Bad => Self::Bad,
        }
    }
}

impl From<Grade> for Class {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Good => Self::Good,
            Grade::Neutral => Self::Neutral,
            Grade::Bad => Self::Bad,
        }
    }
}
