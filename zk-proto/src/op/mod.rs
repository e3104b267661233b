//! Operations: each is one request and its answer. Those of one noun share a file.
//!
//! | group | operations |
//! |---|---|
//! | identity, counts | [`GetVersion`], [`GetFreeSizes`], [`GetPinWidth`], [`GetState`] |
//! | clock | [`GetTime`], [`SetTime`] |
//! | options | [`ReadOption`], [`WriteOption`], [`RefreshOptions`] |
//! | users | [`WriteUser`], [`DeleteUser`], [`ClearAdministrators`], [`RefreshData`] |
//! | fingerprints | [`ReadTemplate`], [`ReadBareTemplate`], [`WriteTemplate`], [`TestTemplate`] |
//! | deleting them | [`DeleteTemplate`], [`DeleteTemplateOf`] |
//! | faces, photos | [`ReadFace`], [`ReadUserPhoto`], [`CountPhotos`] |
//! | enrolment | [`StartEnrolment`], [`StartVerification`], [`CancelCapture`] |
//! | sensor | [`CaptureFinger`], [`CaptureImage`] |
//! | live events | [`RegisterEvents`] |
//! | access of a user | [`ReadVerifyStyle`], [`ReadUserGroup`], [`ReadUserZones`], and a `Write...` for each |
//! | access control | [`ReadAccessGroup`], [`ReadWeeklyZone`], [`ReadUnlockCombination`], and a `Write...` for each |
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
//! // A terminal's answer to command 27, and the same zone as command 28 takes it.
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
//! # Commands without an operation
//!
//! Public lists give these commands a number and a name, but no public source has their layout. If you know one,
//! implement [`Operation`] for it.
//!
//! | commands | said to be |
//! |---|---|
//! | 16, 17, 52, 53, 132, 133 | appending and replacing users and templates |
//! | 32 | clears access control |
//! | 35-37 | attendance rules, departments, schedules |
//! | 48, 49, 51, 54, 55 | temporary tables, data layout, single users, states |
//! | 63, 65, 68, 203 | last template, size of the screen, counts |
//! | 56, 58 | sensor options |
//! | 76-78 | Mifare cards |
//! | 81-86 | extended users, work codes, shortcut keys (work codes can be read raw) |
//! | 90, 120, 121, 10005-10007 | pending and new records, deletion by time |
//! | 91, 92 | holidays |
//! | 111-118 | firmware, sensor registers, thresholds |
//! | 151-153 | writing and deleting faces |
//! | 400, 401 | door control of one fork of one client |
//! | 501, 1008, 1010, 1015, 1016 | extended options, auxiliary and factory commands |
//! | 1018-1021, 1101, 1104, 1105, 1200-1202 | serial speed, alarms, Wiegand, security keys |
//! | 1700, 1702, 1709-1711 | files |
//! | 2014-2019, 2221, 2222 | attendance photos, large templates, capabilities |
//! | 10001, 10002, 10033, 10054-10056 | tables and big data of newer firmware |
//!
//! Command 110 with a sub-code other than 12, and command 135, write firmware. They are left out on purpose.

use alloc::string::String;

use bytes::BytesMut;

use crate::ids::up_to_nul;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Implements an operation that sends no data and that the terminal answers with a bare acknowledgement.
macro_rules! bare {
    ($operation:ident, $command:ident) => {
        bare!($operation, $command, false);
    };
    ($operation:ident, $command:ident, repeatable) => {
        bare!($operation, $command, true);
    };
    ($operation:ident, $command:ident, $repeatable:literal) => {
        impl Operation for $operation {
            const COMMAND: Command = Command::$command;
            const REPEATABLE: bool = $repeatable;
            type Answer = ();

            fn encode(&self, _payload: &mut BytesMut) {}

            fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
                reply.ok().map(drop)
            }
        }
    };
}

mod access;
mod capture;
mod clear;
mod clock;
mod control;
mod door;
mod events;
mod identity;
mod message;
mod option;
mod screen;
mod table;
mod template;
mod user;

pub use access::{
    ReadAccessGroup, ReadUnlockCombination, ReadUserGroup, ReadUserZones, ReadVerifyStyle, ReadWeeklyZone,
    WriteAccessGroup, WriteUnlockCombination, WriteUserGroup, WriteUserZones, WriteVerifyStyle, WriteWeeklyZone,
};
pub use capture::{CancelCapture, CaptureFinger, CaptureImage, EnrolmentUser, StartEnrolment, StartVerification};
pub use clear::{ClearAttendanceLog, ClearOperationLog, ClearTable, EraseEverything};
pub use clock::{GetTime, SetTime};
pub use control::{DeviceState, DisableDevice, EnableDevice, GetState, PowerOff, Restart, Resume, Sleep};
pub use door::{DoorState, GetDoorState, Unlock, UnlockUnit};
pub use events::RegisterEvents;
pub use identity::{GetPinWidth, GetVersion};
pub use message::{DeleteMessage, LinkMessage, ReadMessage, UnlinkMessage, WriteMessage};
pub use option::{OptionValue, ReadOption, RefreshOptions, WriteOption};
pub use screen::{ClearLcd, EnableClock, TestVoice, Voice, WriteLcd};
pub use table::{CountPhotos, FreeData, GetFreeSizes, RefreshData};
pub use template::{
    DeleteTemplate, DeleteTemplateOf, PaddedTemplate, ReadBareTemplate, ReadFace, ReadTemplate, TestTemplate,
    WriteTemplate,
};
pub use user::{ClearAdministrators, DeleteUser, ReadUserPhoto, WriteUser};

/// A request, and how to read its answer.
pub trait Operation {
    /// The command code of the request.
    const COMMAND: Command;

    /// True if the operation may be done twice. If so, the identical datagram is sent again over UDP when no answer
    /// came.
    const REPEATABLE: bool = false;

    /// True if an acknowledgement without data is only half the answer. Some firmware sends the data in a second
    /// packet.
    const WANTS_DATA: bool = false;

    /// True if the answer may come as a transfer (`PREPARE_DATA`, `DATA`..., `ACK_OK`). [`Operation::decode`] then sees
    /// all of its data as one reply. Lost packets are requested again if the operation is repeatable.
    const BULK: bool = false;

    /// The content of the answer.
    type Answer;

    /// Appends the request's data.
    fn encode(&self, payload: &mut BytesMut);

    /// Reads the answer.
    ///
    /// # Errors
    /// When the terminal refused, or the answer does not have the form that the operation expects.
    fn decode(&self, reply: &Reply<'_>) -> Result<Self::Answer, ProtoError>;
}

/// A terminal's text: up to the first NUL, trimmed, invalid UTF-8 replaced.
fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(up_to_nul(data)).trim().into()
}
