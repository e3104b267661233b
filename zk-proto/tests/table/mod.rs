//! The parts of the table test, and what they share.

mod also;
mod plausible;
#[cfg(feature = "client")]
mod pulled;
mod walk;
mod witnesses;

use crate::logs::{Kind, Log};
use zk_proto::record::AttendanceLayout;

pub(crate) const EIGHT_A: AttendanceLayout = AttendanceLayout::EightA;
pub(crate) const EIGHT_B: AttendanceLayout = AttendanceLayout::EightB;
pub(crate) const SIXTEEN: AttendanceLayout = AttendanceLayout::Sixteen;
pub(crate) const FORTY: AttendanceLayout = AttendanceLayout::Wide(40);
pub(crate) const FORTY_NINE: AttendanceLayout = AttendanceLayout::Wide(49);
pub(crate) const LAYOUTS: [AttendanceLayout; 5] = [EIGHT_A, EIGHT_B, SIXTEEN, FORTY, FORTY_NINE];

pub(crate) fn is_wide(layout: AttendanceLayout) -> bool {
    matches!(layout, AttendanceLayout::Wide(_))
}

/// Where the fields that are judged stand in a record.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) id: (usize, usize),
    pub(crate) time: usize,
    /// The punch state and the verify mode, where they are bytes of their own.
    pub(crate) state: Option<usize>,
    pub(crate) mode: Option<usize>,
}

pub(crate) fn fields(layout: AttendanceLayout) -> Fields {
    let (id, time, state, mode) = match layout {
        AttendanceLayout::EightA => ((0, 2), 3, Some(7), Some(2)),
        AttendanceLayout::EightB => ((0, 2), 4, None, None),
        AttendanceLayout::Sixteen => ((0, 4), 4, Some(8), Some(9)),
        AttendanceLayout::Wide(_) => ((2, 24), 27, Some(31), Some(26)),
    };
    Fields { id, time, state, mode }
}

/// An ordinary log with some of its records changed.
pub(crate) fn log_with(layout: AttendanceLayout, records: u32, change: impl Fn(usize, Fields, &mut [u8])) -> Log {
    let mut log = Log::new(layout, records, Kind::Usual, false, 4242);
    for (row, record) in log.bytes.chunks_mut(layout.width()).enumerate() {
        change(row, fields(layout), record);
    }
    log
}

pub(crate) fn set_time(fields: Fields, record: &mut [u8], time: u32) {
    record[fields.time..][..4].copy_from_slice(&time.to_le_bytes());
}

pub(crate) fn clear_id(fields: Fields, record: &mut [u8]) {
    record[fields.id.0..][..fields.id.1].fill(0);
}
