//! Attendance events into a file, a line each: JSON Lines or CSV. A [`Sink`](attendance_model::Sink) like any other,
//! for users without a database.
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | [`FileOptions`]: `jsonl:PATH`, `csv:PATH`, and the settings |
//! | `sink.rs` | [`FileSink`]: the contract, on a blocking thread |
//! | `append.rs` | the file: one writer at a time, whole lines only, on the disk before success |
//! | `people.rs` | people by name, in a file next to the events |
//! | `rotation.rs` | the end of a full file, and the names of full files |
//! | `index.rs` | the ids that are in the files, on the disk: memory does not grow with them |
//! | `mapping.rs` | an event as a line: the names of the SQLite table, `raw` as hex |
//! | `error.rs` | failures of the file system as a `SinkError` |
//!
//! ```
//! use attendance_model::{Settings, Sink};
//! use sink_file::{FileOptions, FileSink};
//!
//! let options = FileOptions::parse("audit", "jsonl:/var/lib/attendance/events.jsonl", Settings::default())?;
//! let sink = FileSink::open(options);
//! assert_eq!(sink.target(), "jsonl:/var/lib/attendance/events.jsonl");
//! # Ok::<(), attendance_model::OptionsError>(())
//! ```

mod append;
mod error;
mod index;
mod mapping;
mod options;
mod people;
mod rotation;
mod sink;

pub use options::{FileOptions, Format};
pub use rotation::{Rotation, UnknownRotation};
pub use sink::FileSink;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
