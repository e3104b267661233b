//! The layout of punches, in the log and live.

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_proto::{PunchState, Uid, UserId, VerifyMode};

use crate::profile::{IndexField, Profile};
use crate::punch::Punch;

/// The other fields of 49-byte records: no mask seen, "255" for the temperature.
const BASE_49: [u8; 49] =
    *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xFF255\0\0\0\0\0";

/// The records of a log, without the length word. `first_number` is the number of the first record, if the profile has
/// numbers.
pub(crate) fn encode_log(profile: &Profile, punches: &[Punch], first_number: u16, out: &mut BytesMut) {
    let raw = if profile.log.width() == BASE_49.len() { Bytes::from_static(&BASE_49) } else { Bytes::new() };
    let mut number = first_number;
    for punch in punches {
        let index = match profile.index {
            IndexField::Number => number,
            IndexField::Uid => punch.uid,
        };
        let record = AttendanceRecord {
            who: who(profile.log, punch),
            time: punch.time,
            punch_state: PunchState(punch.state),
            verify_mode: VerifyMode(punch.mode),
            work_code: Some(punch.work_code),
            number: Some(index),
            raw: raw.clone(),
        };
        record.encode(profile.log, FieldOrder::StateFirst, out);
        number = number.wrapping_add(1);
    }
}

fn who(layout: AttendanceLayout, punch: &Punch) -> Who {
    if layout.needs_users() { Who::Uid(Uid(punch.uid)) } else { Who::UserId(UserId(punch.user_id.to_string())) }
}

/// The punches of the whole records of a captured data set.
pub(crate) fn decode_log(layout: AttendanceLayout, data: &Bytes) -> Vec<Punch> {
    let records = data.slice(data.len().min(4)..);
    let count = records.len() / layout.width();
    let record = |place: usize| records.slice(place * layout.width()..(place + 1) * layout.width());
    (0..count)
        .filter_map(|place| AttendanceRecord::decode(layout, FieldOrder::StateFirst, record(place)))
        .map(|record| {
            let (uid, user_id) = match record.who {
                Who::UserId(user_id) => (0, user_id.0),
                Who::Uid(uid) => (uid.0, String::new()),
            };
            let work_code = record.work_code.unwrap_or(0);
            let punch = Punch::new(uid, &user_id, record.time, record.punch_state.0, record.verify_mode.0);
            Punch { work_code, ..punch }
        })
        .collect()
}

/// The payload of a live punch, `event_len` bytes long.
pub(crate) fn encode_event(profile: &Profile, punch: &Punch) -> Bytes {
    let mut out = BytesMut::with_capacity(profile.event_len);
    match profile.event_len {
        10 | 14 => out.put_u16_le(punch.uid),
        12 => out.put_u32_le(punch.user_id.parse().unwrap_or(0)),
        _ => {
            let id = UserId(punch.user_id.to_string()).to_bytes();
            out.put_slice(id.get(..24).unwrap_or(&id));
            out.resize(24, 0);
        }
    }
    out.put_u8(punch.mode);
    out.put_u8(punch.state);
    out.put_slice(&punch.time.to_six_bytes());
    out.resize(profile.event_len, 0);
    out.freeze()
}
