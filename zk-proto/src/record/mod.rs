//! The records of a terminal, one file per kind.

mod access;
mod attendance;
mod bell;
mod event;
mod face;
mod free_sizes;
mod message;
mod new_user;
mod operation;
mod template;
mod user;
mod verify_style;
mod weekly_zone;

pub use access::{AccessGroup, UnlockCombination, UserZones};
pub use attendance::{
    AttendanceFields, AttendanceLayout, AttendanceRecord, Bits, FieldOrder, IdField, UnknownLayout, WIDE_MAX, WIDE_MIN,
    Who,
};
pub(crate) use attendance::{layout, u16_at, u32_at, with_fields};
pub use bell::Bell;
pub use event::{Alarm, EnrolledFinger, Enrolment, EnrolmentResult, EventCode, LiveEvent, LivePunch};
pub use face::{FaceSet, FaceTemplate};
pub use free_sizes::FreeSizes;
pub use message::{MessageKind, MessageLink, ShortMessage};
#[cfg(feature = "client")]
pub(crate) use new_user::check_user_id;
pub use new_user::{NewUser, UIDS};
pub use operation::{OperationCode, OperationRecord};
pub use template::{FingerTemplate, TemplateSet};
pub use user::{AccessZones, Privilege, User, UserLayout, UserPassword};
pub use verify_style::{UserVerifyStyle, VerifyStyle};
pub use weekly_zone::{Hours, WeeklyZone};
