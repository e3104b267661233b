//! Attendance events to any program that takes them over HTTP: batches of JSON, signed, with an id for each event by
//! which the receiver stores it once. A [`Sink`](attendance_model::Sink) like any other. Presets speak the language of
//! systems that take punches in one of their own.
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | [`HttpOptions`]: the URL and the settings |
//! | `sink.rs` | [`HttpSink`]: the contract |
//! | `mapping.rs` | what is sent, and what a receiver may answer |
//! | `signature.rs` | the signature of a request, by the Standard Webhooks |
//! | `client.rs` | one request, within its time |
//! | `hook.rs` | [`Hook`]: one message, such as an alert, by the same client |
//! | `frappe.rs` | [`FrappeSink`]: Employee Checkins of Frappe HR and ERPNext |
//! | `odoo/` | [`OdooSink`]: attendances of Odoo, and how punches become pairs |
//! | `error.rs` | a failed request or a refusal as a `SinkError` |
//!
//! ```
//! use attendance_model::{Settings, Sink};
//! use sink_http::{HttpOptions, HttpSink};
//!
//! let settings = Settings::new([("token".to_owned(), "t0p-s3cret".to_owned())]);
//! let options = HttpOptions::parse("school", "https://school.example/hooks/attendance", settings)?;
//! let sink = HttpSink::open(options)?;
//! assert_eq!(sink.target(), "https://school.example/hooks/attendance");
//! # Ok::<(), attendance_model::OptionsError>(())
//! ```

mod client;
mod error;
mod frappe;
mod hook;
mod mapping;
mod odoo;
mod options;
mod signature;
mod sink;

pub use frappe::{FrappeOptions, FrappeSink};
pub use hook::Hook;
pub use odoo::{OdooOptions, OdooSink};
pub use options::HttpOptions;
pub use sink::HttpSink;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
