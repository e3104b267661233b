//! The operation log of the terminal.

use bytes::{Buf, Bytes, BytesMut};
use zk_proto::Command;
use zk_proto::DeviceTime;
use zk_proto::record::{OperationCode, OperationRecord};

use crate::users::data_set;

/// The most entries that a terminal keeps.
const ROOM: usize = 4096;

/// The entries, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations(Vec<OperationRecord>);

impl Operations {
    pub(crate) fn entries(&self) -> &[OperationRecord] {
        &self.0
    }

    /// Adds an entry at `time`.
    pub(crate) fn note(&mut self, time: DeviceTime, operation: OperationCode, parameters: [u16; 4]) {
        if self.0.len() == ROOM {
            self.0.remove(0);
        }
        self.0.push(OperationRecord { admin: 0, operation, unknown: 0, time, parameters, tail: Bytes::new() });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The log as a data set.
    pub(crate) fn encoded(&self) -> Bytes {
        let mut entries = BytesMut::new();
        self.0.iter().for_each(|entry| entry.encode(&mut entries));
        data_set(&entries)
    }
}

/// The entry for a request that was carried out, if it is logged.
pub(crate) fn noted(command: Command, mut data: &[u8]) -> Option<(OperationCode, [u16; 4])> {
    let first = data.first().copied().unwrap_or(0);
    let user = data.try_get_u16_le().unwrap_or(0);
    let finger = data.first().copied().unwrap_or(0);
    let about = |operation, uid| Some((operation, [uid, 0, 0, 0]));
    match command {
        Command::RESTART => about(OperationCode::POWER_ON, 0),
        Command::POWEROFF => about(OperationCode::POWER_OFF, 0),
        Command::OPTIONS_WRQ => about(OperationCode::OPTION_CHANGED, 0),
        Command::USER_WRQ => about(OperationCode::USER_ENROLLED, user),
        Command::DELETE_USER => about(OperationCode::USER_DELETED, user),
        // Uid, result, finger, size of the template. Source: `vectors/operations.json`, captured.
        Command::TMP_WRITE => {
            let size = data.get(2..).and_then(|mut size| size.try_get_u16_le().ok()).unwrap_or(0);
            Some((OperationCode::FINGER_ENROLLED, [user, 0, finger.into(), size]))
        }
        Command::DELETE_USERTEMP => Some((OperationCode::FINGER_DELETED, [user, 0, finger.into(), 0])),
        Command::CLEAR_DATA if first == 1 => about(OperationCode::ATTENDANCE_CLEARED, 0),
        // Clearing everything, or this log, leaves no entry.
        Command::CLEAR_DATA if matches!(first, 2 | 5) => about(OperationCode::DATA_CLEARED, 0),
        Command::CLEAR_ATTLOG => about(OperationCode::ATTENDANCE_CLEARED, 0),
        Command::CLEAR_ADMIN => about(OperationCode::ADMINISTRATORS_CLEARED, 0),
        Command::SET_TIME => about(OperationCode::TIME_SET, 0),
        Command::GRPTZ_WRQ => about(OperationCode::ACCESS_GROUP_CHANGED, 0),
        Command::USERGRP_WRQ | Command::USERTZ_WRQ | Command::VERIFY_WRQ => {
            about(OperationCode::USER_ACCESS_CHANGED, user)
        }
        Command::TZ_WRQ => about(OperationCode::TIME_ZONE_CHANGED, 0),
        Command::ULG_WRQ => about(OperationCode::COMBINATION_CHANGED, 0),
        Command::UNLOCK => about(OperationCode::UNLOCKED, 0),
        _ => None,
    }
}
