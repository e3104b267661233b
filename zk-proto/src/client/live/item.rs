//! The items of live capture.

use std::time::Duration;

use crate::DeviceTime;
use crate::client::ClientError;
use crate::record::LiveEvent;

/// An item of live capture.
#[derive(Debug)]
#[non_exhaustive]
pub enum LiveItem {
    /// An event at the terminal. Repeated copies are left out.
    Event(LiveEvent),
    /// The terminal was lost, or could not be reached in the first place. It is retried. Reported once for each loss.
    Lost {
        /// The reason.
        why: ClientError,
    },
    /// Listening begins now. The events in between are in the terminal's log.
    Gap(Gap),
}

/// A time in which the terminal was not heard, by the terminal's own clock, which also dates its log.
///
/// The clock may have been set meanwhile; then trust the log rather than these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The clock at the last sign of life. `None` at the first connection, and for a terminal that does not report its
    /// time.
    pub from: Option<DeviceTime>,
    /// The clock now. `None` for a terminal that does not report its time.
    pub to: Option<DeviceTime>,
    /// The time since the loss was noticed, by the host's clock; `None` at the first connection.
    pub lasted: Option<Duration>,
}
