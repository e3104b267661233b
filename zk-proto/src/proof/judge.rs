//! The first pass: is a set of records plausible, and do its numbers run on?

use alloc::vec::Vec;
use core::fmt;

use crate::record::{AttendanceLayout, Bits, FieldOrder};
use crate::spool::{Spool, SpoolError};

use super::ByteSet;
use super::attendance::ENOUGH;
use super::fields::{Class, Rules};
use super::look::{Look, RUN};
use super::rival::Rival;

/// Undocumented verify modes that are taken when they recur.
const OTHER_MODES: usize = 4;
/// Undocumented punch states that are taken when they recur: more than a terminal has function keys for them.
const OTHER_STATES: usize = 16;
/// One record in so many has such a state at least.
const STATE_SHARE: u64 = 64;
/// Bytes that are read from the spool at once.
const BLOCK: usize = 256 << 10;

/// Where the records to be judged stand in a spool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) layout: AttendanceLayout,
    /// Offset of the first record.
    pub(super) at: u64,
    pub(super) records: u64,
    /// Records at its beginning that are known already.
    pub(super) trusted: u64,
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
    /// From the first of many bad records in a row to behind the last of such a row.
    pub(super) suspicious: Option<(u64, u64)>,
    /// Punch states that no document names and that recur.
    pub(super) states: ByteSet,
    /// Verify modes likewise.
    pub(super) modes: ByteSet,
    /// No state was held against a record.
    pub(super) any_state: bool,
}

impl Verdict {
    /// Whether the states of the records are documented, or known of this terminal.
    pub(super) fn has_known_states(&self) -> bool {
        self.states.is_empty() && !self.any_state
    }

    /// Whether so few records are bad that no rule would make more of them.
    fn leaves_nothing_to_learn(self) -> bool {
        let few_bad = self.tally.bad * 20 <= self.tally.good && self.suspicious.is_none();
        self.is_acceptable() && few_bad
    }

    /// The verdict of a more lenient look, where that comes to more.
    fn or_better(self, lenient: Self) -> Self {
        let better = match (self.is_acceptable(), lenient.is_acceptable()) {
            (true, true) => lenient.tally.bad < self.tally.bad,
            (strict, lenient) => lenient || !strict,
        };
        if better { lenient } else { self }
    }

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
    let as_captured = !region.layout.fields().order_varies || rules.order == FieldOrder::StateFirst;
    let taken = verdict.is_acceptable();
    if taken && verdict.has_known_states() || as_captured {
        return Ok(verdict);
    }
    let as_set = look(spool, region, rules, sizes_agree)?;
    let better = as_set.is_acceptable() && (!taken || as_set.tally.bad <= verdict.tally.bad);
    Ok(if better { as_set } else { verdict })
}

/// Verify modes and punch states that no document names are taken when they recur, which costs a second look; and where states
/// prove nothing, they are not held against a record at all, in a third one.
fn judge_in_order(
    spool: &mut Spool,
    region: Region,
    mut rules: Rules,
    sizes_agree: bool,
    ahead: Option<&Look>,
) -> Result<Verdict, SpoolError> {
    let mut verdict = match ahead.filter(|ahead| ahead.is_of(region, &rules, sizes_agree)) {
        Some(ahead) => ahead.clone().finish(spool, region)?,
        None => look(spool, region, &rules, sizes_agree)?,
    };
    if verdict.leaves_nothing_to_learn() {
        return Ok(verdict);
    }
    let Others { modes, states } = recurring(spool, region, &rules)?;
    if !modes.is_empty() || !states.is_empty() {
        rules.allow(modes, states);
        let learned = Verdict { modes, states, ..look(spool, region, &rules, sizes_agree)? };
        verdict = verdict.or_better(learned);
    }
    // Short records have little else to show, unless they name people.
    let states_prove_nothing = rules.people.is_some() || rules.states_prove_nothing && region.layout.is_wide();
    if states_prove_nothing && !verdict.leaves_nothing_to_learn() {
        rules.allow_any_state();
        let any = Verdict { modes, states, any_state: true, ..look(spool, region, &rules, sizes_agree)? };
        verdict = verdict.or_better(any);
    }
    Ok(verdict)
}

fn look(spool: &mut Spool, region: Region, rules: &Rules, sizes_agree: bool) -> Result<Verdict, SpoolError> {
    let mut look = Look::new(region.layout, rules.clone(), sizes_agree).trusting(region.trusted);
    region.blocks(spool, |block| {
        look.feed(block);
        look.goes_on()
    })?;
    look.finish(spool, region)
}

/// What a log has that no document names, as far as it occurs more than once.
pub(super) struct Others {
    pub(super) modes: ByteSet,
    pub(super) states: ByteSet,
}

/// The most frequent verify modes and punch states that no document names.
pub(super) fn recurring(spool: &mut Spool, region: Region, rules: &Rules) -> Result<Others, SpoolError> {
    let (mut modes, mut states) = ([0u64; 256], [0u64; 256]);
    let layout = region.layout;
    let fields = layout.fields();
    // A few bits hold nothing that a function key could be set to besides the documented states.
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
    // A state that few records have makes no difference, and bytes that are no state have many values.
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
