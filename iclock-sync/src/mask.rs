//! The bytes by which a record is known when it is read again.

use zk_proto::record::AttendanceLayout;

/// Clears what may differ when a terminal sends the same record again. Bytes of no known layout stay as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask(Option<AttendanceLayout>);

impl Mask {
    /// The mask for records of a layout, as the ledger writes its name.
    pub(crate) fn of_layout(word: Option<&str>) -> Self {
        Self(word.and_then(|word| word.parse().ok()))
    }

    /// The masked bytes of a record.
    pub(crate) fn apply(self, raw: &[u8]) -> Vec<u8> {
        self.0.map_or_else(|| raw.to_vec(), |layout| layout.mask(raw))
    }

    /// Returns true if bytes can be a record of the layout.
    pub(crate) fn fits(self, raw: &[u8]) -> bool {
        self.0.is_none_or(|layout| raw.len() == layout.width())
    }
}

impl From<AttendanceLayout> for Mask {
    fn from(layout: AttendanceLayout) -> Self {
        Self(Some(layout))
    }
}
