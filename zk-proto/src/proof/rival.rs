//! Would the same bytes make better records if they began elsewhere?
//!
//! A cut that leaves every size as it was moves all records by the same distance. Fields of a record that are read from the
//! wrong place are often harmless (zeros, small numbers), so rules alone let some of them pass; but then the true place,
//! somewhere else in the same bytes, makes better ones.

use crate::DeviceTime;
use crate::record::AttendanceLayout;

use super::fields::{Clock, Date, Id, Rules};

/// A year of packed time: twelve months of 31 days.
const YEAR: u32 = 12 * 31 * 86_400;
/// Dates from here on are likely ones: no terminal of this protocol has older logs, and a punch state (0-5) or a zero read
/// as the top byte of a time gives an earlier date.
const LIKELY_FROM: u32 = 5 * YEAR;
/// How far back from a clock a date is a recent one.
const RECENT: u32 = 4 * YEAR;

/// What a record is worth: an old date little, a likely one more, a recent one most.
const OLD_DATE: u32 = 1;
const LIKELY_DATE: u32 = 4;
const RECENT_DATE: u32 = 6;
/// Bytes that are always zero are; an id is not the rest of a longer text; a verify mode is known.
const CLEAN: u32 = 1;
/// What an empty id takes away.
const NO_ID: u32 = 3;

/// What a reading of a window came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    points: u64,
    /// Records that were worth anything.
    good: u64,
    records: u64,
    /// One of them has a likely date.
    dated: bool,
}

impl Score {
    fn add(&mut self, points: u32) {
        self.points += u64::from(points);
        self.good += u64::from(points > 0);
        self.records += 1;
        self.dated |= points >= LIKELY_DATE;
    }

    /// Whether this reading makes better records than `claim` does, on the average; with `doubtful`, equally good ones.
    /// A chance hit among many records is none: a quarter of them must be good.
    fn beats(self, claim: Self, doubtful: bool) -> bool {
        let (mine, claimed) = (self.points * claim.records, claim.points * self.records);
        let better = if doubtful { mine >= claimed } else { mine > claimed };
        self.points > 0 && self.good * 4 >= self.records && better
    }
}

/// Another reading that explains a window at least as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its layout.
    pub layout: AttendanceLayout,
    /// How many bytes later its first whole record begins; 0 with another layout.
    pub shift: usize,
}

/// What a window's comparison came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Comparison {
    pub(super) rival: Option<Rival>,
    /// Whether a record of the claim has a likely date.
    pub(super) dated: bool,
}

/// Looks for a reading that is better than records of `layout` from the window's first byte on.
///
/// `sizes_agree` says that length word, size and count back the width: then a rival must be better, and for wide records
/// only other beginnings are tried. Otherwise one as good is enough.
pub(super) fn compare(window: &[u8], layout: AttendanceLayout, rules: &Rules, sizes_agree: bool) -> Comparison {
    let width = layout.width();
    let claim = score(window, layout, 0, rules);
    let other_layouts: &[AttendanceLayout] = match layout {
        AttendanceLayout::Wide(_) if sizes_agree => &[],
        _ => &[
            AttendanceLayout::EightA,
            AttendanceLayout::EightB,
            AttendanceLayout::Sixteen,
            AttendanceLayout::Wide(40),
            AttendanceLayout::Wide(49),
        ],
    };
    let same = (1..width).map(|shift| Rival { layout, shift });
    let others = other_layouts.iter().filter(|other| **other != layout).flat_map(|&other| {
        // From the same first byte, wide layouts differ in their width alone, which sizes and counts have decided.
        let both_wide = matches!((layout, other), (AttendanceLayout::Wide(_), AttendanceLayout::Wide(_)));
        (usize::from(both_wide)..other.width()).map(move |shift| Rival { layout: other, shift })
    });
    let rival = same.chain(others).find(|rival| {
        // Of the two 8-byte layouts, A is the one without a witness in the field: it has to be the better one.
        let to_prove = layout == AttendanceLayout::EightA && rival.layout == AttendanceLayout::EightB;
        score(window, rival.layout, rival.shift, rules).beats(claim, !sizes_agree || to_prove)
    });
    Comparison { rival, dated: claim.dated }
}

/// Scores the whole records from `shift` on, and the one before them whose head is not in the window.
fn score(window: &[u8], layout: AttendanceLayout, shift: usize, rules: &Rules) -> Score {
    let mut score = Score::default();
    if shift > 0 {
        let missing = layout.width() - shift;
        if let Some(points) = points(layout, rules, missing, |at| window.get(at.checked_sub(missing)?).copied()) {
            score.add(points);
        }
    }
    for record in window.get(shift..).unwrap_or(&[]).chunks_exact(layout.width()) {
        score.add(points(layout, rules, 0, |at| record.get(at).copied()).unwrap_or(0));
    }
    score
}

/// What one record is worth. Fields whose bytes are missing are taken for right; without its time a record is not judged.
fn points(layout: AttendanceLayout, rules: &Rules, missing: usize, byte: impl Fn(usize) -> Option<u8>) -> Option<u32> {
    use AttendanceLayout::{EightA, EightB, Sixteen, Wide};

    let time_at = match layout {
        EightA => 3,
        EightB | Sixteen => 4,
        Wide(_) => 27,
    };
    let time = u32::from_le_bytes([byte(time_at)?, byte(time_at + 1)?, byte(time_at + 2)?, byte(time_at + 3)?]);
    let (state, mode) = match layout {
        EightA => (byte(7), byte(2)),
        EightB => (byte(2).map(|flags| flags & 7), None),
        Sixteen => match rules.order {
            crate::record::FieldOrder::StateFirst => (byte(8), byte(9)),
            crate::record::FieldOrder::VerifyFirst => (byte(9), byte(8)),
        },
        Wide(_) => (byte(31), byte(26)),
    };
    let state_known = state.is_none_or(|state| crate::PunchState(state).is_known());
    // Which other modes a terminal uses is learnt from the claimed reading alone, so a rival's need not be known.
    let mode_known = mode.is_none_or(|mode| rules.knows_mode(mode));
    let (has_id, clean) = match layout {
        EightA => (number(&byte, 0..2).is_none_or(|uid| uid != 0), true),
        EightB => (number(&byte, 0..2).is_none_or(|uid| uid != 0), byte(3).is_none_or(|zero| zero == 0)),
        Sixteen => {
            let id = number(&byte, 0..4);
            let zeros = (10..12).all(|at| byte(at).is_none_or(|zero| zero == 0));
            // Terminals of this family take up to nine digits.
            (id.is_none_or(|id| id != 0), zeros && id.is_none_or(|id| id < 1_000_000_000))
        }
        Wide(_) => {
            let mut id = [0; 24];
            let known = missing.saturating_sub(2).min(id.len());
            for (at, slot) in id.iter_mut().enumerate().skip(known) {
                *slot = byte(2 + at)?;
            }
            let has_id = match Id::of_text(id.get(known..).unwrap_or(&[])) {
                Id::Present => true,
                Id::Empty => known > 0,
                Id::Garbled => return Some(0),
            };
            let text = |at| byte(at).is_some_and(|byte| byte.is_ascii_graphic());
            (has_id, !(text(0) && text(1) && text(2)))
        }
    };
    let date = date_points(rules, time);
    let points = date + u32::from(clean) * CLEAN + u32::from(mode_known) * CLEAN;
    Some(match (state_known && date > 0, has_id) {
        (true, true) => points,
        (true, false) => points.saturating_sub(NO_ID),
        (false, _) => 0,
    })
}

fn number(byte: &impl Fn(usize) -> Option<u8>, at: core::ops::Range<usize>) -> Option<u32> {
    at.rev().try_fold(0, |number, at| Some(number << 8 | u32::from(byte(at)?)))
}

fn date_points(rules: &Rules, time: u32) -> u32 {
    if rules.date(time) != Date::Good {
        return 0;
    }
    let Clock { host, terminal, .. } = rules.clock;
    let recent = |now: DeviceTime| time <= now.0.saturating_add(86_400) && time >= now.0.saturating_sub(RECENT);
    if recent(host) || terminal.is_some_and(recent) {
        RECENT_DATE
    } else if time >= LIKELY_FROM {
        LIKELY_DATE
    } else {
        OLD_DATE
    }
}
