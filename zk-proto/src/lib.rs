//! The binary protocol of ZKTeco/iClock attendance terminals on TCP and UDP port 4370: frames, packets, records,
//! sessions, and the proof that a transfer is complete and in place.
//!
//! It does not speak the HTTP push protocol (ADMS), the protocol of access control panels on the same port, or the
//! secure protocol of recent firmware; it recognizes the latter two. It stores nothing and knows no time zones.
//!
//! | layer | module | turns |
//! |---|---|---|
//! | framing | [`frame`] | a TCP stream into packets; a UDP datagram is one packet |
//! | packets | [`packet`], [`checksum`] | bytes into command, reply id, data |
//! | meaning | [`reply`], [`op`], [`enrolment`] | answers and events into results or refusals |
//! | conversation | [`session`] | requests into bytes and bytes into events, with time as an argument |
//! | proof | [`spool`], [`proof`] | a transfer into proven records |
//! | recording | [`transcript`] | a conversation into text without secrets, and back |
//! | records | [`record`], [`encoding`] | bytes into users, attendance records, live events |
//! | sockets | [`client`] (feature `client`) | a host and a port into a session |
//!
//! Everything but [`client`] works without `std`. The bare core (`default-features = false`) needs only `nom` and
//! `bytes`. The feature `chrono` converts [`DeviceTime`].
//!
//! # A decode without a network
//! ```
//! use zk_proto::frame::{Decoded, FrameDecoder};
//! use zk_proto::record::{EventCode, LiveEvent, Who};
//! use zk_proto::{Command, Packet, UserId};
//!
//! // A live event as a terminal sent it, in two reads.
//! let captured = [
//!     &b"\x50\x50\x82\x7d\x28\x00\x00\x00\xf4\x01\xac\x12\x01\x00\x00\x00999111333"[..],
//!     &b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x12\x06\x19\x11\x29\x05"[..],
//! ];
//! let mut decoder = FrameDecoder::default();
//! decoder.push(captured[0]);
//! assert!(matches!(decoder.next_frame()?, Decoded::Incomplete { .. }));
//! decoder.push(captured[1]);
//! let Decoded::Item(bytes) = decoder.next_frame()? else { panic!("both reads make a frame") };
//!
//! let packet = Packet::parse(bytes)?;
//! assert_eq!((packet.command, packet.intact), (Command::REG_EVENT, true));
//!
//! let events = LiveEvent::parse(EventCode(packet.session.0), packet.data);
//! let [LiveEvent::Punch(punch)] = &events[..] else { panic!("one punch") };
//! assert_eq!(punch.who, Who::UserId(UserId("999111333".into())));
//! assert_eq!(punch.time.map(|time| time.to_string()).as_deref(), Some("2018-06-25 17:41:05"));
//! # Ok::<(), zk_proto::ProtoError>(())
//! ```
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
pub mod enrolment;
mod error;
pub mod frame;
mod identity;
pub mod ids;
mod meaning;
pub mod op;
pub mod packet;
pub mod proof;
pub mod record;
pub mod reply;
pub mod session;
pub mod spool;
mod time;
pub mod transcript;

#[cfg(feature = "client")]
pub use client::{Client, ClientError, ConnectOptions, Transport};
pub use comm_key::CommKey;
pub use command::Command;
pub use dataset::{Dataset, Prepared};
pub use error::ProtoError;
pub use identity::Identity;
pub use ids::{PunchState, ReplyId, SessionId, Uid, UserId, VerifyMode};
pub use op::Operation;
pub use packet::Packet;
pub use record::FreeSizes;
pub use session::Session;
pub use spool::{Spool, SpoolError};
pub use time::DeviceTime;

#[cfg(feature = "chrono")]
pub use chrono;
