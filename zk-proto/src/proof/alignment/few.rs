//! Other interpretations of a few records that no byte contradicts.
//!
//! A single punch fits into eight bytes, and the end of one record with the head of the next can also name someone at
//! a believable time. With so few bytes, every beginning is tried in every layout of 8 and 16 bytes. The people in
//! the user table show which bytes can be part of an id at all.

use crate::record::{AttendanceFields, AttendanceLayout, Bits, IdField};

use super::Rival;
use crate::proof::People;
use crate::proof::plausible::{Likelihood, Plausibility};

/// Of so many records, one may fit badly.
const MISFIT_SHARE: usize = 5;

/// Returns another interpretation of `bytes` that is possible too, with another beginning or another layout: the
/// visible bytes of its records fit people in the table, if there is one, and times of the last four years. It may have
/// as many misfits as the claim, but never more than one in five: a cut puts bytes that are no record at the end.
pub(in crate::proof) fn alternative(
    bytes: &[u8],
    claim: AttendanceLayout,
    rules: &Plausibility,
    people: Option<&People>,
) -> Option<Rival> {
    let mut layouts = AttendanceLayout::KNOWN;
    layouts.sort_unstable();
    let layouts = layouts.iter().filter(|layout| !layout.is_wide());
    let layouts = layouts.filter(|_| !claim.is_wide()).chain(Some(&claim).filter(|claim| claim.is_wide()));
    let every = layouts.flat_map(|&layout| (0..layout.width()).map(move |shift| Rival { layout, shift }));
    let mut others = every.filter(|other| (other.layout, other.shift) != (claim, 0));
    let most = bytes.len() / claim.width() / MISFIT_SHARE;
    let allowed = misfits(bytes, Rival { layout: claim, shift: 0 }, rules, people).take(most).count();
    others.find(|other| misfits(bytes, *other, rules, people).nth(allowed).is_none())
}

/// Returns the records of an interpretation that cannot be real ones. The first and the last may be parts of records.
fn misfits<'a>(
    bytes: &'a [u8],
    Rival { layout, shift }: Rival,
    rules: &'a Plausibility,
    people: Option<&'a People>,
) -> impl Iterator<Item = &'a [u8]> {
    let width = layout.width();
    let (head, rest) = bytes.split_at_checked(shift).unwrap_or((bytes, &[]));
    let missing = width - head.len();
    let first = move |at: usize| head.get(at.checked_sub(missing)?).copied();
    let head = Some(head).filter(|head| !head.is_empty() && !fits(layout, first, rules, people));
    let rest = rest.chunks(width).filter(move |record| {
        // Without a cut, a record whose state is the top byte of a recent time belongs to layout B.
        let state = layout.fields().state.get(record).filter(|_| layout.needs_users() && shift == 0);
        state.is_some_and(|state| rules.is_top_of_a_recent_time(state))
            || !fits(layout, |at| record.get(at).copied(), rules, people)
    });
    head.into_iter().chain(rest)
}

/// Returns true if the visible bytes of a record can be part of a real one.
fn fits(
    layout: AttendanceLayout,
    byte: impl Fn(usize) -> Option<u8>,
    rules: &Plausibility,
    people: Option<&People>,
) -> bool {
    let fields = layout.fields();
    // A few bits hold documented values only. If the order varies, either byte may be the mode.
    let whole = |bits: Bits| if bits.is_whole_byte() { byte(bits.at) } else { None };
    let mode = if fields.order_varies { None } else { whole(fields.mode) };
    let is_unused_zero = fields.unused.iter().all(|bits| byte(bits.at).is_none_or(|byte| bits.of(byte) == 0));
    let is_clean = is_unused_zero
        && match fields.id {
            IdField::Slot(_) => true,
            IdField::Number(_) => !is_work_code_a_time(fields, &byte, rules),
            IdField::Text(_) => has_text(fields.id, &byte),
        };
    let time = [0, 1, 2, 3].map(|at| byte(fields.time + at));
    let is_somebodys = || people.is_none_or(|people| people.fit(layout, &byte));
    is_clean && mode.is_none_or(|mode| rules.knows_mode(mode)) && may_be_recent(time, rules) && is_somebodys()
}

/// Returns true if a wide record has an id: plain text, then zeros.
fn has_text(id: IdField, byte: &impl Fn(usize) -> Option<u8>) -> bool {
    let place = id.range();
    let mut id = place.clone().map_while(byte).skip_while(u8::is_ascii_graphic);
    byte(place.start).is_none_or(|first| first.is_ascii_graphic()) && id.all(|byte| byte == 0)
}

/// Returns true if the work code is a recent time: then the 16 bytes are two records of 8 bytes.
fn is_work_code_a_time(fields: AttendanceFields, byte: &impl Fn(usize) -> Option<u8>, rules: &Plausibility) -> bool {
    let Some(at) = fields.work_code else { return false };
    let code = [0, 1, 2, 3].map(|place| byte(at + place));
    code.iter().all(Option::is_some) && may_be_recent(code, rules)
}

/// Returns true if these bytes, some of them unknown, can be a time of the last four years.
fn may_be_recent(bytes: [Option<u8>; 4], rules: &Plausibility) -> bool {
    let value = |unknown: u8| u32::from_le_bytes(bytes.map(|byte| byte.unwrap_or(unknown)));
    match bytes {
        [Some(_), Some(_), Some(_), Some(_)] => rules.likelihood(value(0)) == Likelihood::Recent,
        // The last byte has the years.
        [.., None] => true,
        [.., Some(_)] => [value(0), value(u8::MAX)].into_iter().any(|time| rules.is_of_recent_years(time)),
    }
}
