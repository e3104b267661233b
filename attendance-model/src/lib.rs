//! Attendance events: normalized, validated, with stable ids; and the contract of the places they are written to.
//!
//! stub docs: to be written by the owner of this crate.

mod event;
mod id;
mod reason;
pub mod sink;

pub use event::{AttendanceEvent, Instant, PunchState, Source, VerifyMode};
pub use id::{EventId, IdScheme, InvalidEventId, UnknownIdScheme};
pub use reason::{Policy, Reason};
pub use sink::{Capabilities, OptionsError, Outcome, Settings, Sink, SinkError, SinkErrorKind};
