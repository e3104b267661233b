//! A handle on a running terminal: inspect it, see its requests, and change it.

use std::sync::Arc;

use chrono::TimeDelta;
use zk_proto::DeviceTime;

use crate::event::TerminalEvent;
use crate::faults::Fault;
use crate::punch::Punch;
use crate::received::{Received, Stats};
use crate::shared::Shared;
use crate::terminal::Terminal;

/// A cheap, cloneable handle on a terminal that a [`Server`](crate::Server) runs.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> String {
        self.0.device().terminal().serial().to_owned()
    }

    /// Stores a punch, and sends it to clients that registered for punches.
    pub fn add_punch(&self, punch: Punch) {
        self.add_punches([punch]);
    }

    /// Stores punches in this order, as [`Handle::add_punch`] does.
    pub fn add_punches(&self, punches: impl IntoIterator<Item = Punch>) {
        let mut device = self.0.device();
        for punch in punches {
            device.punch(punch);
        }
        drop(device);
        self.0.wake();
    }

    /// Lets the next user punch now, and returns the stored punch. `None` if there are no users.
    pub fn punch_now(&self) -> Option<Punch> {
        let punch = self.0.device().next_punch()?;
        self.add_punch(punch.clone());
        Some(punch)
    }

    /// Inspects the terminal in the state that clients have left it.
    pub fn inspect<R>(&self, look: impl FnOnce(&Terminal) -> R) -> R {
        look(self.0.device().terminal())
    }

    /// Sends an event to every client that registered for its kind.
    pub fn emit(&self, event: TerminalEvent) {
        self.0.device().emit(&event);
        self.0.wake();
    }

    /// The log as a client finds it: the truth to compare with what arrived.
    #[must_use]
    pub fn records(&self) -> Vec<Punch> {
        self.0.device().records().to_vec()
    }

    /// Empties the log.
    pub fn clear_log(&self) {
        self.0.device().clear_log();
    }

    /// Drops the oldest records, as a full log does.
    pub fn drop_oldest(&self, count: usize) {
        self.0.device().drop_oldest(count);
    }

    /// Replaces all faults and resets their counters. Faults of whole sessions hold from the next one on.
    pub fn set_faults(&self, faults: &[Fault]) {
        self.0.device().set_faults(faults);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.set_faults(&[]);
    }

    /// Sets the comm key for future sessions; 0 means none.
    pub fn set_key(&self, key: u32) {
        self.0.device().set_key(key);
    }

    /// Sets the terminal's clock, as a person at the terminal would.
    pub fn set_now(&self, time: DeviceTime) {
        self.0.device().set_now(time);
    }

    /// Moves the terminal's clock, as a bad crystal does.
    pub fn move_clock(&self, by: TimeDelta) {
        self.0.device().move_clock(by);
    }

    /// The time of the terminal's clock.
    #[must_use]
    pub fn now(&self) -> DeviceTime {
        self.0.device().terminal().now()
    }

    /// Returns true if people can use the terminal: no client left it disabled.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        let now = self.0.now();
        self.0.device().is_enabled_at(now)
    }

    /// The last 100,000 received packets, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.0.device().received()
    }

    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.device().stats().clone()
    }

    /// Ends every session, as a restart does; log and users stay.
    pub fn restart(&self) {
        self.0.device().restart();
        self.0.wake();
    }

    /// Silences every open connection without closing it, as a pulled cable does. New ones are served.
    pub fn go_silent(&self) {
        self.0.device().go_silent();
    }

    /// Stops the server: it ends its connections and accepts no more.
    pub fn shutdown(&self) {
        self.0.stop.cancel();
    }
}
