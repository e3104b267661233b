//! A tokio client: a [`Session`](crate::Session) with sockets and a clock.
//!
//! Every wait has a deadline. A call whose future is dropped half-way leaves the client unusable until
//! [`Client::abort`] or [`Client::reconnect`], but never out of step with the terminal.

mod backup;
mod call;
mod carrier;
mod connect;
mod control;
mod discover;
mod driver;
mod enrol;
mod error;
mod facts;
mod guard;
mod live;
mod obstacle;
mod options;
mod progress;
mod pull;
mod restore;
mod settings;
mod silence;
mod stop;
mod tables;
mod templates;
mod transfer;
mod users;

use std::string::String;
use std::time::Duration;

pub use backup::Backup;
pub use carrier::Recorder;
pub use discover::{DiscoverOptions, Discovery, Found};
pub use enrol::EnrolError;
pub use error::{ClientError, Step};
pub use guard::Disabled;
pub use live::{Gap, LiveCapture, LiveItem, LiveOptions, SessionRest};
pub use obstacle::Obstacle;
pub use options::{ConnectOptions, DEFAULT_PORT, Transport};
pub use progress::Progress;
pub use pull::{DEFAULT_OVERLAP, Pull, PullError, PullRequest, Pulled, pull, pull_users};
pub use restore::{Change, Field, Loss, Plan, PlannedFinger, PlannedUser, RestoreOptions, Restored, UserEdit};
pub use users::{UserError, Users};

use crate::session::{ChecksumPolicy, Statistics};
use driver::Driver;
use guard::Lockout;
use silence::Silence;

/// A session with a terminal.
#[derive(Debug)]
pub struct Client {
    options: ConnectOptions,
    /// The carrier that worked.
    transport: Transport,
    driver: Driver,
    /// Set during a call, so that a dropped call is noticed.
    in_call: bool,
    /// True if the terminal may hold a buffer for us.
    holds_buffer: bool,
    /// True if written data still have to be refreshed.
    stale: bool,
    lockout: Lockout,
    /// True if the terminal was sent down: its session is over.
    is_down: bool,
    /// True if the session has state at the terminal that a new one would not have.
    bound: bool,
    /// Sessions that were opened.
    sessions: u32,
}

impl Client {
    /// The carrier in use: TCP or UDP.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The options of the client.
    #[must_use]
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The number of sessions so far. Each new one may have reached another terminal at the same address.
    #[must_use]
    pub fn sessions(&self) -> u32 {
        self.sessions
    }

    /// Counts of stale packets, wrong checksums and surplus bytes in this session.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.driver.session.statistics()
    }

    /// Changes how data with a wrong checksum are treated, in this session and those after a reconnect.
    pub fn set_checksum_policy(&mut self, policy: ChecksumPolicy) {
        self.options.checksums = policy;
        self.driver.session.set_checksum_policy(policy);
    }

    /// Limits the total time without an answer, from now on and over all sessions of this client, until a transfer
    /// makes progress. Past the limit, calls fail with [`ClientError::Stalled`].
    pub fn limit_silence(&mut self, limit: Duration) {
        self.driver.silence = Silence { limit: Some(limit), ..Silence::default() };
    }

    /// The time without an answer since a transfer last made progress.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.driver.silence.spent
    }

    /// Writes a note into the transcript, if one is written.
    fn note(&self, text: impl FnOnce() -> String) {
        self.options.route.note(text);
    }
}
