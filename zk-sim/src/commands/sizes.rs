//! Counts and capacities.

use bytes::Bytes;

use crate::faults::{FaultKind, Faults};
use crate::terminal::Terminal;

/// The longest answer to free sizes under a fault.
const MAX_SIZES: usize = 1024;

/// Counts and capacities, each a 32-bit number. Source of the positions: `vectors/free_sizes.json`.
pub(super) fn free_sizes(terminal: &mut Terminal) -> Bytes {
    let profile = &terminal.profile;
    let users = terminal.users.len() as i64;
    let fingers = terminal.biometrics.fingers().len() as i64;
    let records = reported_records(terminal.log.shown().len() as i64, &mut terminal.faults);
    let (user_room, log_room, finger_room) =
        (i64::from(profile.user_capacity), i64::from(profile.log_capacity), i64::from(profile.finger_capacity));
    let fields = [
        (4, users),
        (6, fingers),
        (8, records),
        (10, terminal.operations.entries().len() as i64),
        (12, terminal.users.admins() as i64),
        (13, terminal.users.passwords() as i64),
        (14, finger_room),
        (15, user_room),
        (16, log_room),
        (17, finger_room - fingers),
        (18, user_room - users),
        (19, log_room - records),
        (20, terminal.biometrics.faces() as i64),
        (22, i64::from(profile.face_capacity)),
    ];
    let length = terminal.faults.strike(FaultKind::SizesLength).and_then(|length| usize::try_from(length).ok());
    let length = length.map_or(profile.sizes_len, |length| length.min(MAX_SIZES));
    let negative = terminal.faults.strike(FaultKind::NegativeSizes).is_some();
    let mut words = vec![0i32; length.div_ceil(4)];
    for (place, value) in fields {
        let value = if negative && (17..=19).contains(&place) { -1 - value } else { value };
        if let Some(word) = words.get_mut(place) {
            *word = i32::try_from(value).unwrap_or(i32::MAX);
        }
    }
    words.into_iter().flat_map(i32::to_le_bytes).take(length).collect()
}

fn reported_records(records: i64, faults: &mut Faults) -> i64 {
    let mut reported = records;
    if let Some(more) = faults.strike(FaultKind::CountLarger) {
        reported += more;
    }
    if let Some(fewer) = faults.strike(FaultKind::CountSmaller) {
        reported = (reported - fewer).max(0);
    }
    if faults.strike(FaultKind::CountZero).is_some() {
        reported = 0;
    }
    reported
}
