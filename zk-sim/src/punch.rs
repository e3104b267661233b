//! Punches as plain data, to compare with the records that arrived.

use std::sync::Arc;

use zk_proto::DeviceTime;

/// One attendance record as the terminal holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Punch {
    /// The slot of the person in the user table; 8-byte logs carry nothing else.
    pub uid: u16,
    /// The user id; decimal if the layout is numeric.
    pub user_id: Arc<str>,
    /// Wall clock of the terminal.
    pub time: DeviceTime,
    /// Punch state: 0 in, 1 out, ...
    pub state: u8,
    /// Verify mode: 1 finger, 4 card, 15 face, ...
    pub mode: u8,
    /// Work code; 0 if none was keyed in. Only 16-byte records surely have it.
    pub work_code: u32,
}

impl Punch {
    /// A punch without a work code.
    #[must_use]
    pub fn new(uid: u16, user_id: &str, time: DeviceTime, state: u8, mode: u8) -> Self {
        Self { uid, user_id: user_id.into(), time, state, mode, work_code: 0 }
    }
}
