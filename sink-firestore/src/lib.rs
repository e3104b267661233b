//! Attendance events into Google Cloud Firestore: a document each, once each, without a read.
//!
//! The sink writes and looks documents up; it neither queries nor deletes. Documents are those of the Python tool, so
//! that a collection filled by it goes on growing without a duplicate.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the settings; nothing is contacted |
//! | `endpoint.rs` | which collection, of which project, of the service or of an emulator |
//! | `credentials.rs` | a service-account key, as a file or as text |
//! | `sink.rs` | [`FirestoreSink`]: the `Sink` trait |
//! | `mapping.rs` | an event as a document |
//! | `delivery.rs` | a batch: statuses, retries, the search for the one bad event |
//! | `garbage/` | finds and deletes the Python tool's bad documents (feature `garbage`) |
//! | `connection.rs` | the channel, and a time-out for every request |
//! | `auth.rs` | the credentials, and the meaning of their failure |
//! | `ramp.rs` | how fast the real service may be written to |
//! | `status.rs` | the meaning of a gRPC status |
//! | `retry.rs` | how often a request is sent again, and after which pause |
//! | `index.rs` | a check for the composite index that readers need |
//! | `error.rs` | a failure as a `SinkError`, with its hint |
//! | `cause.rs` | the causes below an error |
//!
//! ```
//! use attendance_model::{Settings, Sink};
//! use sink_firestore::{FirestoreOptions, FirestoreSink};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::new([("emulator".to_owned(), "127.0.0.1:8080".to_owned())]);
//! let options = FirestoreOptions::parse("school", "firestore://my-project/staffAttendanceLogs", settings)?;
//! let sink = FirestoreSink::open(options);
//! assert_eq!(sink.target(), "firestore-emulator://127.0.0.1:8080/my-project/staffAttendanceLogs");
//! # Ok(())
//! # }
//! ```
//!
//! `gcloud_sdk` logs an ERROR for each failed request, and [`FirestoreSink`] reports the same failure as an error: a
//! program that shows its log to people filters the target out (`gcloud_sdk=off` in an `EnvFilter`).

mod auth;
mod cause;
mod channel;
mod connection;
mod count;
mod credentials;
mod delivery;
mod endpoint;
mod error;
#[cfg(feature = "garbage")]
pub mod garbage;
mod index;
mod mapping;
mod options;
mod ramp;
mod retry;
mod sink;
mod status;

pub use credentials::ServiceAccountKey;
pub use options::{FirestoreOptions, Layout, TimeReading, UnknownLayout, UnknownTimeReading};
pub use sink::FirestoreSink;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
