//! Operations: one request and its one answer each, one file each.
//!
//! | group | operations |
//! |---|---|
//! | identity, counts, clock | [`GetVersion`], [`GetFreeSizes`], [`GetPinWidth`], [`GetTime`], [`SetTime`], [`GetState`] |
//! | options | [`ReadOption`], [`WriteOption`], [`RefreshOptions`] |
//! | users | [`WriteUser`], [`DeleteUser`], [`ClearAdministrators`], [`RefreshData`] |
//! | fingerprints, faces, photos | [`ReadTemplate`], [`WriteTemplate`], [`DeleteTemplate`], [`DeleteTemplateOf`], [`TestTemplate`], [`ReadFace`], [`ReadUserPhoto`], [`CountPhotos`] |
//! | enrolment, sensor | [`StartEnrolment`], [`StartVerification`], [`CancelCapture`], [`CaptureFinger`], [`CaptureImage`] |
//! | live events | [`RegisterEvents`] |
//! | access control | [`ReadVerifyStyle`], [`ReadUserGroup`], [`ReadUserZones`], [`ReadAccessGroup`], [`ReadWeeklyZone`], [`ReadUnlockCombination`], and a `Write...` for each |
//! | door | [`Unlock`], [`GetDoorState`] |
//! | short messages | [`ReadMessage`], [`WriteMessage`], [`DeleteMessage`], [`LinkMessage`], [`UnlinkMessage`] |
//! | screen, sound | [`WriteLcd`], [`ClearLcd`], [`EnableClock`], [`TestVoice`] |
//! | power | [`Restart`], [`PowerOff`], [`Sleep`], [`Resume`], [`EnableDevice`], [`DisableDevice`] |
//! | clearing | [`ClearAttendanceLog`], [`ClearOperationLog`], [`ClearTable`], [`EraseEverything`] |
//!
//! Tables that come as a set (attendance, users, fingerprints, operation log, messages, work codes) are
//! [`Dataset`](crate::Dataset)s, and bells are options: [`Bell`](crate::record::Bell).
//!
//! ```
//! use bytes::BytesMut;
//! use zk_proto::Operation;
//! use zk_proto::op::{ReadWeeklyZone, WriteWeeklyZone};
//! use zk_proto::record::{Hours, WeeklyZone};
//!
//! // What a terminal answers to command 27, and the same zone as command 28 wants it.
//! let answer = [&[1, 0][..], &[23, 59, 0, 0], &[8, 0, 17, 30].repeat(6), &[0xA7, 0x1C]].concat();
//! let zone = WeeklyZone::parse(&answer)?;
//! assert!(zone.days[0].is_never());
//! assert_eq!(zone.days[1], Hours { from: (8, 0), to: (17, 30) });
//!
//! let mut data = BytesMut::new();
//! WriteWeeklyZone::new(&zone)?.encode(&mut data);
//! assert_eq!((WriteWeeklyZone::COMMAND.0, data.len()), (28, 32));
//! # Ok::<(), zk_proto::ProtoError>(())
//! ```
//!
//! # What is left out
//!
//! For these, constant lists give a number and a name, and no public source a layout; nothing is invented here. Whoever knows one
//! can send it as an [`Operation`] of their own.
//!
//! | commands | what they are said to be |
//! |---|---|
//! | 16, 17, 52, 53, 132, 133 | appending and replacing users and templates |
//! | 32 | clears access control |
//! | 35-37 | attendance rules, departments, schedules |
//! | 48, 49, 51, 54, 55, 63, 65, 68, 203 | temporary tables, data layout, single users, states, last template, size of the screen, counts |
//! | 56, 58 | sensor options |
//! | 76-78 | Mifare cards |
//! | 81-86 | extended users, work codes, shortcut keys (work codes can be read raw) |
//! | 90, 120, 121, 10005-10007 | pending and new records, deletion by time |
//! | 91, 92 | holidays |
//! | 111-118 | firmware, sensor registers, thresholds |
//! | 151-153 | writing and deleting faces |
//! | 400, 401 | door control of one fork of one client |
//! | 501, 1008, 1010, 1015, 1016, 1018-1021, 1101, 1104, 1105, 1200-1202 | extended options, auxiliary and factory commands, serial speed, alarms, Wiegand, security keys |
//! | 1700, 1702, 1709-1711 | files |
//! | 2014-2019, 2221, 2222 | attendance photos, large templates, capabilities |
//! | 10001, 10002, 10033, 10054-10056 | tables and big data of newer firmware |
//!
//! 110 with another sub-code than 12, and 135, write firmware: they are left out on purpose.

use alloc::string::String;

use bytes::BytesMut;

use crate::ids::up_to_nul;
use crate::reply::Reply;
use crate::{Command, ProtoError};

mod access_group;
mod cancel_capture;
mod capture_finger;
mod capture_image;
mod clear_administrators;
mod clear_attendance_log;
mod clear_lcd;
mod clear_operation_log;
mod clear_table;
mod count_photos;
mod delete_template;
mod delete_user;
mod disable_device;
mod enable_clock;
mod enable_device;
mod erase_everything;
mod free_data;
mod get_door_state;
mod get_free_sizes;
mod get_pin_width;
mod get_state;
mod get_time;
mod get_version;
mod message;
mod message_link;
mod power_off;
mod read_face;
mod read_option;
mod read_template;
mod read_user_photo;
mod refresh_data;
mod refresh_options;
mod register_events;
mod restart;
mod resume;
mod set_time;
mod sleep;
mod start_enrolment;
mod start_verification;
mod test_template;
mod test_voice;
mod unlock;
mod unlock_combination;
mod user_group;
mod user_zones;
mod verify_style;
mod weekly_zone;
mod write_lcd;
mod write_option;
mod write_template;
mod write_user;

pub use access_group::{ReadAccessGroup, WriteAccessGroup};
pub use cancel_capture::CancelCapture;
pub use capture_finger::CaptureFinger;
pub use capture_image::CaptureImage;
pub use clear_administrators::ClearAdministrators;
pub use clear_attendance_log::ClearAttendanceLog;
pub use clear_lcd::ClearLcd;
pub use clear_operation_log::ClearOperationLog;
pub use clear_table::ClearTable;
pub use count_photos::CountPhotos;
pub use delete_template::{DeleteTemplate, DeleteTemplateOf};
pub use delete_user::DeleteUser;
pub use disable_device::DisableDevice;
pub use enable_clock::EnableClock;
pub use enable_device::EnableDevice;
pub use erase_everything::EraseEverything;
pub use free_data::FreeData;
pub use get_door_state::{DoorState, GetDoorState};
pub use get_free_sizes::GetFreeSizes;
pub use get_pin_width::GetPinWidth;
pub use get_state::{DeviceState, GetState};
pub use get_time::GetTime;
pub use get_version::GetVersion;
pub use message::{DeleteMessage, ReadMessage, WriteMessage};
pub use message_link::{LinkMessage, UnlinkMessage};
pub use power_off::PowerOff;
pub use read_face::ReadFace;
pub use read_option::{OptionValue, ReadOption};
pub use read_template::{PaddedTemplate, ReadBareTemplate, ReadTemplate};
pub use read_user_photo::ReadUserPhoto;
pub use refresh_data::RefreshData;
pub use refresh_options::RefreshOptions;
pub use register_events::RegisterEvents;
pub use restart::Restart;
pub use resume::Resume;
pub use set_time::SetTime;
pub use sleep::Sleep;
pub use start_enrolment::{EnrolmentUser, StartEnrolment};
pub use start_verification::StartVerification;
pub use test_template::TestTemplate;
pub use test_voice::{TestVoice, Voice};
pub use unlock::{Unlock, UnlockUnit};
pub use unlock_combination::{ReadUnlockCombination, WriteUnlockCombination};
pub use user_group::{ReadUserGroup, WriteUserGroup};
pub use user_zones::{ReadUserZones, WriteUserZones};
pub use verify_style::{ReadVerifyStyle, WriteVerifyStyle};
pub use weekly_zone::{ReadWeeklyZone, WriteWeeklyZone};
pub use write_lcd::WriteLcd;
pub use write_option::WriteOption;
pub use write_template::WriteTemplate;
pub use write_user::WriteUser;

/// One request and how its answer is read.
pub trait Operation {
    /// The command code of the request.
    const COMMAND: Command;

    /// Whether doing it twice is doing it once, so that over UDP the identical datagram may be sent again when no answer came.
    const REPEATABLE: bool = false;

    /// Whether an acknowledgement without data is only the first half of the answer: some firmware sends the data in a second packet.
    const WANTS_DATA: bool = false;

    /// Whether the answer may come as a transfer (`PREPARE_DATA`, `DATA`..., `ACK_OK`). All its data is then put together, and
    /// [`Operation::decode`] sees it as one reply. What is lost is asked for again where the operation is repeatable.
    const BULK: bool = false;

    /// What the answer says.
    type Answer;

    /// Appends the request's data.
    fn encode(&self, payload: &mut BytesMut);

    /// Reads the answer.
    ///
    /// # Errors
    /// When the terminal refused, or the answer is not of the operation's form.
    fn decode(&self, reply: &Reply<'_>) -> Result<Self::Answer, ProtoError>;
}

/// A terminal's text: up to the first NUL, trimmed, invalid UTF-8 replaced.
fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(up_to_nul(data)).trim().into()
}
