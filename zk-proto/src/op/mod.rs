//! Operations: one request and its one answer each, one file for each noun.
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

/// Implements an operation that sends no data and is answered by an acknowledgement alone.
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
