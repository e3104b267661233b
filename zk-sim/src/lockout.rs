//! The lock that keeps people from using the terminal.

use std::time::Duration;

use bytes::Buf;

/// A client has disabled the terminal, for some time or until it enables it again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lockout {
    disabled: bool,
    /// The time at which the terminal enables itself.
    ends: Option<Duration>,
    /// The time of the last packet.
    now: Duration,
}

impl Lockout {
    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Duration) {
        self.now = now;
        if self.ends.is_some_and(|ends| ends <= now) {
            self.enable();
        }
    }

    /// Disables the terminal for a client. The request may have a limit in seconds, in four bytes.
    pub(crate) fn disable(&mut self, mut request: &[u8]) {
        let seconds = request.try_get_u32_le().ok().filter(|seconds| *seconds > 0);
        self.ends = seconds.map(|seconds| self.now + Duration::from_secs(seconds.into()));
        self.disabled = true;
    }

    pub(crate) fn enable(&mut self) {
        (self.disabled, self.ends) = (false, None);
    }

    pub(crate) fn is_enabled_at(&self, now: Duration) -> bool {
        !self.disabled || self.ends.is_some_and(|ends| ends <= now)
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.is_enabled_at(self.now)
    }
}
