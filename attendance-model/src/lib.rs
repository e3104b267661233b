//! Attendance events: normalized, validated, with stable ids; and the contract of the places they are written to.
//!
//! This crate does no I/O and reads no clock. It knows nothing of wires (but for the feature `zk`) and nothing of
//! databases.
//!
//! | step | from | to | where |
//! |---|---|---|---|
//! | convert | a terminal's record | [`RawPunch`] | `RawPunch::from_record` (feature `zk`) |
//! | normalize, validate | [`RawPunch`] | [`AttendanceEvent`] or [`Rejection`] | [`normalize()`], [`Rules`] |
//! | identify | [`AttendanceEvent`] | [`EventId`], by an [`IdScheme`] | [`IdScheme::id_of`] |
//! | write | [`AttendanceEvent`] | [`Outcome`] | [`Sink`], and `conformance`, the suite that every sink runs |
//! | add up | [`AttendanceEvent`] | [`day::Day`]: first in, last out, hours, lateness | [`day::days`] |
//! | move over | the Python tool's files and shapes | and back | [`legacy`] |
//!
//! ```
//! use attendance_model::{Context, PunchState, RawPunch, Rules, Source, VerifyMode, normalize};
//! use chrono::NaiveDate;
//!
//! let today = NaiveDate::from_ymd_opt(2025, 5, 18).unwrap();
//! let time = today.and_hms_opt(7, 1, 9).unwrap();
//! let mut punch = RawPunch::new("OID7040067012100054", "front-gate", "42", time, Source::Pull);
//! punch.verify_mode = VerifyMode(1);
//! punch.punch_state = PunchState(0);
//! let rules = Rules::default();
//! let host_now = today.and_hms_opt(8, 0, 0).unwrap();
//! let context = Context { zone: None, rules: &rules, host_now };
//! let event = normalize(punch, &context).unwrap();
//! assert_eq!(event.id.to_string(), "a4aaad8cbbe67d1ec15ab48b9c040e77");
//! ```

mod budget;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod day;
mod event;
pub mod flat;
#[cfg(feature = "zk")]
mod from_zk;
mod id;
mod id_scheme;
pub mod legacy;
mod memory;
mod normalize;
mod person;
mod punch;
mod punch_state;
mod reason;
mod rules;
pub mod sink;
mod undecodable;
mod usual;
pub mod validate;
mod verify_mode;

/// For `impl Sink`: see [`Sink`].
pub use async_trait::async_trait;
pub use budget::{Budget, Spent};
pub use event::{AttendanceEvent, Instant, Source};
#[cfg(feature = "zk")]
pub use from_zk::Device;
pub use id::{EventId, InvalidEventId};
pub use id_scheme::{IdScheme, UnknownIdScheme};
pub use memory::MemorySink;
pub use normalize::{Rejection, normalize};
pub use person::PersonId;
pub use punch::{LocalTime, RawPunch};
pub use punch_state::PunchState;
pub use reason::{Policy, Reason};
pub use rules::{Context, FixedPolicy, Rules};
pub use sink::{
    Capabilities, NamedPerson, Notice, OptionsError, Outcome, Outgoing, Secret, Settings, Sink, SinkError,
    SinkErrorKind, SinkUrl,
};
pub use usual::Usual;
pub use verify_mode::{Protocol, VerifyMode};
