//! The sets that a terminal serves in bulk, and what it offers when one is asked for.

use bytes::{BufMut, Bytes, BytesMut};

use crate::Command;

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
}

impl Dataset {
    /// The inner command of a buffered read, which is also the command of a direct one.
    #[must_use]
    pub fn command(self) -> Command {
        match self {
            Self::Attendance => Command::ATTLOG_RRQ,
            Self::Users => Command::USERTEMP_RRQ,
            Self::Templates => Command::DB_RRQ,
            Self::Operations => Command::OPLOG_RRQ,
        }
    }

    /// The table selector that goes with the command; 0 for none.
    fn selector(self) -> u8 {
        match self {
            Self::Attendance | Self::Operations => 0,
            Self::Users => 5,
            Self::Templates => 2,
        }
    }

    /// The eleven data bytes of `DATA_WRRQ`: 1, inner command `u16`, selector `u32`, extra `u32`.
    #[must_use]
    pub fn buffered_request(self) -> Bytes {
        let mut data = BytesMut::with_capacity(11);
        data.put_u8(1);
        data.put_u16_le(self.command().0);
        data.put_u32_le(self.selector().into());
        data.put_u32_le(0);
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

/// What a terminal answered when a set was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// The whole set, in the answer itself (small sets).
    Inline(Bytes),
    /// The set stands in the terminal's buffer, which serves any range of it.
    Buffered {
        /// Bytes of the set, as the terminal says; not above the transfer cap.
        size: u64,
    },
    /// The terminal is already sending: the set comes once, from the beginning, and must be read before anything else is asked.
    Streamed {
        /// Bytes of the set, as the terminal says; not above the transfer cap.
        size: u64,
    },
    /// No set: nothing was sent (`ACK_OK`), or a refusal that usually means "no data" (2001, 4989, 4991).
    Empty {
        /// The code of the answer.
        code: Command,
    },
}
