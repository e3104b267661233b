//! The receiver: terminals that call this program, behind a router or in another network.
//!
//! [`PushReceiver`] joins zk-push's server to a running [`Service`](crate::Service). A request becomes punches and bad
//! lines (`content`, `punch`). They enter the ledger in one change with the terminal's stamp, through the one
//! [`Door`](crate::Door). Only then the terminal is told that they are safe. If the ledger cannot take them, it keeps
//! them and sends them again.
//!
//! Who may call is decided by serial number (`callers`): those that are configured, and those that a person approved.
//! All others are answered alike, and wait for a decision. A terminal that was silent, or has forgotten what it sent,
//! is asked for the gap (`presence`, `gaps`). People want things of terminals (`wish`), which need permissions
//! (`needs`). The last requests may be kept (`capture`). The decision of another process comes as a file
//! ([`Decision`]), because one process writes the ledger.

mod access;
mod callers;
pub(crate) mod capture;
mod commands;
mod content;
mod decision;
mod gaps;
mod listing;
mod mailbox;
mod needs;
mod order;
mod other;
mod presence;
mod punch;
mod receiver;
mod seam;
mod told;
mod wish;

pub use access::PushAccess;
pub use capture::Captured;
pub use commands::shown;
pub use decision::Decision;
pub use needs::{Needs, NotPermitted, needs, permitted};
pub use order::{Order, SET_TIME};
pub use receiver::PushReceiver;
pub use wish::{Wish, WishError, only_ask};

pub use crate::ledger::{MOST_PENDING, PushAdmission, PushState};
