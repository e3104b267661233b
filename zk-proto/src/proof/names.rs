//! What the user table says of records that name people by their place in it.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::Uid;
use crate::record::{AttendanceRecord, FieldOrder, Who};
use crate::spool::SpoolError;

use super::attendance::FEW;
use super::{Counts, Proven, Reason, Unproven, UserTable};

/// Records at the log's end that are held against the user table.
const LAST: u64 = 16;

/// Holds proven records against the user table, where they name people by their place there: of the last sixteen, one has to be
/// somebody's at least, for the newest punches are not all of people who have gone; of a log of fewer than five, each that
/// names a place. Else either the records or the users lost their head, and look like others. `counts` are those of the
/// records, for the words of the refusal.
///
/// # Errors
/// [`Unproven`], with [`Reason::NamesNobody`]: read both again on a fresh session.
pub fn prove_names(mut proven: Proven, users: &UserTable, counts: Counts) -> Result<Proven, Unproven> {
    let reason = match places(&mut proven) {
        Ok(places) => {
            let (nobodys, of) = (nobodys(&places, users), places.len() as u64);
            let few = proven.records_on_device() < FEW;
            if nobodys == 0 || (nobodys < of && !few) {
                return Ok(proven);
            }
            Reason::NamesNobody { records: nobodys, of }
        }
        Err(_) => Reason::Unreadable,
    };
    let (announced, begin) = proven.origin();
    Err(Unproven::new(proven.into_spool(), vec![reason], counts).announced(announced).beginning(begin))
}

/// The places that the last records name.
fn places(proven: &mut Proven) -> Result<Vec<Uid>, SpoolError> {
    let Some(layout) = proven.layout() else { return Ok(Vec::new()) };
    let last = Bytes::from(proven.overlap(LAST)?);
    let records = last.chunks_exact(layout.width()).map(|raw| last.slice_ref(raw));
    let records = records.filter_map(|raw| AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw));
    let places = records.filter_map(|record| match record.who {
        Who::Uid(uid) if uid.0 != 0 => Some(uid),
        _ => None,
    });
    Ok(places.collect())
}

/// How many places are nobody's. A terminal without a single user has no table to be held against.
fn nobodys(places: &[Uid], users: &UserTable) -> u64 {
    let users = users.users();
    let is_anybodys = |place: &&Uid| users.iter().any(|user| user.slot() == **place);
    if users.is_empty() { 0 } else { (places.len() - places.iter().filter(is_anybodys).count()) as u64 }
}
