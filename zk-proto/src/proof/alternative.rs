//! Other readings of a few records, against which no byte speaks.
//!
//! A single punch fits on eight bytes, and the rest of one record with the head of the next can name somebody at a believable
//! time as well. Where so little has come, every beginning is tried, in every layout of 8 and 16 bytes. The people of the user
//! table tell which bytes can be part of an id at all.

use crate::record::AttendanceLayout;

use super::People;
use super::fields::{Likelihood, Rules};
use super::rival::Rival;

use AttendanceLayout::{EightA, EightB, Sixteen, Wide};

const SHORT: [AttendanceLayout; 3] = [EightA, EightB, Sixteen];

/// A reading of `bytes` from another beginning or in another layout that is possible too: all that can be seen of its records
/// fits people of the table, where there is one, and times of the last years.
pub(super) fn alternative(
    bytes: &[u8],
    claim: AttendanceLayout,
    rules: &Rules,
    people: Option<&People>,
) -> Option<Rival> {
    let layouts = if matches!(claim, Wide(_)) { core::slice::from_ref(&claim) } else { &SHORT };
    let every = layouts.iter().flat_map(|&layout| (0..layout.width()).map(move |shift| Rival { layout, shift }));
    let mut others = every.filter(|other| (other.layout, other.shift) != (claim, 0));
    others.find(|other| is_possible(bytes, *other, rules, people))
}

fn is_possible(bytes: &[u8], Rival { layout, shift }: Rival, rules: &Rules, people: Option<&People>) -> bool {
    let width = layout.width();
    let (head, rest) = bytes.split_at_checked(shift).unwrap_or((bytes, &[]));
    let missing = width - head.len();
    let first = |at: usize| head.get(at.checked_sub(missing)?).copied();
    let is_first_possible = head.is_empty() || fits(layout, first, rules, people);
    is_first_possible && rest.chunks(width).all(|record| fits(layout, |at| record.get(at).copied(), rules, people))
}

/// Whether what can be seen of a record may be part of a real one.
fn fits(layout: AttendanceLayout, byte: impl Fn(usize) -> Option<u8>, rules: &Rules, people: Option<&People>) -> bool {
    let is_zero = |at: usize| byte(at).is_none_or(|byte| byte == 0);
    let (time_at, mode, state, is_clean) = match layout {
        // A whole record with the top byte of a time in place of its state is one of layout B.
        EightA => {
            let is_b = byte(0).is_some() && byte(7).is_some_and(|state| rules.is_top_of_a_recent_time(state));
            (3, byte(2), byte(7), !is_b)
        }
        EightB => (4, None, None, byte(2).is_none_or(|flags| flags & 0xC0 == 0) && is_zero(3)),
        Sixteen => (4, None, byte(8), is_zero(10) && is_zero(11) && !is_work_code_a_time(&byte, rules)),
        Wide(_) => (27, byte(26), byte(31), has_text(&byte)),
    };
    let time = [0, 1, 2, 3].map(|at| byte(time_at + at));
    // A key may be set to any state, but a byte that nothing else speaks for is none.
    if time.iter().all(Option::is_none) && state.is_some_and(|state| !rules.knows_state(state)) {
        return false;
    }
    let is_somebodys = || people.is_none_or(|people| people.fit(layout, &byte));
    is_clean && mode.is_none_or(|mode| rules.knows_mode(mode)) && may_be_recent(time, rules) && is_somebodys()
}

/// Whether a wide record has an id: plain text, then zeros.
fn has_text(byte: &impl Fn(usize) -> Option<u8>) -> bool {
    let mut id = (2..26).map_while(byte).skip_while(u8::is_ascii_graphic);
    byte(2).is_none_or(|first| first.is_ascii_graphic()) && id.all(|byte| byte == 0)
}

/// Two records of 8 bytes have the second one's time where one of 16 has its work code.
fn is_work_code_a_time(byte: &impl Fn(usize) -> Option<u8>, rules: &Rules) -> bool {
    let code = [12, 13, 14, 15].map(byte);
    code.iter().all(Option::is_some) && may_be_recent(code, rules)
}

/// Whether these bytes, of which some may be unknown, can be a time of the last years.
fn may_be_recent(bytes: [Option<u8>; 4], rules: &Rules) -> bool {
    let value = |unknown: u8| u32::from_le_bytes(bytes.map(|byte| byte.unwrap_or(unknown)));
    match bytes {
        [Some(_), Some(_), Some(_), Some(_)] => rules.likelihood(value(0)) == Likelihood::Recent,
        // The years are in the last byte.
        [.., None] => true,
        [.., Some(_)] => [value(0), value(u8::MAX)].into_iter().any(|time| rules.is_of_recent_years(time)),
    }
}
