//! Attendance events into MongoDB. **Not built yet**: the URL is read and checked, and opening refuses.
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | [`MongoOptions`]: `mongodb://…/DB` |
//! | `sink.rs` | [`MongoSink`], which cannot be made yet |
//!
//! ```
//! use attendance_model::Settings;
//! use sink_mongo::{MongoOptions, MongoSink};
//!
//! let options = MongoOptions::parse("school", "mongodb://127.0.0.1/attendance", Settings::default())?;
//! let refusal = MongoSink::open(options).unwrap_err();
//! assert_eq!(refusal.to_string(), "writing to MongoDB (127.0.0.1/attendance) is not built yet");
//! # Ok::<(), attendance_model::OptionsError>(())
//! ```

mod options;
mod sink;

pub use options::MongoOptions;
pub use sink::MongoSink;
