//! A run of records in a spool.

use crate::record::AttendanceLayout;
use crate::spool::{Spool, SpoolError};

/// Size of a window: of this many records in a row, more must be good than bad.
pub(super) const RUN: usize = 64;
/// If the numbers of records are uids, fewer steps than this may run on by chance.
pub(super) const MIN_STEPS: u64 = 4;
/// Bytes read from the spool at once.
const BLOCK: usize = 256 << 10;

/// The records to judge: their layout, their number and their place in a spool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) layout: AttendanceLayout,
    /// Offset of the first record.
    pub(super) at: u64,
    pub(super) records: u64,
    /// Known records at its beginning.
    pub(super) trusted: u64,
}

impl Region {
    /// Reads a number of records, from the `first` one on.
    pub(super) fn read(self, spool: &mut Spool, first: u64, records: u64) -> Result<&[u8], SpoolError> {
        let width = self.layout.width() as u64;
        let start = self.at + first * width;
        spool.read(start..start + records * width)
    }

    /// Reads the last records, at most `most`.
    pub(super) fn last(self, spool: &mut Spool, most: u64) -> Result<&[u8], SpoolError> {
        let records = self.records.min(most);
        self.read(spool, self.records - records, records)
    }

    /// Calls `look` with one block of whole records after another, until it returns false.
    pub(super) fn blocks(self, spool: &mut Spool, mut look: impl FnMut(&[u8]) -> bool) -> Result<(), SpoolError> {
        let width = self.layout.width() as u64;
        // A multiple of `RUN`, so that no window is split.
        let per_block = (BLOCK as u64 / width / RUN as u64).max(1) * RUN as u64;
        let mut first = 0;
        while first < self.records {
            let records = per_block.min(self.records - first);
            if !look(self.read(spool, first, records)?) {
                break;
            }
            first += records;
        }
        Ok(())
    }
}
