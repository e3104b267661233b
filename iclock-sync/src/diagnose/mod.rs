//! Looks for what is wrong with a terminal, a sink or the state directory, from the outside in, and says how to fix it.
//!
//! Each function returns findings in the order of its checks: what is well, what is worth a remark, and problems. A
//! finding names its [`Cause`], the evidence and the fix. Nothing is changed at a terminal, and nothing is stored.

mod cause;
mod log;
mod questions;
mod sink;
mod state;
mod terminal;

use std::fmt;

use serde::Serialize;

pub use cause::Cause;
pub use questions::cause_of;
pub use sink::sink;
pub use state::state;
pub use terminal::terminal;

/// One thing that was looked at, in the order from the outside in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The host name has an address.
    Name,
    /// Something listens at the address.
    Connection,
    /// The terminal opens a session.
    Session,
    /// The communication key.
    Key,
    /// It is the terminal that is configured.
    Identity,
    /// It answers requests, and is not in a mode that refuses them.
    Mode,
    /// Its counts.
    Counts,
    /// Its clock.
    Clock,
    /// Room in its log.
    Capacity,
    /// Its table of users.
    Users,
    /// Its log comes whole and is proven.
    Log,
    /// The records, judged by the rules.
    Records,
    /// A sink.
    Sink,
    /// The state directory and its disk.
    Directory,
    /// The ledger.
    Ledger,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All is well.
    Ok,
    /// Good to know; nothing needs to be done.
    Note,
    /// Somebody has to do something.
    Problem,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How much it matters.
    pub level: Level,
    /// The cause; `None` if all is well.
    pub cause: Option<Cause>,
    /// What was seen: a sentence without a full stop, free of secrets.
    pub evidence: String,
    /// What to do; `None` if all is well.
    pub fix: Option<String>,
}

impl Finding {
    /// A check that found nothing wrong.
    #[must_use]
    pub fn ok(check: Check, evidence: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, cause: None, evidence: evidence.into(), fix: None }
    }

    /// A check that found something, with the fix that usually helps.
    #[must_use]
    pub fn of(cause: Cause, evidence: impl Into<String>) -> Self {
        Self {
            check: cause.check(),
            level: cause.level(),
            cause: Some(cause),
            evidence: evidence.into(),
            fix: Some(cause.fix().to_owned()),
        }
    }

    /// With a fix of its own.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Returns true if somebody has to do something.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        self.level == Level::Problem
    }
}

impl Check {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Session => "session",
            Self::Key => "key",
            Self::Identity => "identity",
            Self::Mode => "mode",
            Self::Counts => "counts",
            Self::Clock => "clock",
            Self::Capacity => "capacity",
            Self::Users => "users",
            Self::Log => "log",
            Self::Records => "records",
            Self::Sink => "sink",
            Self::Directory => "directory",
            Self::Ledger => "ledger",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
