//! Writes attendance events into a table of SQLite, PostgreSQL or MySQL/MariaDB, once each. It creates its own table
//! and writes nothing else; it does not decide which events go out or when to try again: its caller does.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs`, `server.rs`, `table.rs` | the sink's URL and settings; where a server is; the table's name |
//! | `sink.rs` | the [`Sink`](attendance_model::Sink): one transaction per batch, one outcome per event |
//! | `mapping.rs` | the columns, and what of an event goes into which |
//! | `migration.rs`, `migrations/` | how the table came to be, in versions |
//! | `version.rs` | which servers are new enough |
//! | `dialect/` | what differs from one database to the next, one file each |
//! | `error.rs` | a database's errors as the sink's, with what to try next |
//!
//! Each database is a feature: `sqlite`, `postgres`, `mysql`. None is on by default.
//!
#![cfg_attr(feature = "sqlite", doc = "```")]
#![cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
//! use attendance_model::{Settings, Sink};
//! use sink_sql::{SqlOptions, SqlSink};
//!
//! let settings = Settings::new([("table".to_owned(), "punches".to_owned())]);
//! let sink = SqlSink::open(SqlOptions::parse("school", "sqlite:attendance.db", settings)?)?;
//! assert!(sink.target().ends_with("attendance.db#punches"));
//! # Ok::<(), attendance_model::OptionsError>(())
//! ```

// A build without some database leaves parts of what they share without a caller.
#![cfg_attr(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")), allow(dead_code))]

mod dialect;
mod error;
mod mapping;
mod migration;
mod options;
mod server;
mod sink;
mod table;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod version;

pub use options::SqlOptions;
pub use sink::SqlSink;

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
