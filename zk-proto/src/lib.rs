//! The binary protocol that ZKTeco/iClock attendance terminals speak on TCP and UDP port 4370.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

pub mod checksum;
pub mod comm_key;
mod command;
mod error;
pub mod frame;
mod ids;
pub mod packet;
mod time;

pub use comm_key::CommKey;
pub use command::Command;
pub use error::ProtoError;
pub use ids::{PunchState, Uid, VerifyMode};
pub use packet::Packet;
pub use time::DeviceTime;
