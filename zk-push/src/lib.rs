//! The HTTP push protocol (ADMS, "iclock") of ZKTeco attendance terminals, in which the terminal calls the server:
//! requests, records, commands, results, and what to answer. It stores nothing, knows no time zones and never decides
//! who may call.
//!
//! | layer | module | turns |
//! |---|---|---|
//! | requests | [`request`], [`dialect`] | a request line into what a terminal wants |
//! | lines | [`mod@line`], [`upload`], [`table`] | a body into lines; a bad line takes no good one with it |
//! | records | [`record`], [`fields`], [`options`] | a line into a record, and back |
//! | values | [`text`], [`time`], [`card`] | bytes into text, times and numbers |
//! | commands | [`command`] | an order into a line, and a result into its meaning |
//! | packed uploads | `archive` (feature `archive`) | a `tgz` into lines |
//! | conversation | [`terminal`], [`settings`], [`reply`] | a request into the answer that is due |
//! | kept conversations | [`exchange`] | a request and its answer into text without secrets |
//! | sockets | `server` (feature `router`) | HTTP into requests, over a `Receiver` that stores |
//!
//! Both directions are here: a server reads records and writes commands, a simulator the reverse. The two dialects,
//! attendance and access control, are told apart by what a terminal sends ([`Dialect::evidence`]).
//!
//! # Acknowledged means stored
//! A terminal deletes what is acknowledged. [`Terminal::handle_request`] therefore gives no such answer by itself: it
//! gives an [`Accept`](terminal::Accept), and the answer comes out for the word that the batch is stored.
//!
//! ```
//! use zk_push::request::{Head, Request};
//! use zk_push::terminal::{Step, Terminal};
//!
//! let head = Head::parse("POST", "/iclock/cdata?SN=TST7252800001&table=ATTLOG&Stamp=9999")?;
//! let body = "7\t2026-07-07 01:29:01\t0\t1\t0\t0\t0\ngarbage\n".into();
//!
//! // From what the server has stored about the terminal.
//! let mut terminal = Terminal::new(head.serial.clone());
//! let now = chrono::DateTime::from_timestamp(1_783_387_741, 0).ok_or("no such time")?;
//! let Step::Accept(accept) = terminal.handle_request(now, Request { head, body }) else { panic!("an upload") };
//!
//! let records: Vec<_> = accept.batch().content.upload().ok_or("no records")?.records().collect();
//! assert!(records[0].record.is_ok() && records[1].record.is_err());
//! // Now all lines go to the disk, the bad one to a place of its own. Then:
//! assert_eq!(accept.stored().body, "OK: 2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "archive")]
pub mod archive;
pub mod card;
pub mod command;
pub mod dialect;
pub mod exchange;
pub mod fields;
pub mod line;
pub mod options;
pub mod record;
pub mod reply;
pub mod request;
#[cfg(feature = "router")]
pub mod server;
pub mod settings;
pub mod table;
pub mod terminal;
pub mod text;
pub mod time;
pub mod upload;

pub use chrono;

pub use card::Card;
pub use command::{Command, CommandId, CommandResult};
pub use dialect::Dialect;
pub use fields::{Field, Fields};
pub use line::{Line, LineError};
pub use options::OptionBlock;
pub use record::Record;
pub use reply::Reply;
pub use request::{Head, Request, SerialNumber};
pub use table::Table;
pub use terminal::Terminal;
pub use text::Text;
pub use time::{PackedTime, WallTime, ZoneOffset};
pub use upload::Upload;

/// The most records in one body, results included. A body of 16 MiB with a record in each byte is no upload.
pub const MAX_RECORDS: usize = 20_000;

/// The program of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
