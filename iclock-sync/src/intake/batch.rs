//! A batch: punches of one terminal, how they came, and what is to be remembered with them.

use attendance_model::{RawPunch, Reason, Source};
use chrono::NaiveDateTime;

use crate::ledger::{Poll, Stamp, TerminalState};

/// Punches of one terminal on their way into the ledger.
#[derive(Debug)]
pub(crate) struct Batch<P> {
    pub(crate) provenance: Provenance,
    pub(crate) punches: P,
    /// To be remembered of the terminal once all punches have entered; `None` if they are no part of its log.
    pub(crate) cursor: Option<TerminalState>,
    /// The kept log that a person accepted and that these punches are of: its number, and the time in seconds since
    /// 1970.
    pub(crate) accepts: Option<(i64, i64)>,
    /// To be remembered of a terminal that pushes, once all punches have entered.
    pub(crate) stamp: Option<Stamp>,
    /// Records that leave the quarantine once all punches have entered: what they are the beginning of is among these.
    pub(crate) resolves: Vec<Vec<u8>>,
    /// All punches enter in one change.
    pub(crate) whole: bool,
}

/// The origin of punches.
#[derive(Clone, Debug)]
pub(crate) struct Provenance {
    /// The terminal, and when and how it was read.
    pub(crate) poll: Poll,
    /// Now, as a right clock on the terminal's wall shows it.
    pub(crate) host_now: NaiveDateTime,
    /// Nothing proves the punches: a person accepted them.
    pub(crate) by_hand: bool,
    /// A record that waits because nobody was in its slot goes to the person who is there now.
    pub(crate) new_owners: bool,
    /// The epoch of the terminal's log.
    pub(crate) epoch: u64,
    /// The place of the first punch in that log, from 0: those before it are known.
    pub(crate) start: u64,
}

impl Provenance {
    /// Returns true if the punches are a terminal's log from its first record on.
    pub(crate) fn is_whole_log(&self) -> bool {
        self.poll.source == Source::Pull && self.start == 0 && self.epoch > 0
    }
}

/// One punch as it was read.
#[derive(Clone, Debug)]
pub(crate) struct ReadPunch {
    pub(crate) punch: RawPunch,
    /// The reason for which it goes to the quarantine whatever the rules say, if its log does not prove it.
    pub(crate) unproven: Option<Reason>,
}

/// Punches in the order in which they were read. They are decoded a few at a time: a long log never is in memory as a
/// whole.
pub(crate) trait Punches {
    /// The reason why the next punches cannot be read.
    type Unreadable;

    /// The number of punches that have not been given out.
    fn left(&self) -> u64;

    /// Gives out the next punches, at most `most`; none after the last.
    ///
    /// # Errors
    /// When they cannot be read.
    fn next(&mut self, most: usize) -> Result<Vec<ReadPunch>, Self::Unreadable>;
}
