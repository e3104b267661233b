//! The binary protocol that ZKTeco/iClock attendance terminals speak on TCP and UDP port 4370.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

pub mod checksum;
#[cfg(feature = "client")]
pub mod client;
pub mod comm_key;
mod command;
pub mod dataset;
pub mod encoding;
mod error;
pub mod frame;
mod identity;
mod ids;
pub mod op;
pub mod packet;
pub mod proof;
pub mod record;
pub mod reply;
pub mod session;
pub mod spool;
mod time;

#[cfg(feature = "client")]
pub use client::{Client, ClientError, ConnectOptions, Transport};
pub use comm_key::CommKey;
pub use command::Command;
pub use dataset::{Dataset, Prepared};
pub use error::ProtoError;
pub use identity::Identity;
pub use ids::{PunchState, Uid, UserId, VerifyMode};
pub use op::Operation;
pub use packet::Packet;
pub use record::FreeSizes;
pub use session::Session;
pub use spool::{Spool, SpoolError};
pub use time::DeviceTime;
