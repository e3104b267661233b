//! The request for a pull.

use std::time::Duration;

use crate::DeviceTime;
use crate::proof::{Known, Remembered};
use crate::record::{AttendanceLayout, FieldOrder};
use crate::spool::{DEFAULT_MEMORY, Spool, SpoolDirectory};

/// Records at the end of a log that are kept to recognize it.
pub const DEFAULT_OVERLAP: u64 = 16;

/// The knowledge before a pull, and its options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PullRequest {
    /// The known end of the log; `None` reads everything.
    pub known: Option<Known>,
    /// Reads everything even if the end is known.
    pub force_full: bool,
    /// The count of records that this session has already read, if it has.
    pub count_before: Option<u32>,
    /// The terminal is known not to report its counts, so it is not asked.
    pub countless: bool,
    /// Facts about the terminal from earlier pulls.
    pub remembered: Remembered,
    /// The terminal is known to refuse offsets, so everything is read from the start.
    pub offsets_refused: bool,
    /// The layout that the terminal's owner configured. No other one is considered.
    pub layout: Option<AttendanceLayout>,
    /// Which of two bytes of a 16-byte record is the punch state.
    pub order: FieldOrder,
    /// The host's local time.
    pub host_now: DeviceTime,
    /// The terminal's clock, if it was read.
    pub terminal_now: Option<DeviceTime>,
    /// Bytes of a transfer to keep in memory, default 1 MiB.
    pub spool_memory: usize,
    /// The directory for the temporary file of a longer transfer, default the system's temporary directory. With
    /// `None`, a longer transfer fails.
    pub spool_directory: Option<SpoolDirectory>,
    /// Records at the end of the log to return for the next pull, default [`DEFAULT_OVERLAP`].
    pub overlap: u64,
    /// The longest that the whole pull may take, over all its sessions; default no limit of its own. Past it, the pull
    /// ends with [`PullError::Overdue`](super::PullError::Overdue).
    pub deadline: Option<Duration>,
}

impl PullRequest {
    /// A full read of an unknown terminal.
    #[must_use]
    pub fn new(host_now: DeviceTime) -> Self {
        Self {
            known: None,
            force_full: false,
            count_before: None,
            countless: false,
            remembered: Remembered::default(),
            offsets_refused: false,
            layout: None,
            order: FieldOrder::default(),
            host_now,
            terminal_now: None,
            spool_memory: DEFAULT_MEMORY,
            spool_directory: Some(SpoolDirectory::temporary()),
            overlap: DEFAULT_OVERLAP,
            deadline: None,
        }
    }

    /// Sets the known end of the log.
    #[must_use]
    pub fn known(mut self, known: impl Into<Option<Known>>) -> Self {
        self.known = known.into();
        self
    }

    /// Sets whether to read everything even if the end is known.
    #[must_use]
    pub fn force_full(mut self, force_full: bool) -> Self {
        self.force_full = force_full;
        self
    }

    /// Sets the count of records that this session has already read.
    #[must_use]
    pub fn count_before(mut self, count_before: impl Into<Option<u32>>) -> Self {
        self.count_before = count_before.into();
        self
    }

    /// Sets whether the terminal is known not to report its counts.
    #[must_use]
    pub fn countless(mut self, countless: bool) -> Self {
        self.countless = countless;
        self
    }

    /// Sets the facts about the terminal from earlier pulls.
    #[must_use]
    pub fn remembered(mut self, remembered: Remembered) -> Self {
        self.remembered = remembered;
        self
    }

    /// Sets whether the terminal is known to refuse offsets.
    #[must_use]
    pub fn offsets_refused(mut self, offsets_refused: bool) -> Self {
        self.offsets_refused = offsets_refused;
        self
    }

    /// Sets the only layout that is considered.
    #[must_use]
    pub fn layout(mut self, layout: impl Into<Option<AttendanceLayout>>) -> Self {
        self.layout = layout.into();
        self
    }

    /// Sets which of two bytes of a 16-byte record is the punch state.
    #[must_use]
    pub fn order(mut self, order: FieldOrder) -> Self {
        self.order = order;
        self
    }

    /// Sets the terminal's clock.
    #[must_use]
    pub fn terminal_now(mut self, terminal_now: impl Into<Option<DeviceTime>>) -> Self {
        self.terminal_now = terminal_now.into();
        self
    }

    /// Sets how many bytes of a transfer to keep in memory.
    #[must_use]
    pub fn spool_memory(mut self, spool_memory: usize) -> Self {
        self.spool_memory = spool_memory;
        self
    }

    /// Sets the directory for the temporary file of a longer transfer; with `None`, a longer transfer fails.
    #[must_use]
    pub fn spool_directory(mut self, spool_directory: Option<SpoolDirectory>) -> Self {
        self.spool_directory = spool_directory;
        self
    }

    /// Sets how many records at the end of the log to return for the next pull.
    #[must_use]
    pub fn overlap(mut self, overlap: u64) -> Self {
        self.overlap = overlap;
        self
    }

    /// Sets the longest that the whole pull may take.
    #[must_use]
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = deadline.into();
        self
    }

    pub(super) fn spool(&self) -> Spool {
        match &self.spool_directory {
            Some(directory) => Spool::in_directory(self.spool_memory, directory.clone()),
            None => Spool::in_memory(self.spool_memory),
        }
    }
}
