//! The first pass: is a set of records plausible, and do its numbers run on?

use alloc::vec::Vec;
use core::fmt;

use crate::record::{AttendanceLayout, FieldOrder};
use crate::spool::{Spool, SpoolError};

use super::fields::{Class, Rules};
use super::rival::{self, Comparison, Rival};

/// Records in a row among which the good may not be outnumbered by the bad.
const RUN: usize = 64;
/// Undocumented verify modes that are taken when they recur.
const OTHER_MODES: usize = 4;
/// Bytes that are read from the spool at once.
const BLOCK: usize = 256 << 10;
/// Fewer steps than this may run on by chance where the numbers are uids.
const MIN_STEPS: u64 = 4;

/// Where the records to be judged stand in a spool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) layout: AttendanceLayout,
    /// Offset of the first record.
    pub(super) at: u64,
    pub(super) records: u64,
}

impl Region {
    /// Calls `look` with block after block of whole records, and the number of the first; stops when it says so.
    pub(super) fn blocks(self, spool: &mut Spool, mut look: impl FnMut(u64, &[u8]) -> bool) -> Result<(), SpoolError> {
        let width = self.layout.width() as u64;
        // A multiple of `RUN`, so that no window is split.
        let per_block = (BLOCK as u64 / width / RUN as u64).max(1) * RUN as u64;
        let mut first = 0;
        while first < self.records {
            let records = per_block.min(self.records - first);
            let start = self.at + first * width;
            if !look(first, spool.read(start..start + records * width)?) {
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
    fn add(&mut self, class: Class) {
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
/// sends: they are judged as captures have them, and in that order only when they make no sense so.
pub(super) fn judge(
    spool: &mut Spool,
    region: Region,
    rules: &Rules,
    sizes_agree: bool,
) -> Result<Verdict, SpoolError> {
    let verdict = judge_in_order(spool, region, rules.in_order(FieldOrder::StateFirst), sizes_agree)?;
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
) -> Result<Verdict, SpoolError> {
    let verdict = look(spool, region, &rules, sizes_agree)?;
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
    let layout = region.layout;
    let width = layout.width();
    let numbered = matches!(layout, AttendanceLayout::Wide(_));
    let mut verdict = Verdict::default();
    let mut run = Run::default();
    let mut last_number: Option<u16> = None;
    let mut steps = 0;
    let mut broken = false;
    region.blocks(spool, |first, block| {
        let mut at = first;
        for window in block.chunks(RUN * width) {
            let before = verdict.tally;
            for record in window.chunks_exact(width) {
                let class = rules.class(layout, record);
                verdict.tally.add(class);
                if run.turns_bad(class) {
                    verdict.bad_run = Some((at + 1).saturating_sub(RUN as u64));
                    return false;
                }
                if let Some(number) = record.first_chunk::<2>().filter(|_| numbered) {
                    let number = u16::from_le_bytes(*number);
                    broken |= last_number.is_some_and(|last| last.wrapping_add(1) != number);
                    steps += u64::from(last_number.replace(number).is_some());
                }
                at += 1;
            }
            // A cut moves all that follows it, so the first records are compared with other readings, and the last below;
            // between them, those with few good ones among them, which are suspicious in themselves.
            let few_good = window.len() == RUN * width && (verdict.tally.good - before.good) * 4 < RUN as u64;
            if few_good || at <= RUN as u64 {
                let Comparison { rival, dated } = rival::compare(window, layout, rules, sizes_agree);
                verdict.dated |= dated;
                verdict.rival = rival;
                if rival.is_some() {
                    return false;
                }
            }
        }
        true
    })?;
    if region.records > RUN as u64 && verdict.bad_run.is_none() && verdict.rival.is_none() {
        let end = region.at + region.records * width as u64;
        let last = spool.read(end - (RUN * width) as u64..end)?;
        let Comparison { rival, dated } = rival::compare(last, layout, rules, sizes_agree);
        verdict.dated |= dated;
        verdict.rival = rival;
    }
    verdict.numbers = (numbered && steps >= MIN_STEPS).then_some(!broken);
    Ok(verdict)
}

/// The last 64 classes, as bits.
#[derive(Default)]
struct Run {
    good: u64,
    bad: u64,
    seen: usize,
}

impl Run {
    /// Takes one more; true when 64 are there and the bad are more than the good.
    fn turns_bad(&mut self, class: Class) -> bool {
        self.good = self.good << 1 | u64::from(class == Class::Good);
        self.bad = self.bad << 1 | u64::from(class == Class::Bad);
        self.seen += 1;
        self.seen >= RUN && self.bad.count_ones() > self.good.count_ones()
    }
}

/// The most frequent verify modes that no document names, as far as they occur more than once.
fn recurring_modes(spool: &mut Spool, region: Region, rules: &Rules) -> Result<Vec<u8>, SpoolError> {
    let at = match region.layout {
        AttendanceLayout::EightA => 2,
        AttendanceLayout::EightB => return Ok(Vec::new()),
        AttendanceLayout::Sixteen => 9,
        AttendanceLayout::Wide(_) => 26,
    };
    let mut seen = [0u64; 256];
    region.blocks(spool, |_, block| {
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
