//! Simulated ZKTeco/iClock attendance terminals, with the faults of real ones. They speak the terminal's side of the
//! binary protocol on port 4370, well enough for any client. They are not firmware.
//!
//! | layer | what |
//! |---|---|
//! | [`Profile`] | which family: record layouts, packet sizes, manners |
//! | [`Terminal`] | what hangs on the wall: users, log, options, clock, key; from a seed or from given data |
//! | [`Fault`] | what is wrong with it, by name |
//! | [`Device`] | sessions without a network: packets in, [`Action`]s out, time as an argument |
//! | [`Server`], [`Handle`] | the same over TCP and UDP, and the way to look at it and change it while it runs |
//! | [`push`] | terminals that call a server over HTTP: the log uploaded by itself, commands carried out on a model |
//! | [`Control`] | the same way for programs in other languages: a port that takes lines of JSON |
//!
//! Packets are sent one by one, without a pause. Clients that expect one packet per read of their socket (node-zklib,
//! zkteco-js) need the pace of a real terminal: [`Profile::pace`].
//!
//! ```
//! use bytes::Bytes;
//! use zk_sim::{Action, Device, Terminal, Transport};
//!
//! let mut device = Device::new(Terminal::builder().records(100).seed(7).first_session(0x2F4A).build());
//! let link = device.open(Transport::Udp).unwrap();
//! let connect = Bytes::from_static(&[0xE8, 0x03, 0x17, 0xFC, 0, 0, 0, 0]);
//! let actions = device.handle_packet(link, connect, std::time::Duration::ZERO);
//! let [Action::Write(frame)] = &actions[..] else { panic!("one packet answers") };
//! assert_eq!(frame.to_bytes()[..2], 2000u16.to_le_bytes());
//! assert_eq!(device.records().len(), 100);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod biometrics;
mod capture;
mod commands;
pub mod control;
mod data;
mod device;
mod enrolment;
mod event;
pub mod faults;
mod file;
mod handle;
mod layout;
mod line;
mod link;
mod lockout;
mod log;
mod messages;
mod operations;
mod options;
mod panel;
pub mod profile;
mod punch;
pub mod push;
mod received;
mod reply;
mod school;
mod server;
mod shared;
mod terminal;
mod transfer;
mod upload;
mod users;

pub use access::Access;
pub use control::Control;
pub use data::Person;
pub use device::Device;
pub use event::TerminalEvent;
pub use faults::{Fault, FaultError, FaultKind};
pub use file::DataError;
pub use handle::Handle;
pub use line::{Action, Frame, Transport};
pub use link::LinkId;
pub use messages::Messages;
pub use panel::Panel;
pub use profile::Profile;
pub use punch::Punch;
pub use received::{Received, Stats};
pub use school::SchoolDay;
pub use server::Server;
pub use terminal::{Terminal, TerminalBuilder};
