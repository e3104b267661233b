//! The sets that a terminal serves in bulk, and how it offers them.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Command, DeviceTime};

/// A set of records that is read in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dataset {
    /// The attendance log.
    Attendance,
    /// The user table.
    Users,
    /// All fingerprint templates.
    Templates,
    /// The operation log.
    Operations,
    /// Short messages. Not verified: the rows are assumed to have the layout of single messages.
    Messages,
    /// The links from short messages to users. Not verified: the rows are assumed to have the layout of single links.
    MessageLinks,
    /// Work codes. No public source documents their rows.
    WorkCodes,
    /// The attendance records between two times, on newer firmware (one source). The terminal selects them by its own
    /// clock, and there is no count to compare them with. Firmware without it refuses, or answers with nothing.
    AttendanceBetween {
        /// The first time.
        from: DeviceTime,
        /// The last time.
        to: DeviceTime,
    },
}

impl Dataset {
    /// The inner command of a buffered read, which is also the command of a direct one.
    #[must_use]
    pub fn command(self) -> Command {
        match self {
            Self::Attendance => Command::ATTLOG_RRQ,
            Self::Users => Command::USERTEMP_RRQ,
            Self::Templates | Self::Messages | Self::MessageLinks | Self::WorkCodes => Command::DB_RRQ,
            Self::Operations => Command::OPLOG_RRQ,
            Self::AttendanceBetween { .. } => Command::ATTLOG_TIME_RRQ,
        }
    }

    /// The table selector that goes with the command; 0 for none.
    fn selector(self) -> u8 {
        match self {
            Self::Attendance | Self::Operations | Self::AttendanceBetween { .. } => 0,
            Self::Users => 5,
            Self::Templates => 2,
            Self::Messages => 6,
            Self::MessageLinks => 7,
            Self::WorkCodes => 8,
        }
    }

    /// The two numbers of a buffered read: the selector and 0, or the two times of a range.
    fn arguments(self) -> (u32, u32) {
        match self {
            Self::AttendanceBetween { from, to } => (from.0, to.0),
            other => (other.selector().into(), 0),
        }
    }

    /// Returns true if the set can be read directly. A range of the log only exists as a buffered read.
    pub(crate) fn is_direct(self) -> bool {
        !matches!(self, Self::AttendanceBetween { .. })
    }

    /// The eleven data bytes of `DATA_WRRQ`: 1, inner command `u16`, selector `u32`, extra `u32`.
    #[must_use]
    pub fn buffered_request(self) -> Bytes {
        let mut data = BytesMut::with_capacity(11);
        data.put_u8(1);
        data.put_u16_le(self.command().0);
        let (selector, extra) = self.arguments();
        data.put_u32_le(selector);
        data.put_u32_le(extra);
        data.freeze()
    }

    /// The data of the direct command, for firmware without the buffered read.
    #[must_use]
    pub fn direct_request(self) -> Bytes {
        match self.selector() {
            0 => Bytes::new(),
            selector => Bytes::copy_from_slice(&[selector]),
        }
    }
}

/// The answer of a terminal to the request for a set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prepared {
    /// The whole set, in the answer itself (small sets).
    Inline(Bytes),
    /// The set is in the terminal's buffer, which serves any range of it.
    Buffered {
        /// The size of the set as the terminal reports it; not above the transfer cap.
        size: u64,
    },
    /// The terminal is already sending. The set comes once, from the beginning, and must be read before the next
    /// request.
    Streamed {
        /// The size of the set as the terminal reports it; not above the transfer cap.
        size: u64,
    },
    /// No set: nothing was sent (`ACK_OK`), or a refusal that usually means "no data" (2001, 4989, 4991).
    Empty {
        /// The code of the answer.
        code: Command,
    },
}
