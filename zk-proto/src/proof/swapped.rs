//! The search for parts that changed places, the same in each reading: a terminal that sends two packets in the wrong
//! order. All sizes agree then, and nearly all records are sound; only where two parts meet, the id of one punch stands
//! next to the time of another.

use alloc::vec::Vec;

use crate::DeviceTime;
use crate::record::u32_at;
use crate::spool::{Spool, SpoolError};

use super::region::Region;

/// Parts are packets, or blocks of a terminal's memory. All known sizes are multiples of this one.
const PART: u64 = 1_024;
/// Bytes of one answer over TCP. Its parts are counted from its own beginning.
const ANSWER: u64 = 0xFFC0;
/// The most bytes of a part that is found.
const LONGEST: u64 = 64 << 10;
/// So many places are looked at. A log that goes back in time more often is in no order at all.
const PLACES: usize = 64;

/// Finds a part that stands after a later one. Returns its first record, and how many it has.
///
/// A clock that was set back leaves later records before earlier ones too. But there the log goes on where the clock
/// was then, not after the later ones, and nothing of it ends where packets do.
pub(super) fn swapped(spool: &mut Spool, region: Region) -> Result<Option<(u64, u64)>, SpoolError> {
    for at in steps_back(spool, region)? {
        if let Some(records) = belongs_earlier(spool, region, at)? {
            return Ok(Some((at, records)));
        }
    }
    Ok(None)
}

/// Finds the first records that are earlier than the one before them, at the beginning of a part.
fn steps_back(spool: &mut Spool, region: Region) -> Result<Vec<u64>, SpoolError> {
    let (mut places, mut at, mut before) = (Vec::new(), 0, 0);
    region.blocks(spool, |block| {
        for (place, time) in (at..).zip(times(region, at, block)) {
            let Some(time) = time else { continue };
            if time < before && begins_part(region, place) {
                places.push(place);
            }
            before = time;
        }
        at += (block.len() / region.layout.width()) as u64;
        places.len() <= PLACES
    })?;
    Ok(if places.len() > PLACES { Vec::new() } else { places })
}

/// Returns the length of the part that begins at a record, if it fits whole before the part that stands before it.
fn belongs_earlier(spool: &mut Spool, region: Region, at: u64) -> Result<Option<u64>, SpoolError> {
    let most = LONGEST / region.layout.width() as u64;
    let (head, rest) = (most.min(at), most.min(region.records - at));
    let begin = at - head;
    let before: Vec<_> = times(region, begin, region.read(spool, begin, head)?).collect();
    let after: Vec<_> = times(region, at, region.read(spool, at, rest)?).collect();
    let Some(later) = before.iter().rev().find_map(|time| *time) else { return Ok(None) };
    let end = after.iter().position(|time| time.is_some_and(|time| time >= later));
    let Some(end) = end.or((at + rest == region.records).then_some(after.len())) else { return Ok(None) };
    let part = || after[..end].iter().flatten().copied();
    let (Some(first), Some(last)) = (part().min(), part().max()) else { return Ok(None) };
    let later_begins = match before.iter().rposition(|time| time.is_some_and(|time| time < last)) {
        // The log goes on from here to the part, and then to the one that stands before it.
        Some(place) if before[place].is_some_and(|time| time <= first) => place + 1,
        // Before the first record everything fits, as after a clock that was reset. So the two must be alike.
        None if begin == 0 && at.abs_diff(end as u64) <= 2 => 0,
        _ => return Ok(None),
    };
    if !(is_in_order(&before[later_begins..]) && is_in_order(&after[..end])) {
        return Ok(None);
    }
    let whole = before[later_begins..].iter().take_while(|time| time.is_none()).count();
    let ends = at + end as u64 == region.records || begins_part(region, at + end as u64);
    let fits = ends && begins_part(region, begin + (later_begins + whole) as u64);
    Ok(fits.then_some(end as u64))
}

/// Returns true if nearly all times are in order. In a log that is in no order, or is backwards, parts prove nothing.
fn is_in_order(times: &[Option<u32>]) -> bool {
    let known: Vec<u32> = times.iter().flatten().copied().collect();
    let steps_back = known.windows(2).filter(|pair| pair[1] < pair[0]).count();
    steps_back * 8 <= known.len()
}

/// The times of records, from the `first` one on. `None` for one that does not exist, or may lie across a border.
fn times(region: Region, first: u64, records: &[u8]) -> impl Iterator<Item = Option<u32>> {
    let at = region.layout.fields().time;
    let records = (first..).zip(records.chunks_exact(region.layout.width()));
    records.map(move |(place, record)| {
        u32_at(record, at).filter(|time| DeviceTime(*time).exists() && !lies_across(region, place))
    })
}

/// Returns true if a record may be the first whole one of a part.
fn begins_part(region: Region, record: u64) -> bool {
    in_part(region, record).into_iter().any(|offset| offset < region.layout.width() as u64)
}

/// Returns true if the beginning of a record may be in another part than its end.
fn lies_across(region: Region, record: u64) -> bool {
    in_part(region, record).into_iter().any(|offset| offset + region.layout.width() as u64 > PART)
}

/// Where a record begins in its part, if parts are counted from the first byte, and from that of an answer.
fn in_part(region: Region, record: u64) -> [u64; 2] {
    let offset = region.at + record * region.layout.width() as u64;
    [offset, offset % ANSWER].map(|offset| offset % PART)
}
