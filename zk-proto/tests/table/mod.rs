//! The parts of the table test, and their helpers.

mod also;
mod plausible;
#[cfg(feature = "client")]
mod pulled;
mod walk;
mod witnesses;

use crate::logs::{Kind, Log};
use zk_proto::record::{AttendanceLayout, IdField};

pub(crate) const EIGHT_A: AttendanceLayout = AttendanceLayout::EightA;
pub(crate) const EIGHT_B: AttendanceLayout = AttendanceLayout::EightB;
pub(crate) const SIXTEEN: AttendanceLayout = AttendanceLayout::Sixteen;
pub(crate) const FORTY: AttendanceLayout = AttendanceLayout::Wide(40);
pub(crate) const FORTY_NINE: AttendanceLayout = AttendanceLayout::Wide(49);

pub(crate) fn layouts() -> impl Iterator<Item = AttendanceLayout> {
    AttendanceLayout::known()
}

pub(crate) fn is_wide(layout: AttendanceLayout) -> bool {
    matches!(layout, AttendanceLayout::Wide(_))
}

/// The offsets of the fields that are judged.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) id: IdField,
    pub(crate) time: usize,
    /// The punch state and the verify mode, if they are bytes of their own.
    pub(crate) state: Option<usize>,
    pub(crate) mode: Option<usize>,
}

pub(crate) fn fields(layout: AttendanceLayout) -> Fields {
    let fields = layout.fields();
    let [state, mode] = [fields.state, fields.mode].map(|bits| bits.is_whole_byte().then_some(bits.at));
    Fields { id: fields.id, time: fields.time, state, mode }
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
    record[fields.id.range()].fill(0);
}
