//! What the user table says of records that name people by their place in it.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::Uid;
use crate::record::{AttendanceRecord, FieldOrder, Who};
use crate::spool::SpoolError;

use super::{Counts, Proven, Reason, Unproven, UserTable};

/// Holds proven records against the user table, where they name people by their place there: not one of the last `most` may
/// be anybody's, for the newest punches are not all of people who have gone. Either the records or the users lost their head
/// then, and look like others. `counts` are those of the records, for the words of the refusal.
///
/// # Errors
/// [`Unproven`], with [`Reason::NamesNobody`]: read both again on a fresh session.
pub fn prove_names(mut proven: Proven, users: &UserTable, most: u64, counts: Counts) -> Result<Proven, Unproven> {
    let reason = match places(&mut proven, most) {
        Ok(places) if names_nobody(&places, users) => Reason::NamesNobody { records: places.len() as u64 },
        Ok(_) => return Ok(proven),
        Err(_) => Reason::Unreadable,
    };
    Err(Unproven::new(proven.into_spool(), vec![reason], counts))
}

/// The places that the last records name.
fn places(proven: &mut Proven, most: u64) -> Result<Vec<Uid>, SpoolError> {
    let Some(layout) = proven.layout() else { return Ok(Vec::new()) };
    let last = Bytes::from(proven.overlap(most)?);
    let records = last.chunks_exact(layout.width()).map(|raw| last.slice_ref(raw));
    let records = records.filter_map(|raw| AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw));
    let places = records.filter_map(|record| match record.who {
        Who::Uid(uid) if uid.0 != 0 => Some(uid),
        _ => None,
    });
    Ok(places.collect())
}

/// A terminal without a single user has no table to be held against.
fn names_nobody(places: &[Uid], users: &UserTable) -> bool {
    let users = users.users();
    let is_anybodys = |place: &Uid| users.iter().any(|user| user.slot() == *place);
    !users.is_empty() && !places.is_empty() && !places.iter().any(is_anybodys)
}
