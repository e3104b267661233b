//! How many records are believable, and the result of a pass over all of them.

use core::fmt;

use super::ByteSet;
use super::alignment::Rival;
use super::plausible::Class;

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
    pub(super) fn leaves_nothing_to_learn(self) -> bool {
        let few_bad = self.tally.bad * 20 <= self.tally.good && self.suspicious.is_none();
        self.is_acceptable() && few_bad
    }

    /// The verdict of a more lenient look, where that comes to more.
    pub(super) fn or_better(self, lenient: Self) -> Self {
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
