//! What live capture tells.

use std::time::Duration;

use crate::DeviceTime;
use crate::client::ClientError;
use crate::record::LiveEvent;

/// What live capture tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum LiveItem {
    /// Something happened at the terminal; copies of an event that is already told are left out.
    Event(LiveEvent),
    /// The terminal is not heard any more, or could not be reached in the first place; it is tried again. Told once for each loss.
    Lost {
        /// Why.
        why: ClientError,
    },
    /// The terminal is heard from now on, and was not before. What happened in between stands in its log.
    Gap(Gap),
}

/// A time in which nobody listened, in the terms of the terminal's own clock, which dates its log.
///
/// The clock may have been set meanwhile: then the log itself tells more than these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// What the clock showed at the last sign of life. `None` at the first connection, and where the terminal tells no time.
    pub from: Option<DeviceTime>,
    /// What it shows now. `None` where the terminal tells no time.
    pub to: Option<DeviceTime>,
    /// How long ago the loss was noticed, by the host's clock; `None` at the first connection.
    pub lasted: Option<Duration>,
}
