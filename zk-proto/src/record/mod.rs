//! What a terminal stores, one file per kind, one function per layout.

mod attendance;
mod event;
mod free_sizes;
mod template;
mod user;

pub use attendance::{AttendanceLayout, AttendanceRecord, FieldOrder, WIDE_MAX, WIDE_MIN, Who, same_record};
pub use event::{Alarm, EnrolledFinger, Enrolment, EventCode, LiveEvent, LivePunch};
pub use free_sizes::FreeSizes;
pub use template::{FingerTemplate, TemplateSet};
pub use user::{AccessZones, Privilege, User, UserLayout, UserPassword};
