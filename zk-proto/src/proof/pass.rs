//! The pass over all records in order: how believable each is, whether another beginning is better, and whether their
//! numbers run on.

use alloc::vec::Vec;

use crate::record::{AttendanceLayout, Bits, FieldOrder, u16_at, u32_at};
use crate::spool::{Spool, SpoolError};

use super::ByteSet;
use super::alignment::{self, Comparison, Rival};
use super::plausible::{Class, ENOUGH, Plausibility};
use super::region::{MIN_STEPS, RUN, Region};
use super::repeats::Repeats;
use super::verdict::Verdict;

/// Undocumented verify modes that are accepted if they recur, at most.
const OTHER_MODES: usize = 4;
/// Undocumented punch states that are accepted if they recur, at most: more than any terminal has function keys.
const OTHER_STATES: usize = 16;
/// At least one record in so many has such a state.
const STATE_SHARE: u64 = 64;

/// This many bad records in a row are not the work of people: eight would have made a broken record one after
/// another. A damaged datagram of 1 KB spoils at least 25 records, a damaged chunk many more.
const SUSPICIOUS: u64 = 8;
/// So many records are compared by themselves if few of them are good.
const FEW_ROWS: usize = 8;
/// At the end of a log so many will do: lost bytes move everything after them, however little that is.
const SUSPICIOUS_AT_THE_END: u64 = 2;
/// A week. A record that is later than those before it by more may have a wrong date, until others follow.
const WEEK: u32 = 7 * 86_400;

/// Judges every record. The configured order of 16-byte records names the fields, but is no evidence of what a
/// terminal sends: records are judged in the captured order first, and in the configured one only if they make no
/// sense. A pass that was made while the records arrived (`ahead`) replaces the first one here.
pub(super) fn judge(
    spool: &mut Spool,
    region: Region,
    rules: &Plausibility,
    sizes_agree: bool,
    ahead: Option<&Pass>,
) -> Result<Verdict, SpoolError> {
    let verdict = judge_in_order(spool, region, rules.in_order(FieldOrder::StateFirst), sizes_agree, ahead)?;
    let as_captured = !region.layout.fields().order_varies || rules.order == FieldOrder::StateFirst;
    let taken = verdict.is_acceptable();
    if taken && verdict.has_known_states() || as_captured {
        return Ok(verdict);
    }
    let as_set = pass(spool, region, rules, sizes_agree)?;
    let better = as_set.is_acceptable() && (!taken || as_set.tally.bad <= verdict.tally.bad);
    Ok(if better { as_set } else { verdict })
}

/// Judges the records in one order. Undocumented verify modes and punch states are accepted if they recur, which
/// costs a second pass. If states prove nothing, a third pass accepts any state.
fn judge_in_order(
    spool: &mut Spool,
    region: Region,
    mut rules: Plausibility,
    sizes_agree: bool,
    ahead: Option<&Pass>,
) -> Result<Verdict, SpoolError> {
    let mut verdict = match ahead.filter(|ahead| ahead.is_of(region, &rules, sizes_agree)) {
        Some(ahead) => ahead.clone().finish(spool, region)?,
        None => pass(spool, region, &rules, sizes_agree)?,
    };
    if verdict.leaves_nothing_to_learn() {
        return Ok(verdict);
    }
    let Others { modes, states } = recurring(spool, region, &rules)?;
    if !modes.is_empty() || !states.is_empty() {
        rules.allow(modes, states);
        let learned = Verdict { modes, states, ..pass(spool, region, &rules, sizes_agree)? };
        verdict = verdict.or_better(learned);
    }
    // Short records show little else, unless they name people.
    let states_prove_nothing = rules.people.is_some() || rules.states_prove_nothing && region.layout.is_wide();
    if states_prove_nothing && !verdict.leaves_nothing_to_learn() {
        rules.allow_any_state();
        let any = Verdict { modes, states, any_state: true, ..pass(spool, region, &rules, sizes_agree)? };
        verdict = verdict.or_better(any);
    }
    Ok(verdict)
}

fn pass(spool: &mut Spool, region: Region, rules: &Plausibility, sizes_agree: bool) -> Result<Verdict, SpoolError> {
    let mut pass = Pass::new(region.layout, rules.clone(), sizes_agree).trusting(region.trusted);
    region.blocks(spool, |block| {
        pass.feed(block);
        pass.goes_on()
    })?;
    pass.finish(spool, region)
}

/// Undocumented values that occur more than once in a log.
pub(super) struct Others {
    pub(super) modes: ByteSet,
    pub(super) states: ByteSet,
}

/// Finds the most frequent undocumented verify modes and punch states.
pub(super) fn recurring(spool: &mut Spool, region: Region, rules: &Plausibility) -> Result<Others, SpoolError> {
    let (mut modes, mut states) = ([0u64; 256], [0u64; 256]);
    let layout = region.layout;
    let fields = layout.fields();
    // A few bits hold documented states only, whatever a function key is set to.
    let state = Some(fields.state).filter(|_| !(layout.needs_users() && region.records < ENOUGH));
    let [mode, state] = [Some(fields.mode), state].map(|bits| bits.filter(|bits| bits.is_whole_byte()));
    region.blocks(spool, |block| {
        for record in block.chunks_exact(layout.width()) {
            let value = |bits: Option<Bits>| bits.and_then(|bits| bits.get(record));
            value(mode).into_iter().for_each(|mode| modes[usize::from(mode)] += 1);
            value(state).into_iter().for_each(|state| states[usize::from(state)] += 1);
        }
        true
    })?;
    let modes = most_frequent(&modes, |mode, seen| !rules.knows_mode(mode) && seen > 1, OTHER_MODES);
    // A state of few records makes no difference, and bytes that are not states have many values.
    let enough = |seen: u64| seen > 1 && seen * STATE_SHARE >= region.records;
    let states = most_frequent(&states, |state, seen| !rules.knows_state(state) && enough(seen), OTHER_STATES);
    Ok(Others { modes, states })
}

fn most_frequent(seen: &[u64; 256], is_other: impl Fn(u8, u64) -> bool, most: usize) -> ByteSet {
    let others = (0..=u8::MAX).zip(seen).filter(|(value, seen)| is_other(*value, **seen));
    let mut others: Vec<(u8, u64)> = others.map(|(value, seen)| (value, *seen)).collect();
    others.sort_by_key(|(_, seen)| core::cmp::Reverse(*seen));
    others.truncate(most);
    others.into_iter().map(|(value, _)| value).collect()
}

/// One pass over records in order, block after block.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    layout: AttendanceLayout,
    rules: Plausibility,
    sizes_agree: bool,
    verdict: Verdict,
    run: Run,
    last_number: Option<u16>,
    steps: u64,
    broken: bool,
    /// Records seen so far.
    at: u64,
    /// Known records at the beginning. Their faults are known too.
    trusted: u64,
    bad_in_a_row: u64,
    /// Records in a row that are bad, neutral, or earlier than one before them. A log is written in the order of time.
    odd_in_a_row: u64,
    /// The latest time so far, but for a few ahead of the others.
    latest: u32,
    /// Records in a row that are more than a week later.
    ahead_in_a_row: u64,
    /// Odd records in a row, and records that are later than a clock or by more than a week than those before them.
    /// What follows mostly shows that they are sound; nothing follows the last ones.
    unsettled: u64,
    /// The latest time before them.
    settled: u32,
    repeats: Repeats,
}

impl Pass {
    pub(super) fn new(layout: AttendanceLayout, rules: Plausibility, sizes_agree: bool) -> Self {
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
            trusted: 0,
            bad_in_a_row: 0,
            odd_in_a_row: 0,
            latest: 0,
            ahead_in_a_row: 0,
            unsettled: 0,
            settled: 0,
            repeats: Repeats::new(layout),
        }
    }

    /// Sets the number of known records at the beginning.
    pub(super) fn trusting(self, trusted: u64) -> Self {
        Self { trusted, ..self }
    }

    /// Size of a window in bytes. All blocks but the last are multiples of it.
    pub(super) fn window(&self) -> usize {
        RUN * self.layout.width()
    }

    /// Returns true if further records can change the result.
    pub(super) fn goes_on(&self) -> bool {
        self.verdict.bad_run.is_none() && self.verdict.rival.is_none() && self.verdict.repeated.is_none()
    }

    /// Returns true if a proof would make exactly this pass.
    pub(super) fn is_of(&self, region: Region, rules: &Plausibility, sizes_agree: bool) -> bool {
        self.layout == region.layout
            && self.sizes_agree == sizes_agree
            && self.rules == *rules
            && (self.at == region.records || !self.goes_on())
    }

    /// Judges a block of whole records.
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
        self.verdict.repeated = self.repeats.add(window);
        let records = window.len() / self.layout.width();
        let mut good = u64::MAX;
        if self.rules.all_good(self.layout, window) && self.are_in_order(window) {
            self.verdict.tally.good += records as u64;
            self.run.add_good(records);
            (self.bad_in_a_row, self.odd_in_a_row) = (0, 0);
            self.settle(!self.is_late(self.latest), records);
        } else {
            let Some(good_rows) = self.feed_records(window) else { return };
            good = good_rows;
        }
        self.at += records as u64;
        // A cut moves everything after it. So other interpretations are tried on the first records, on the last ones
        // at the end, and on windows with few good records in between.
        let few_good = window.len() == self.window() && (self.verdict.tally.good - good_before) * 4 < RUN as u64;
        if few_good || self.at <= RUN as u64 {
            self.compare(window);
        }
        if self.layout.is_wide() && good != u64::MAX {
            self.compare_few(window, good);
        }
    }

    /// A part that stands in a wrong place moves its records by itself, however few they are. Packets and blocks hold
    /// whole records of 8 and 16 bytes, but not of 40.
    fn compare_few(&mut self, window: &[u8], mut good: u64) {
        for few in window.chunks_exact(FEW_ROWS * self.layout.width()) {
            if (good & ((1 << FEW_ROWS) - 1)).count_ones() <= FEW_ROWS as u32 / 4 && self.goes_on() {
                let Comparison { rival, .. } = alignment::compare(few, self.layout, &self.rules, self.sizes_agree);
                self.verdict.rival =
                    rival.filter(|rival| rival.layout == self.layout && self.are_times(few, rival.shift));
            }
            good >>= FEW_ROWS;
        }
    }

    /// Compares the records from a place on, at most as many as fill a window, with those interpretations that are
    /// `possible`.
    fn compare_from(
        &self,
        from: u64,
        spool: &mut Spool,
        region: Region,
        possible: impl Fn(&[u8], &Rival) -> bool,
    ) -> Result<Option<Rival>, SpoolError> {
        let rows = region.read(spool, from, (region.records - from).min(RUN as u64))?;
        let possible = |rival: &Rival| possible(rows, rival);
        Ok(alignment::compare_with(rows, self.layout, &self.rules, self.sizes_agree, possible).rival)
    }

    /// Returns true if an interpretation has times of punches after the settled ones.
    fn goes_on_from_settled(&self, rows: &[u8], rival: &Rival) -> bool {
        let at = rival.shift + rival.layout.fields().time;
        let mut times =
            rows.get(at..).unwrap_or_default().chunks(rival.layout.width()).filter_map(|row| u32_at(row, 0));
        times.all(|time| (self.settled..=self.rules.clock.limit.0).contains(&time))
    }

    /// Returns true if times in the order of a log stand so many bytes further on. The digits of ids look like dates,
    /// but come in no order.
    fn are_times(&self, rows: &[u8], shift: usize) -> bool {
        let at = shift + self.layout.fields().time;
        let times = rows.get(at..).unwrap_or_default().chunks(self.layout.width()).filter_map(|row| u32_at(row, 0));
        times.is_sorted()
    }

    /// Judges the records one by one. Returns the good ones, a bit for each, and `None` once too many are bad.
    fn feed_records(&mut self, window: &[u8]) -> Option<u64> {
        let mut good = 0;
        for (row, record) in window.chunks_exact(self.layout.width()).enumerate() {
            let place = self.at + row as u64;
            let class = self.rules.class(self.layout, record);
            self.verdict.tally.add(class);
            good |= u64::from(class == Class::Good) << row;
            self.bad_in_a_row = if class == Class::Bad && place >= self.trusted { self.bad_in_a_row + 1 } else { 0 };
            let order = self.order_of(class, record);
            let is_odd = order == Place::Odd && self.has_begun() && place >= self.trusted;
            self.odd_in_a_row = if is_odd { self.odd_in_a_row + 1 } else { 0 };
            let is_unsettled = is_odd || order == Place::Ahead && self.has_begun() && place >= self.trusted;
            self.settle(!is_unsettled, 1);
            if self.odd_in_a_row >= SUSPICIOUS {
                let first = self.verdict.neutral.map_or(place + 1 - SUSPICIOUS, |(first, _)| first);
                self.verdict.neutral = Some((first, place + 1));
            }
            if self.bad_in_a_row >= SUSPICIOUS {
                let first = self.verdict.suspicious.map_or(place + 1 - SUSPICIOUS, |(first, _)| first);
                self.verdict.suspicious = Some((first, place + 1));
            }
            if self.run.turns_bad(class) {
                self.verdict.bad_run = Some((place + 1).saturating_sub(RUN as u64));
                return None;
            }
        }
        Some(good)
    }

    /// Returns true if good records are in the order of time, also with those before them.
    fn are_in_order(&mut self, window: &[u8]) -> bool {
        let at = self.layout.fields().time;
        let mut last = self.latest;
        let mut times = window.chunks_exact(self.layout.width()).filter_map(|record| u32_at(record, at));
        let in_order = times.all(|time| core::mem::replace(&mut last, time) <= time);
        let in_order = in_order && last - self.latest <= WEEK;
        if in_order {
            (self.latest, self.ahead_in_a_row) = (last, 0);
        }
        in_order
    }

    /// Finds the place of a record in the order of time.
    fn order_of(&mut self, class: Class, record: &[u8]) -> Place {
        let time = u32_at(record, self.layout.fields().time).filter(|_| class == Class::Good);
        let Some(time) = time else { return Place::Odd };
        // One date in the future says nothing about those that follow.
        let is_ahead = self.latest > 0 && time > self.latest.saturating_add(WEEK);
        self.ahead_in_a_row = if is_ahead { self.ahead_in_a_row + 1 } else { 0 };
        let is_believed = !is_ahead || self.ahead_in_a_row >= SUSPICIOUS;
        if is_believed {
            self.latest = self.latest.max(time);
        }
        match time >= self.latest {
            false => Place::Odd,
            true if !is_believed || self.is_late(time) => Place::Ahead,
            true => Place::Next,
        }
    }

    fn settle(&mut self, is_settled: bool, records: usize) {
        if is_settled {
            (self.unsettled, self.settled) = (0, self.latest);
        } else {
            self.unsettled += records as u64;
        }
    }

    /// Returns true if no clock has shown this time yet.
    fn is_late(&self, time: u32) -> bool {
        time > self.rules.clock.limit.0
    }

    /// Returns true after a good record. A clock that was set after the first punches, and people without ids among
    /// them, are nothing unusual if the sizes agree.
    fn has_begun(&self) -> bool {
        self.trusted > 0 || self.verdict.tally.good > 0 || !self.sizes_agree
    }

    fn count_numbers(&mut self, window: &[u8]) {
        let Some(number_at) = self.layout.fields().number else { return };
        for record in window.chunks_exact(self.layout.width()) {
            let Some(number) = u16_at(record, number_at) else { return };
            self.broken |= self.last_number.is_some_and(|last| last.wrapping_add(1) != number);
            self.steps += u64::from(self.last_number.replace(number).is_some());
            if self.broken && self.steps >= MIN_STEPS {
                return;
            }
        }
    }

    fn compare(&mut self, window: &[u8]) {
        let Comparison { rival, dated } = alignment::compare(window, self.layout, &self.rules, self.sizes_agree);
        self.verdict.dated |= dated;
        self.verdict.rival = rival;
    }

    /// Returns the verdict, after comparing the last records, which are in the spool.
    pub(super) fn finish(mut self, spool: &mut Spool, region: Region) -> Result<Verdict, SpoolError> {
        if region.records > RUN as u64 && self.goes_on() {
            let end = region.at + region.records * self.layout.width() as u64;
            self.compare(spool.read(end - self.window() as u64..end)?);
        }
        if self.odd_in_a_row >= SUSPICIOUS_AT_THE_END && self.goes_on() {
            let first = self.verdict.neutral.map_or(self.at - self.odd_in_a_row, |(first, _)| first);
            self.verdict.neutral = Some((first, self.at));
        }
        // Lost bytes may have moved less than a window at the end. So the odd records there are compared by themselves.
        let odd = self.verdict.needs_confirmation().filter(|(_, to)| to + SUSPICIOUS > region.records);
        if let Some((from, _)) = odd.filter(|_| self.goes_on()) {
            self.verdict.rival = self.compare_from(from, spool, region, |_, _| true)?;
        }
        // So are those that are late. What would be better records has to go on where the others ended.
        if self.unsettled >= SUSPICIOUS_AT_THE_END && self.goes_on() {
            let from = self.at - self.unsettled;
            let possible = |rows: &[u8], rival: &Rival| self.goes_on_from_settled(rows, rival);
            self.verdict.rival = self.compare_from(from, spool, region, possible)?;
            self.verdict.neutral = Some((self.verdict.neutral.map_or(from, |(first, _)| first), self.at));
        }
        let numbered = self.layout.fields().number.is_some();
        self.verdict.numbers = (numbered && self.steps >= MIN_STEPS).then_some(!self.broken);
        Ok(self.verdict)
    }
}

/// The place of a record in the order of time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is good, and follows those before it.
    Next,
    /// It is good, but later than any clock, or by more than a week than those before it.
    Ahead,
    /// It is not good, or earlier than one before it.
    Odd,
}

/// The classes of the last 64 records, one bit each.
#[derive(Clone, Debug, Default)]
struct Run {
    good: u64,
    bad: u64,
    seen: usize,
}

impl Run {
    /// Adds good records, at most as many as are kept.
    fn add_good(&mut self, records: usize) {
        let bits = u32::try_from(records).unwrap_or(u32::MAX);
        self.good = self.good.checked_shl(bits).unwrap_or(0)
            | u64::MAX.checked_shr(RUN as u32 - bits.min(RUN as u32)).unwrap_or(0);
        self.bad = self.bad.checked_shl(bits).unwrap_or(0);
        self.seen += records;
    }

    /// Adds a record. Returns true if, of 64, more are bad than good.
    fn turns_bad(&mut self, class: Class) -> bool {
        self.good = self.good << 1 | u64::from(class == Class::Good);
        self.bad = self.bad << 1 | u64::from(class == Class::Bad);
        self.seen += 1;
        // Usually none is bad, which needs no counting.
        self.bad != 0 && self.seen >= RUN && self.bad.count_ones() > self.good.count_ones()
    }
}
