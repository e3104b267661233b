//! Operations: one request and its one answer each, one file each.

use alloc::string::String;

use bytes::BytesMut;

use crate::ids::up_to_nul;
use crate::reply::Reply;
use crate::{Command, ProtoError};

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
mod write_lcd;
mod write_option;
mod write_template;
mod write_user;

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
