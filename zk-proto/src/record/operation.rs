//! The operation log: who did what at a terminal, and when.

use alloc::vec::Vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{DeviceTime, ProtoError};

/// Size of an entry in bytes. Terminals with the option `ExtendOPLog` may have longer ones.
const WIDTH: usize = 16;

/// The kind of operation: an open set, the raw byte is kept. Source: a public table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OperationCode(pub u8);

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl OperationCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name of a known operation. 14-20 are operations on Mifare cards; their single meanings are
            /// unknown.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

operations! {
    /// Switched on.
    POWER_ON = 0;
    /// Switched off.
    POWER_OFF = 1;
    /// Someone was not recognized.
    VERIFY_FAILED = 2;
    /// An alarm.
    ALARM = 3;
    /// The menu was entered.
    MENU = 4;
    /// An option was changed.
    OPTION_CHANGED = 5;
    /// A fingerprint was enrolled.
    FINGER_ENROLLED = 6;
    /// A password was set.
    PASSWORD_SET = 7;
    /// A card was registered.
    CARD_REGISTERED = 8;
    /// A user was deleted.
    USER_DELETED = 9;
    /// A fingerprint was deleted.
    FINGER_DELETED = 10;
    /// A password was deleted.
    PASSWORD_DELETED = 11;
    /// A card was deleted.
    CARD_DELETED = 12;
    /// Data was cleared.
    DATA_CLEARED = 13;
    /// The clock was set.
    TIME_SET = 21;
    /// Everything was reset to factory settings.
    FACTORY_RESET = 22;
    /// The attendance log was cleared.
    ATTENDANCE_CLEARED = 23;
    /// Administrators became ordinary users.
    ADMINISTRATORS_CLEARED = 24;
    /// An access group, or an option of access control, was changed.
    ACCESS_GROUP_CHANGED = 25;
    /// A user's access was changed.
    USER_ACCESS_CHANGED = 26;
    /// An access time zone was changed.
    TIME_ZONE_CHANGED = 27;
    /// An unlock combination was changed.
    COMBINATION_CHANGED = 28;
    /// The door was opened.
    UNLOCKED = 29;
    /// A user was enrolled.
    USER_ENROLLED = 30;
}

/// One entry of the operation log. Source: `vectors/operations.json`, one of them captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// The administrator who did it; 0 for nobody, or for a program.
    pub admin: u16,
    /// The kind of operation.
    pub operation: OperationCode,
    /// A byte of unknown meaning, as stored.
    pub unknown: u8,
    /// The time by the terminal's clock.
    pub time: DeviceTime,
    /// The objects: the first is the user's uid and the second the result, if there are such things. The rest depends
    /// on the operation and is mostly unknown.
    pub parameters: [u16; 4],
    /// Further bytes of longer entries.
    pub tail: Bytes,
}

impl OperationRecord {
    /// Reads one entry, at least 16 bytes.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] if it is shorter.
    pub fn parse(mut entry: Bytes) -> Result<Self, ProtoError> {
        let have = entry.len();
        if have < WIDTH {
            return Err(ProtoError::Truncated { what: "operation log entry", need: WIDTH, have });
        }
        Ok(Self {
            admin: entry.get_u16_le(),
            operation: OperationCode(entry.get_u8()),
            unknown: entry.get_u8(),
            time: DeviceTime(entry.get_u32_le()),
            parameters: [entry.get_u16_le(), entry.get_u16_le(), entry.get_u16_le(), entry.get_u16_le()],
            tail: entry,
        })
    }

    /// Appends the entry.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u16_le(self.admin);
        out.put_u8(self.operation.0);
        out.put_u8(self.unknown);
        out.put_u32_le(self.time.0);
        self.parameters.into_iter().for_each(|parameter| out.put_u16_le(parameter));
        out.put_slice(&self.tail);
    }

    /// Reads the entries of a whole operation log with its length word, in the order received.
    ///
    /// `count` is the number of entries by the terminal's count
    /// ([`FreeSizes::operation_records`](super::FreeSizes::operation_records)). It shows if entries are longer than
    /// 16 bytes. A count that does not fit the size is ignored, such as the constant 4096 of some firmware.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] or [`ProtoError::Invalid`] if length word and size disagree, or the log is not a
    /// whole number of entries. It lost bytes then, and no entry can be trusted.
    pub fn parse_log(mut log: Bytes, count: Option<u32>) -> Result<Vec<Self>, ProtoError> {
        const WHAT: &str = "operation log";
        if log.is_empty() {
            return Ok(Vec::new());
        }
        let have = log.len();
        let word = log.try_get_u32_le().map_err(|_| ProtoError::Truncated { what: WHAT, need: 4, have })? as usize;
        if word > log.len() {
            return Err(ProtoError::Truncated { what: WHAT, need: word, have: log.len() });
        }
        let counted = count.and_then(|count| usize::try_from(count).ok());
        let width = counted
            .and_then(|count| log.len().checked_div(count).filter(|width| width.checked_mul(count) == Some(log.len())));
        let width = width.filter(|width| *width > WIDTH).unwrap_or(WIDTH);
        if word < log.len() || log.len() % width != 0 {
            return Err(ProtoError::Invalid { what: WHAT });
        }
        let mut entries = Vec::with_capacity(log.len() / width);
        while !log.is_empty() {
            entries.push(Self::parse(log.split_to(width))?);
        }
        Ok(entries)
    }
}
