//! What a terminal stores, one file per kind, one function per layout.

mod attendance;
mod event;
mod face;
mod free_sizes;
mod new_user;
mod template;
mod user;

pub use attendance::{AttendanceLayout, AttendanceRecord, FieldOrder, WIDE_MAX, WIDE_MIN, Who, same_record};
pub use event::{Alarm, EnrolledFinger, Enrolment, EnrolmentResult, EventCode, LiveEvent, LivePunch};
pub use face::{FaceSet, FaceTemplate};
pub use free_sizes::FreeSizes;
#[cfg(feature = "client")]
pub(crate) use new_user::check_user_id;
pub use new_user::{NewUser, UIDS};
pub use template::{FingerTemplate, TemplateSet};
pub use user::{AccessZones, Privilege, User, UserLayout, UserPassword};
