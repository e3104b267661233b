//! The parts of a transfer that have arrived.

use alloc::vec::Vec;
use core::ops::Range;

/// The ranges that have arrived: sorted, disjoint, not empty. A transfer that is read in order has one.
#[derive(Debug, Default)]
pub(super) struct Extents {
    ranges: Vec<Range<u64>>,
}

impl Extents {
    pub(super) fn add(&mut self, new: Range<u64>) {
        if let Some(last) = self.ranges.last_mut().filter(|last| (last.start..=last.end).contains(&new.start)) {
            last.end = last.end.max(new.end);
            return;
        }
        let first = self.ranges.partition_point(|range| range.end < new.start);
        let behind = self.ranges.partition_point(|range| range.start <= new.end);
        let touched = self.ranges.get(first..behind).unwrap_or(&[]);
        let start = touched.first().map_or(new.start, |range| range.start.min(new.start));
        let end = touched.last().map_or(new.end, |range| range.end.max(new.end));
        self.ranges.splice(first..behind.max(first), core::iter::once(start..end));
    }

    pub(super) fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.end)
    }

    pub(super) fn contiguous(&self) -> u64 {
        self.ranges.first().filter(|range| range.start == 0).map_or(0, |range| range.end)
    }

    pub(super) fn truncate(&mut self, len: u64) {
        self.ranges.retain_mut(|range| {
            range.end = range.end.min(len);
            range.start < range.end
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut extents = Extents::default();
        for range in [10..20, 30..40, 0..5, 20..30, 5..10] {
            extents.add(range);
        }
        assert_eq!(extents.ranges, Vec::from_iter(core::iter::once(0..40)));
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut extents = Extents::default();
        for range in [0..4, 8..12, 20..24, 9..10] {
            extents.add(range);
        }
        assert_eq!(extents.ranges, [0..4, 8..12, 20..24]);
        assert_eq!((extents.contiguous(), extents.end()), (4, 24));
    }
}
