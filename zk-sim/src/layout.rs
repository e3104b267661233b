//! Attendance records and live punches as the families lay them out.

use bytes::{BufMut, Bytes, BytesMut};

use crate::profile::{IndexField, LogLayout, Profile};
use crate::punch::Punch;

/// The tail of 49-byte records: no mask seen, "255" for the temperature.
const TAIL_49: [u8; 9] = *b"\xFF255\0\0\0\0\0";

/// The records of a log, without the length word. `first_number` numbers the first record where the profile numbers them.
pub(crate) fn encode_log(profile: &Profile, punches: &[Punch], first_number: u16, out: &mut BytesMut) {
    out.reserve(punches.len() * profile.log.width());
    let mut number = first_number;
    for punch in punches {
        let index = match profile.index {
            IndexField::Number => number,
            IndexField::Uid => punch.uid,
        };
        encode_punch(profile.log, punch, index, out);
        number = number.wrapping_add(1);
    }
}

fn encode_punch(layout: LogLayout, punch: &Punch, index: u16, out: &mut BytesMut) {
    match layout {
        LogLayout::EightA => {
            out.put_u16_le(punch.uid);
            out.put_u8(punch.mode);
            out.put_u32_le(punch.time.0);
            out.put_u8(punch.state);
        }
        LogLayout::EightB => {
            out.put_u16_le(punch.uid);
            // Bits 0-2 hold the state, bits 3-4 the mode; bit 5 marks a full time stamp.
            out.put_u8(0x20 | ((punch.mode & 3) << 3) | (punch.state & 7));
            out.put_u8(0);
            out.put_u32_le(punch.time.0);
        }
        LogLayout::Sixteen => {
            out.put_u32_le(numeric(&punch.user_id));
            out.put_u32_le(punch.time.0);
            out.put_u8(punch.state);
            out.put_u8(punch.mode);
            out.put_u16_le(0);
            out.put_u32_le(punch.work_code);
        }
        LogLayout::Forty | LogLayout::FortyNine => {
            out.put_u16_le(index);
            out.put_slice(&text::<24>(&punch.user_id));
            out.put_u8(punch.mode);
            out.put_u32_le(punch.time.0);
            out.put_u8(punch.state);
            out.put_u32_le(punch.work_code);
            out.put_u32_le(0);
            if layout == LogLayout::FortyNine {
                out.put_slice(&TAIL_49);
            }
        }
    }
}

/// The payload of a live punch, `event_len` bytes long.
pub(crate) fn encode_event(profile: &Profile, punch: &Punch) -> Bytes {
    let mut out = BytesMut::with_capacity(profile.event_len);
    match profile.event_len {
        10 | 14 => out.put_u16_le(punch.uid),
        12 => out.put_u32_le(numeric(&punch.user_id)),
        _ => out.put_slice(&text::<24>(&punch.user_id)),
    }
    out.put_u8(punch.mode);
    out.put_u8(punch.state);
    out.put_slice(&punch.time.to_six_bytes());
    out.resize(profile.event_len, 0);
    out.freeze()
}

/// What a numeric field holds of a user id: 0 when it is no number.
fn numeric(user_id: &str) -> u32 {
    user_id.parse().unwrap_or(0)
}

/// A field of `N` bytes, cut or padded with NUL.
pub(crate) fn text<const N: usize>(value: &str) -> [u8; N] {
    let mut field = [0; N];
    for (slot, byte) in field.iter_mut().zip(value.bytes()) {
        *slot = byte;
    }
    field
}
