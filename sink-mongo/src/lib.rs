//! Writes attendance events into a collection of MongoDB, once each. It makes its own indexes and writes nothing else
//! but a note of its layout's version and, if wanted, people's names; it does not decide which events go out or
//! when to try again: its caller does.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the sink's URL and settings |
//! | `sink.rs` | the [`Sink`](attendance_model::Sink): one unordered insert per batch, one outcome per event |
//! | `mapping.rs` | an event as a document |
//! | `outcome.rs` | what the server's answer to an insert means for each event |
//! | `people.rs` | people by name, in a collection next to the events |
//! | `prepare.rs` | the probe: rights, the layout's version, indexes |
//! | `error.rs` | the driver's errors as the sink's, with what to try next |
//!
//! ```
//! use attendance_model::{Settings, Sink};
//! use sink_mongo::{MongoOptions, MongoSink};
//!
//! let settings = Settings::new([("collection".to_owned(), "punches".to_owned())]);
//! let sink = MongoSink::open(MongoOptions::parse("school", "mongodb://127.0.0.1/attendance", settings)?);
//! assert_eq!(sink.target(), "mongodb://127.0.0.1:27017/attendance#punches");
//! # Ok::<(), attendance_model::OptionsError>(())
//! ```

mod error;
mod heartbeat;
mod mapping;
mod options;
mod outcome;
mod people;
mod prepare;
mod sink;

pub use options::MongoOptions;
pub use sink::MongoSink;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
