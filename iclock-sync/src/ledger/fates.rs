//! The fates of events at one sink, and their numbers.

use serde::Serialize;

use super::sinks::state;

/// Stands for the state of an event without an exception, up to the watermark and after it.
pub(super) const NO_EXCEPTION: i64 = 0;
pub(super) const FRESH: i64 = -1;

/// Events of the ledger, counted by what became of them at one sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fates {
    /// Delivered: the sink has said that it stored them.
    pub delivered: u64,
    /// Still to go out.
    pub pending: u64,
    /// Outside the window when they entered.
    pub held: u64,
    /// Their document is that of an earlier event.
    pub merged: u64,
    /// Refused by the sink for good.
    pub set_aside: u64,
    /// Delivered by the Python tool, as its cache said.
    pub imported: u64,
    /// Delivered, and shrunk since to what they are known by: they cannot be sent again.
    pub shrunk: u64,
    /// Shrunk before the sink was met, or while it was not configured: it was never given them, or nobody knows.
    pub passed_over: u64,
}

/// The fate of one event at one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Pending,
    Held,
    Merged,
    SetAside,
    Imported,
    Shrunk,
    PassedOver,
}

impl Fate {
    /// That of an exception's state.
    pub(super) fn of(state: i64) -> Self {
        match state {
            state::HELD => Self::Held,
            state::MERGED => Self::Merged,
            state::REJECTED => Self::SetAside,
            state::IMPORTED => Self::Imported,
            NO_EXCEPTION => Self::Delivered,
            _ => Self::Pending,
        }
    }
}

impl Fates {
    pub(super) fn add(&mut self, fate: Fate, events: u64) {
        *match fate {
            Fate::Delivered => &mut self.delivered,
            Fate::Pending => &mut self.pending,
            Fate::Held => &mut self.held,
            Fate::Merged => &mut self.merged,
            Fate::SetAside => &mut self.set_aside,
            Fate::Imported => &mut self.imported,
            Fate::Shrunk => &mut self.shrunk,
            Fate::PassedOver => &mut self.passed_over,
        } += events;
    }

    /// All events.
    #[must_use]
    pub fn events(&self) -> u64 {
        let whole = self.delivered + self.pending + self.held + self.merged + self.set_aside + self.imported;
        whole + self.shrunk + self.passed_over
    }

    /// The documents that should be there.
    pub(crate) fn expected(&self) -> u64 {
        self.delivered + self.imported + self.shrunk
    }

    /// Returns true if any of the events has shrunk.
    pub(crate) fn any_shrunk(&self) -> bool {
        self.shrunk > 0 || self.passed_over > 0
    }
}

impl std::ops::AddAssign for Fates {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.pending += other.pending;
        self.held += other.held;
        self.merged += other.merged;
        self.set_aside += other.set_aside;
        self.imported += other.imported;
        self.shrunk += other.shrunk;
        self.passed_over += other.passed_over;
    }
}
