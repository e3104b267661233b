//! What is kept of single records that could not be used, told apart whatever firmware leaves undefined in them. Whole logs that
//! were not proven are in [`unproven`](crate::unproven).

use zk_proto::record::AttendanceLayout;

pub use crate::ledger::{QuarantineFilter, QuarantinedRecord};

/// A record with what firmware leaves undefined set to zero, so that it is known again: in a wide record, what stands behind
/// the end of the user id's text, and the number in front, which tells no record from another.
pub(crate) fn masked(layout: AttendanceLayout, raw: &[u8]) -> Vec<u8> {
    let mut masked = raw.to_vec();
    if let (AttendanceLayout::Wide(_), Some((number, rest))) = (layout, masked.split_at_mut_checked(2)) {
        number.fill(0);
        let field = rest.iter_mut().take(24);
        field.skip_while(|byte| **byte != 0).for_each(|byte| *byte = 0);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_does_not_make_another_record() {
        let (mut raw, mut other) = ([7u8; 40], [7u8; 40]);
        (raw[0], raw[1], other[0], other[1]) = (1, 0, 2, 1);
        assert_eq!(masked(AttendanceLayout::Wide(40), &raw), masked(AttendanceLayout::Wide(40), &other));
        assert_ne!(masked(AttendanceLayout::Sixteen, &raw[..16]), masked(AttendanceLayout::Sixteen, &other[..16]));
    }

    #[test]
    fn bytes_behind_the_user_id_do_not_make_another_record() {
        let mut raw = [7u8; 40];
        raw[4] = 0;
        let mut other = raw;
        other[20] = 9;
        let layout = AttendanceLayout::Wide(40);
        assert_eq!(masked(layout, &raw), masked(layout, &other));
        other[30] = 1;
        assert_ne!(masked(layout, &raw), masked(layout, &other), "the time is no user id");
    }
}
