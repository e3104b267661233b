//! The result of a pass over all records.

use core::fmt;

use super::ByteSet;
use super::alignment::Rival;
use super::plausible::Class;

/// Number of records of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All fields are believable.
    pub good: u64,
    /// Only the id is missing, or the date is that of a reset clock.
    pub neutral: u64,
    /// A field is impossible.
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

    /// Returns true if 80 % of the records that are not neutral are good; with fewer than five, all but one. At least
    /// one has to be good.
    pub(super) fn is_plausible(self) -> bool {
        let weighed = self.good + self.bad;
        self.good > 0 && if weighed < 5 { self.bad <= 1 } else { self.good * 5 >= weighed * 4 }
    }

    /// Returns true if no record speaks for the set or against it.
    pub(super) fn is_neutral(self) -> bool {
        self.good == 0 && self.bad == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} good, {} neutral, {} bad", self.good, self.neutral, self.bad)
    }
}

/// The result of a pass over all records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    pub(super) tally: Tally,
    /// The first record of 64 in a row of which more are bad than good.
    pub(super) bad_run: Option<u64>,
    /// A better interpretation of some window.
    pub(super) rival: Option<Rival>,
    /// Record numbers run on; `None` if there are none or too few.
    pub(super) numbers: Option<bool>,
    /// A record among the first or the last has a likely date, after the first years of a reset clock.
    pub(super) dated: bool,
    /// The records from the first long row of bad ones to the end of the last such row.
    pub(super) suspicious: Option<(u64, u64)>,
    /// A record that begins a row which came before.
    pub(super) repeated: Option<u64>,
    /// The first of many records in a row that are bad, have no id, or have a date out of order, after a good one, and
    /// the end of the last such row. At the end of a log, two are many.
    pub(super) neutral: Option<(u64, u64)>,
    /// Undocumented punch states that recur.
    pub(super) states: ByteSet,
    /// Undocumented verify modes that recur.
    pub(super) modes: ByteSet,
    /// Any state was accepted.
    pub(super) any_state: bool,
}

impl Verdict {
    /// Returns true if all states are documented, or known for this terminal.
    pub(super) fn has_known_states(&self) -> bool {
        self.states.is_empty() && !self.any_state
    }

    /// Returns true if so few records are bad that no other rule would accept more.
    pub(super) fn leaves_nothing_to_learn(self) -> bool {
        let few_bad = self.tally.bad * 20 <= self.tally.good && self.suspicious.is_none();
        self.is_acceptable() && few_bad
    }

    /// Returns the records that a second reading has to confirm: rows of bad ones, and of neutral ones among good ones.
    /// Bytes of other fields often make neutral records, so that damage on the way may show by nothing else.
    pub(super) fn needs_confirmation(self) -> Option<(u64, u64)> {
        match (self.suspicious, self.neutral) {
            (Some((first, end)), Some((other, last))) => Some((first.min(other), end.max(last))),
            (one, other) => one.or(other),
        }
    }

    /// Returns the verdict of a more lenient pass, if that accepts more.
    pub(super) fn or_better(self, lenient: Self) -> Self {
        let better = match (self.is_acceptable(), lenient.is_acceptable()) {
            (true, true) => lenient.tally.bad < self.tally.bad,
            (strict, lenient) => lenient || !strict,
        };
        if better { lenient } else { self }
    }

    /// Returns true if nothing speaks against the set, whether it is good or neutral.
    pub(super) fn is_acceptable(self) -> bool {
        self.bad_run.is_none() && self.rival.is_none() && (self.tally.is_plausible() || self.tally.is_neutral())
    }
}
