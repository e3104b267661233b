//! What the user table says of records that name people by their place in it.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::Uid;
use crate::record::{AttendanceRecord, FieldOrder, Who};
use crate::spool::SpoolError;

use super::attendance::FEW;
use super::clock::Clock;
use super::unproven::Shape;
use super::{Evidence, Proven, Reason, Unproven, UserTable};

/// Records at the log's end that are held against the user table.
const LAST: u64 = 16;

/// Records in a row that are looked at together, and how many of them may be nobody's and dated in the future at once.
const ROW: usize = 16;
const NOISY: u32 = 10;
/// Records that are decoded at once.
const BLOCK: usize = 1_024;

/// Holds proven records against the user table, if they name people by their place there.
///
/// Of the last sixteen, one at least has to be somebody's: the newest punches are not all of people who have gone. Of a log of
/// fewer than five, each has to be. Otherwise the records or the users lost their head, and look like others. And nowhere may
/// most of sixteen in a row be nobody's and dated in the future as well: that is noise, of which short records are too short
/// to tell. `evidence` is that of the log.
///
/// # Errors
/// [`Unproven`], with [`Reason::NamesNobody`] or [`Reason::BadRun`]: read both again on a fresh session.
pub fn prove_names(mut proven: Proven, users: &UserTable, evidence: &Evidence) -> Result<Proven, Unproven> {
    let reason = match why_not(&mut proven, users, Clock::new(evidence)) {
        Ok(None) => return Ok(proven),
        Ok(Some(reason)) => reason,
        Err(_) => Reason::Unreadable,
    };
    let (announced, begin) = proven.origin();
    Err(Unproven::new(proven.into_spool(), vec![reason], evidence.counts).announced(announced).beginning(begin))
}

fn why_not(proven: &mut Proven, users: &UserTable, clock: Clock) -> Result<Option<Reason>, SpoolError> {
    let places = places(proven)?;
    let (nobodys, of) = (nobodys(&places, users), places.len() as u64);
    let few = proven.records_on_device() < FEW;
    if nobodys > 0 && (nobodys == of || few) {
        return Ok(Some(Reason::NamesNobody { records: nobodys, of }));
    }
    let noise = match proven.layout().filter(|layout| layout.needs_users() && !users.users().is_empty()) {
        Some(layout) => noise(proven, users, clock)?.map(|first| (Shape::Attendance(layout), first)),
        None => None,
    };
    Ok(noise.map(|(layout, first)| Reason::BadRun { layout, first }))
}

/// The first of sixteen records that are noise, for the most part.
fn noise(proven: &mut Proven, users: &UserTable, clock: Clock) -> Result<Option<u64>, SpoolError> {
    let people: BTreeSet<u16> = users.users().iter().map(|user| user.slot().0).collect();
    let mut place = proven.first_index();
    // The last sixteen, a bit each.
    let mut row = 0u16;
    let mut found = None;
    while found.is_none() {
        let batch = proven.next_batch(BLOCK)?;
        if batch.is_empty() {
            break;
        }
        for record in batch {
            let nobodys = matches!(record.who, Who::Uid(uid) if !people.contains(&uid.0));
            row = row << 1 | u16::from(nobodys && record.time > clock.limit);
            place += 1;
            if row.count_ones() >= NOISY {
                found = Some(place.saturating_sub(ROW as u64));
                break;
            }
        }
    }
    proven.rewind();
    Ok(found)
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
