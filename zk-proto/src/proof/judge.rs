//! The first pass: is a set of records plausible, and do its numbers run on?

use alloc::vec::Vec;
use core::fmt;

use crate::record::{AttendanceLayout, FieldOrder};
use crate::spool::{Spool, SpoolError};

use super::fields::{Class, Rules};
use super::look::{Look, RUN};
use super::rival::Rival;

/// Undocumented verify modes that are taken when they recur.
const OTHER_MODES: usize = 4;
/// Bytes that are read from the spool at once.
const BLOCK: usize = 256 << 10;

/// Where the records to be judged stand in a spool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) layout: AttendanceLayout,
    /// Offset of the first record.
    pub(super) at: u64,
    pub(super) records: u64,
}

impl Region {
    /// Calls `look` with block after block of whole records; stops when it says so.
    pub(super) fn blocks(self, spool: &mut Spool, mut look: impl FnMut(&[u8]) -> bool) -> Result<(), SpoolError> {
        let width = self.layout.width() as u64;
        // A multiple of `RUN`, so that no window is split.
        let per_block = (BLOCK as u64 / width / RUN as u64).max(1) * RUN as u64;
        let mut first = 0;
        while first < self.records {
            let records = per_block.min(self.records - first);
            let start = self.at + first * width;
            if !look(spool.read(start..start + records * width)?) {
                break;
            }
            first += records;
        }
        Ok(())
    }
}

/// How many records were of which class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Everything in them is believable.
    pub good: u64,
    /// Only the id is missing, or the date is the clock's reset.
    pub neutral: u64,
    /// Something in them cannot be.
    pub bad: u64,
}

impl Tally {
    pub(super) fn add(&mut self, class: Class) {
        match class {
            Class::Good => self.good += 1,
            Class::Neutral => self.neutral += 1,
            Class::Bad => self.bad += 1,
        }
    }

    /// Of those not neutral 80 % good, of fewer than five all but one, and one at the least.
    pub(super) fn is_plausible(self) -> bool {
        let weighed = self.good + self.bad;
        self.good > 0 && if weighed < 5 { self.bad <= 1 } else { self.good * 5 >= weighed * 4 }
    }

    /// Nothing speaks for the set, and nothing against it.
    pub(super) fn is_neutral(self) -> bool {
        self.good == 0 && self.bad == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} good, {} neutral, {} bad", self.good, self.neutral, self.bad)
    }
}

/// What a look at all records came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    pub(super) tally: Tally,
    /// The first record of 64 in a row with more bad than good.
    pub(super) bad_run: Option<u64>,
    /// A better reading of some window.
    pub(super) rival: Option<Rival>,
    /// Whether record numbers run on; `None` where there are none or too few.
    pub(super) numbers: Option<bool>,
    /// Whether a record among the first or the last has a likely date, not one of the first years after the clock's reset.
    pub(super) dated: bool,
}

impl Verdict {
    /// A set without doubt in it, be it good or neutral.
    pub(super) fn is_acceptable(self) -> bool {
        self.bad_run.is_none() && self.rival.is_none() && (self.tally.is_plausible() || self.tally.is_neutral())
    }
}

/// Judges every record. The order that is set for 16-byte records names the fields and is no evidence of what a terminal
/// sends: they are judged as captures have them, and in that order only when they make no sense so. A look that was had while
/// the records came in saves the first one here.
pub(super) fn judge(
    spool: &mut Spool,
    region: Region,
    rules: &Rules,
    sizes_agree: bool,
    ahead: Option<&Look>,
) -> Result<Verdict, SpoolError> {
    let verdict = judge_in_order(spool, region, rules.in_order(FieldOrder::StateFirst), sizes_agree, ahead)?;
    let as_captured = region.layout != AttendanceLayout::Sixteen || rules.order == FieldOrder::StateFirst;
    if verdict.is_acceptable() || as_captured {
        return Ok(verdict);
    }
    let as_set = look(spool, region, rules, sizes_agree)?;
    Ok(if as_set.is_acceptable() { as_set } else { verdict })
}

/// Verify modes without documentation are taken when they recur, which costs a second look.
fn judge_in_order(
    spool: &mut Spool,
    region: Region,
    mut rules: Rules,
    sizes_agree: bool,
    ahead: Option<&Look>,
) -> Result<Verdict, SpoolError> {
    let verdict = match ahead.filter(|ahead| ahead.is_of(region, &rules, sizes_agree)) {
        Some(ahead) => ahead.clone().finish(spool, region)?,
        None => look(spool, region, &rules, sizes_agree)?,
    };
    if verdict.is_acceptable() {
        return Ok(verdict);
    }
    let others = recurring_modes(spool, region, &rules)?;
    if others.is_empty() {
        return Ok(verdict);
    }
    rules.allow_modes(&others);
    look(spool, region, &rules, sizes_agree)
}

fn look(spool: &mut Spool, region: Region, rules: &Rules, sizes_agree: bool) -> Result<Verdict, SpoolError> {
    let mut look = Look::new(region.layout, rules.clone(), sizes_agree);
    region.blocks(spool, |block| {
        look.feed(block);
        look.goes_on()
    })?;
    look.finish(spool, region)
}

/// The most frequent verify modes that no document names, as far as they occur more than once.
pub(super) fn recurring_modes(spool: &mut Spool, region: Region, rules: &Rules) -> Result<Vec<u8>, SpoolError> {
    let at = match region.layout {
        AttendanceLayout::EightA => 2,
        AttendanceLayout::EightB => return Ok(Vec::new()),
        AttendanceLayout::Sixteen => 9,
        AttendanceLayout::Wide(_) => 26,
    };
    let mut seen = [0u64; 256];
    region.blocks(spool, |block| {
        for mode in block.chunks_exact(region.layout.width()).filter_map(|record| record.get(at)) {
            seen[usize::from(*mode)] += 1;
        }
        true
    })?;
    let mut others: Vec<u8> =
        (0..=u8::MAX).filter(|mode| !rules.knows_mode(*mode) && seen[usize::from(*mode)] > 1).collect();
    others.sort_by_key(|mode| core::cmp::Reverse(seen[usize::from(*mode)]));
    others.truncate(OTHER_MODES);
    Ok(others)
}
