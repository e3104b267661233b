//! Writes attendance events into a table of SQLite, PostgreSQL or MySQL/MariaDB, once each, and if wanted people's
//! names into another. It creates its own tables and writes nothing else; which events go out, and when to retry, is
//! the caller's decision.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs`, `server.rs`, `table.rs` | the sink's URL and settings; a server's address; the table's name |
//! | `sink.rs` | the [`Sink`](attendance_model::Sink): one transaction per batch, one outcome per event |
//! | `mapping.rs` | the columns, and their values for an event |
//! | `people.rs` | the table of people: its columns, and who fits into them |
//! | `migration.rs`, `migrations/` | the versions of the tables |
//! | `version.rs` | the oldest servers that are supported |
//! | `dialect/` | the differences between databases, one file each |
//! | `error.rs` | a database's errors as the sink's, with hints |
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
mod people;
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
