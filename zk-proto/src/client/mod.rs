//! A tokio client: [`Session`](crate::Session) with sockets and a clock around it, nothing else.
//!
//! Every wait has a deadline. A call whose future is dropped half-way leaves the client unusable until
//! [`Client::abort`] or [`Client::reconnect`], never out of step.

mod backup;
mod call;
mod carrier;
mod connect;
mod control;
mod driver;
mod enrol;
mod error;
mod facts;
mod guard;
mod live;
mod options;
mod pull;
mod settings;
mod silence;
mod tables;
mod templates;
mod transfer;
mod users;

use std::string::String;
use std::time::Duration;

pub use backup::{Backup, Restored};
pub use carrier::Recorder;
pub use enrol::EnrolError;
pub use error::{ClientError, Step};
pub use guard::Disabled;
pub use live::{Gap, LiveCapture, LiveItem, LiveOptions};
pub use options::{ConnectOptions, DEFAULT_PORT, Transport};
pub use pull::{DEFAULT_OVERLAP, Progress, Pull, PullError, PullRequest, Pulled, pull, pull_users};
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
    /// Set while a call is in hand, so that one that was dropped half-way is noticed.
    in_call: bool,
    /// Whether the terminal may hold a buffer for us.
    holds_buffer: bool,
    /// Whether something was written that the terminal was not told to take over.
    stale: bool,
    lockout: Lockout,
    /// Whether the session has a state at the terminal that a new one would lack.
    bound: bool,
}

impl Client {
    /// The carrier in use: TCP or UDP.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The options that the client was made with.
    #[must_use]
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// What this session saw beside its answers: stale packets, wrong checksums, surplus bytes.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.driver.session.statistics()
    }

    /// Changes what becomes of data with a wrong checksum, for this session and those after a reconnect.
    pub fn set_checksum_policy(&mut self, policy: ChecksumPolicy) {
        self.options.checksums = policy;
        self.driver.session.set_checksum_policy(policy);
    }

    /// Bounds the silences that no answer ends, from here on and over all sessions of this client: together they may last so
    /// long, until a transfer comes on. What is over it fails with [`ClientError::Stalled`].
    pub fn limit_silence(&mut self, limit: Duration) {
        self.driver.silence = Silence { limit: Some(limit), ..Silence::default() };
    }

    /// How much silence there was since a transfer last came on.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.driver.silence.spent
    }

    /// Writes a note into the transcript, if one is written.
    fn note(&self, text: impl FnOnce() -> String) {
        self.options.route.note(text);
    }
}
