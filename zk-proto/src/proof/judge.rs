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

/// A look at records in their order, block after block.
#[derive(Clone, Debug)]
pub(super) struct Look {
    layout: AttendanceLayout,
    rules: Rules,
    sizes_agree: bool,
    verdict: Verdict,
    run: Run,
    last_number: Option<u16>,
    steps: u64,
    broken: bool,
    /// Records that were seen.
    at: u64,
}

impl Look {
    pub(super) fn new(layout: AttendanceLayout, rules: Rules, sizes_agree: bool) -> Self {
        Self {
            layout,
            rules,
            sizes_agree,
            verdict: Verdict::default(),
            run: Run::default(),
            last_number: None,
            steps: 0,
            broken: false,
            at: 0,
        }
    }

    /// Bytes of a window. All blocks but the last have a multiple of it.
    pub(super) fn window(&self) -> usize {
        RUN * self.layout.width()
    }

    /// Whether further records make a difference.
    pub(super) fn goes_on(&self) -> bool {
        self.verdict.bad_run.is_none() && self.verdict.rival.is_none()
    }

    /// Whether it is the look that a proof would have at these records by these rules.
    pub(super) fn is_of(&self, region: Region, rules: &Rules, sizes_agree: bool) -> bool {
        self.layout == region.layout
            && self.sizes_agree == sizes_agree
            && self.rules == *rules
            && (self.at == region.records || !self.goes_on())
    }

    /// Takes whole records.
    pub(super) fn feed(&mut self, block: &[u8]) {
        for window in block.chunks(self.window()) {
            if !self.goes_on() {
                return;
            }
            self.feed_window(window);
        }
    }

    fn feed_window(&mut self, window: &[u8]) {
        let good_before = self.verdict.tally.good;
        self.count_numbers(window);
        let records = window.len() / self.layout.width();
        if self.rules.all_good(self.layout, window) {
            self.verdict.tally.good += records as u64;
            self.run.add_good(records);
        } else if !self.feed_records(window) {
            return;
        }
        self.at += records as u64;
        // A cut moves all that follows it, so the first records are compared with other readings, and the last in the end;
        // between them, those with few good ones among them, which are suspicious in themselves.
        let few_good = window.len() == self.window() && (self.verdict.tally.good - good_before) * 4 < RUN as u64;
        if few_good || self.at <= RUN as u64 {
            self.compare(window);
        }
    }

    /// Judges one record after the other. False when they turn bad.
    fn feed_records(&mut self, window: &[u8]) -> bool {
        for (place, record) in (self.at..).zip(window.chunks_exact(self.layout.width())) {
            let class = self.rules.class(self.layout, record);
            self.verdict.tally.add(class);
            if self.run.turns_bad(class) {
                self.verdict.bad_run = Some((place + 1).saturating_sub(RUN as u64));
                return false;
            }
        }
        true
    }

    fn count_numbers(&mut self, window: &[u8]) {
        if !matches!(self.layout, AttendanceLayout::Wide(_)) {
            return;
        }
        for record in window.chunks_exact(self.layout.width()) {
            let Some(number) = record.first_chunk().map(|number| u16::from_le_bytes(*number)) else { return };
            self.broken |= self.last_number.is_some_and(|last| last.wrapping_add(1) != number);
            self.steps += u64::from(self.last_number.replace(number).is_some());
            if self.broken && self.steps >= MIN_STEPS {
                return;
            }
        }
    }

    fn compare(&mut self, window: &[u8]) {
        let Comparison { rival, dated } = rival::compare(window, self.layout, &self.rules, self.sizes_agree);
        self.verdict.dated |= dated;
        self.verdict.rival = rival;
    }

    /// What it came to, after a look at the last records, which stand in the spool.
    pub(super) fn finish(mut self, spool: &mut Spool, region: Region) -> Result<Verdict, SpoolError> {
        if region.records > RUN as u64 && self.goes_on() {
            let end = region.at + region.records * self.layout.width() as u64;
            self.compare(spool.read(end - self.window() as u64..end)?);
        }
        let numbered = matches!(self.layout, AttendanceLayout::Wide(_));
        self.verdict.numbers = (numbered && self.steps >= MIN_STEPS).then_some(!self.broken);
        Ok(self.verdict)
    }
}

/// The last 64 classes, as bits.
#[derive(Clone, Debug, Default)]
struct Run {
    good: u64,
    bad: u64,
    seen: usize,
}

impl Run {
    /// Takes good ones, at most as many as are kept.
    fn add_good(&mut self, records: usize) {
        let bits = u32::try_from(records).unwrap_or(u32::MAX);
        self.good = self.good.checked_shl(bits).unwrap_or(0)
            | u64::MAX.checked_shr(RUN as u32 - bits.min(RUN as u32)).unwrap_or(0);
        self.bad = self.bad.checked_shl(bits).unwrap_or(0);
        self.seen += records;
    }

    /// Takes one more; true when 64 are there and the bad are more than the good.
    fn turns_bad(&mut self, class: Class) -> bool {
        self.good = self.good << 1 | u64::from(class == Class::Good);
        self.bad = self.bad << 1 | u64::from(class == Class::Bad);
        self.seen += 1;
        // Nearly always none is bad, which is known without counting.
        self.bad != 0 && self.seen >= RUN && self.bad.count_ones() > self.good.count_ones()
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
