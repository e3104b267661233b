//! The clocks that the dates of records are held against.

use crate::DeviceTime;

use super::Evidence;

/// A day of packed time, in seconds.
pub(super) const DAY: u32 = 86_400;

/// Which dates are believable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) limit: DeviceTime,
    pub(super) host: DeviceTime,
    pub(super) terminal: Option<DeviceTime>,
}

impl Clock {
    pub(super) fn new(evidence: &Evidence) -> Self {
        let later = evidence.terminal_now.map_or(evidence.host_now, |terminal| terminal.max(evidence.host_now));
        Self { limit: next_day(later), host: evidence.host_now, terminal: evidence.terminal_now }
    }

    /// Whether the terminal shows that its clock was reset.
    pub(super) fn is_reset(self) -> bool {
        self.terminal.is_some_and(|terminal| terminal.0 < DAY)
    }
}

/// The same time on the next day that exists: packed months have 31 days each.
fn next_day(time: DeviceTime) -> DeviceTime {
    let mut next = DeviceTime(time.0.saturating_add(DAY));
    while !next.exists() && next.0 < u32::MAX {
        next = DeviceTime(next.0.saturating_add(DAY));
    }
    next
}
