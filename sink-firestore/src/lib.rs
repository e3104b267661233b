//! Attendance events into Google Cloud Firestore: a document each, once each, without a read.
//!
//! The sink writes and looks documents up; it neither queries nor deletes. Documents are those of the Python tool, so that a
//! collection filled by it goes on growing without a duplicate.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the settings; nothing is contacted |
//! | `endpoint.rs` | which collection, of which project, of the service or of an emulator |
//! | `credentials.rs` | a service-account key, as a file or as text |
//! | `sink.rs` | [`FirestoreSink`]: the `Sink` trait |
//! | `mapping.rs` | an event as a document |
//! | `full.rs` | the map of the full layout |
//! | `delivery.rs` | a batch: statuses, repetition, the search for the one bad event |
//! | [`garbage`] | what the Python tool should not have stored: found, and deleted on request |
//! | `connection.rs` | the channel, and a time-out for every request |
//! | `auth.rs` | where the credentials come from, and what their failure means |
//! | `ramp.rs` | how fast the real service may be written to |
//! | `retry.rs` | how often, and after what pause, something is asked for again |
//! | `index.rs` | whether the composite index is there that readers need |
//! | `error.rs` | what a status of the service means |
//!
//! ```
//! use attendance_model::{Settings, Sink};
//! use sink_firestore::{FirestoreOptions, FirestoreSink};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::new([("emulator".to_owned(), "127.0.0.1:8080".to_owned())]);
//! let options = FirestoreOptions::parse("school", "firestore://my-project/staffAttendanceLogs", settings)?;
//! let sink = FirestoreSink::open(options)?;
//! assert_eq!(sink.target(), "firestore-emulator://127.0.0.1:8080/my-project/staffAttendanceLogs");
//! # Ok(())
//! # }
//! ```
//!
//! `gcloud_sdk` logs an ERROR for each failed request, and [`FirestoreSink`] reports the same failure as an error: a
//! program that shows its log to people filters the target out (`gcloud_sdk=off` in an `EnvFilter`).

mod auth;
mod connection;
mod credentials;
mod delivery;
mod endpoint;
mod error;
mod full;
pub mod garbage;
mod index;
mod mapping;
mod options;
mod ramp;
mod retry;
mod sink;

pub use credentials::ServiceAccountKey;
pub use options::{FirestoreOptions, Layout, TimeReading, UnknownLayout, UnknownTimeReading};
pub use sink::FirestoreSink;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
