//! The news for a supervisor: on Linux systemd, on Windows the service control manager. Without one, nobody is told.

use std::time::Duration;

/// The supervisor that started the process.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// The time within which it wants a sign of life.
    watchdog: Option<Duration>,
}

#[cfg(target_os = "linux")]
impl Supervisor {
    pub(crate) fn new() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// The service works, or works again.
    pub(crate) fn ready(&self) {
        tell(&[sd_notify::NotifyState::Ready]);
    }

    /// The configuration is being read again.
    pub(crate) fn reloading(&self) {
        match sd_notify::NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[sd_notify::NotifyState::Reloading, now]),
            Err(error) => tracing::debug!("the supervisor is not told of the reload: {error}"),
        }
    }

    /// The service ends.
    pub(crate) fn stopping(&self) {
        tell(&[sd_notify::NotifyState::Stopping]);
    }

    /// A sign of life.
    pub(crate) fn alive(&self) {
        if self.watchdog.is_some() {
            tell(&[sd_notify::NotifyState::Watchdog]);
        }
    }
}

#[cfg(target_os = "linux")]
fn tell(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the supervisor is not told: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
impl Supervisor {
    pub(crate) fn new() -> Self {
        Self { watchdog: None }
    }

    pub(crate) fn ready(&self) {
        #[cfg(windows)]
        crate::scm::runs();
    }

    pub(crate) fn reloading(&self) {}

    pub(crate) fn stopping(&self) {
        #[cfg(windows)]
        crate::scm::stops();
    }

    pub(crate) fn alive(&self) {}
}

impl Supervisor {
    /// Signs of life are wanted this often, with time to spare.
    pub(crate) fn pulse(&self) -> Option<Duration> {
        self.watchdog.map(|within| within / 3)
    }
}
