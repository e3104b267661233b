//! Would the same bytes make better records if they began elsewhere?
//!
//! A cut that leaves every size as it was moves all records by the same distance. Fields of a record that are read from the
//! wrong place are often harmless (zeros, small numbers), so rules alone let some of them pass; but then the true place,
//! somewhere else in the same bytes, makes better ones.

use crate::record::{AttendanceFields, AttendanceLayout, FieldOrder, IdField};

use super::People;
use super::plausible::{ENOUGH, Id, Likelihood, Plausibility};

mod few;

pub(super) use few::alternative;

/// What a record is worth: a date of the clock's first years, or past every clock, little, a likely one more, a recent one most.
const POOR_DATE: u32 = 1;
const LIKELY_DATE: u32 = 4;
const RECENT_DATE: u32 = 6;
/// Bytes that are always zero are; an id is not the rest of a longer text; a verify mode is known.
const CLEAN: u32 = 1;
/// What an empty id takes away (see [`Order`]), and a byte of layout B that was zero in every sample and here is not.
const DOUBT: u32 = 3;
/// What a state takes away that is the top byte of a recent time: read as a state, that one recurs in all records.
const ODD: u32 = 2;

/// Whether the dates of a reading run on as a log's do, which it writes one after the other.
///
/// Nothing is held against dates that do not: clocks are set back, and full logs begin anew somewhere. But bytes of other
/// fields make dates in no order, so of two readings the one in order is the likelier, and its empty ids are those of deleted
/// users rather than zeros from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Order {
    last: Option<u32>,
    steps: u64,
    back: u64,
}

impl Order {
    fn add(&mut self, time: u32) {
        if let Some(last) = self.last.replace(time) {
            self.steps += 1;
            self.back += u64::from(time < last);
        }
    }

    fn holds(self) -> bool {
        self.back * 8 <= self.steps
    }

    fn fails(self) -> bool {
        self.back > 0 && self.back * 4 >= self.steps
    }
}

/// What a reading of a window came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    points: u64,
    records: u64,
    /// Those with a likely date.
    dated: u64,
    /// What empty ids took away.
    doubts: u64,
    /// Those whose state may be the top byte of a time.
    odd: u64,
    order: Order,
    /// Not one of them is whole.
    partial: bool,
}

impl Score {
    fn add(&mut self, Worth { points, doubts, odd, dated, time, .. }: Worth) {
        self.odd += u64::from(odd);
        self.points += u64::from(points);
        self.records += 1;
        self.dated += u64::from(dated);
        self.doubts += u64::from(doubts);
        time.into_iter().for_each(|time| self.order.add(time));
    }

    /// Its points beside another reading: without the doubts, where its dates alone are in order.
    fn points_beside(self, other: Self) -> u64 {
        self.points + if self.order.holds() && other.order.fails() { self.doubts } else { 0 }
    }

    /// Whether this reading makes better records than `claim` does, on the average; with `doubtful`, equally good ones.
    /// A chance hit here and there is none: three in five need a likely date. No part of a record beats a whole one by the
    /// least of points.
    fn beats(self, claim: Self, doubtful: bool, to_prove: bool) -> bool {
        let margin = if self.partial && !doubtful { u64::from(CLEAN) } else { 0 };
        let mine = self.points_beside(claim) * claim.records;
        // The one record in a few whose uid is a multiple of 256 makes no difference.
        let mine = if to_prove { mine + mine / 16 } else { mine };
        let claimed = (claim.points_beside(self) + margin * claim.records) * self.records;
        let better = if doubtful { mine >= claimed } else { mine > claimed };
        self.dated > 0 && self.dated * 5 >= self.records * 3 && better
    }

    /// Whether it beats nothing, whatever else its records are worth, of which there are `all`: too many have no likely date.
    fn is_beaten(self, all: u64) -> bool {
        (self.records - self.dated) * 5 > all * 2
    }
}

/// What one record is worth.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Worth {
    points: u32,
    /// What its empty id took away.
    doubts: u32,
    /// Its state may be the top byte of a time.
    odd: bool,
    /// No document names its state.
    unnamed: bool,
    /// Its date is a likely one.
    dated: bool,
    /// Its time, where the record is worth something.
    time: Option<u32>,
}

/// Another reading that explains a window at least as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its layout.
    pub layout: AttendanceLayout,
    /// How many bytes later its first whole record begins; 0 with another layout.
    pub shift: usize,
}

/// What a reading that is scored is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// What is claimed: its states are those that the rules know.
    Claim,
    /// The same layout from another beginning.
    Same,
    /// Another layout, which has to show states that are documented.
    Other,
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
/// `sizes_agree` says that length word, size and count back the width: then a rival must be better, and only other
/// beginnings are tried, the other layout of the same width, and 16 bytes where many short records have no likely date.
/// Otherwise one as good is enough.
pub(super) fn compare(window: &[u8], layout: AttendanceLayout, rules: &Plausibility, sizes_agree: bool) -> Comparison {
    // Where the claim names people whom the user table knows, only a reading that does so too can be the right one.
    let people = rules.people.as_ref().map(|people| (people, named(window, layout, 0, people)));
    let width = layout.width();
    let claim = score(window, layout, 0, rules, Role::Claim);
    // A record of 16 bytes is one of 8 and another that has a work code for a time: the count of twice as many makes 8 of it.
    let mut every = AttendanceLayout::KNOWN;
    every.sort_unstable();
    let other_layouts: &[AttendanceLayout] = match layout {
        _ if rules.pinned => &[],
        AttendanceLayout::EightA if sizes_agree => &[AttendanceLayout::EightB, AttendanceLayout::Sixteen],
        AttendanceLayout::EightB if sizes_agree => &[AttendanceLayout::EightA, AttendanceLayout::Sixteen],
        // Two records of 8 bytes make one of 16, with any uid for a state, where the count is half of what it should be.
        AttendanceLayout::Sixteen if sizes_agree => &[AttendanceLayout::EightB, AttendanceLayout::EightA],
        _ if sizes_agree => &[],
        _ => &every,
    };
    let same = (1..width).map(|shift| Rival { layout, shift });
    let others = other_layouts.iter().filter(|other| **other != layout).flat_map(|&other| {
        // From the same first byte, wide layouts differ in their width alone, which sizes and counts have decided.
        let both_wide = layout.is_wide() && other.is_wide();
        (usize::from(both_wide)..other.width()).map(move |shift| Rival { layout: other, shift })
    });
    let as_captured = (rules.order == FieldOrder::VerifyFirst).then(|| rules.in_order(FieldOrder::StateFirst));
    let rival = same.chain(others).find(|rival| {
        // Of the two 8-byte layouts, A is the one without a witness in the field: it has to be the better one, and two records
        // of B are not called into question by the one of A that may stand between them.
        let many = window.len() >= ENOUGH as usize * width;
        let to_prove = rival.layout == AttendanceLayout::EightB && (rival.shift == 0 || many);
        let between = rival.layout == AttendanceLayout::EightA && rival.shift > 0 && window.len() <= 2 * width;
        // One record of 8 bytes with a date is no part of one of 16.
        if sizes_agree && rival.layout != layout && claim.dated > 0 && window.len() < rival.layout.width() {
            return false;
        }
        // The states of a claim may be bytes of its times: it has to be the better reading.
        // Of 16 bytes, a record shows by its work code that it is one.
        let alike = rival.layout == layout || rival.layout == AttendanceLayout::Sixteen;
        let role = if alike { Role::Same } else { Role::Other };
        let mut doubtful = !sizes_agree || to_prove || claim.odd * 2 > claim.records;
        if let Some((people, (claimed, of))) = people {
            let (named, records) = named(window, rival.layout, rival.shift, people);
            if records == 0 || named * of < claimed * records {
                return false;
            }
            doubtful |= rival.shift > 0;
        }
        let beats = |rules| score(window, rival.layout, rival.shift, rules, role).beats(claim, doubtful, to_prove);
        // A claim in the order that is set has to stand against readings in the order of the captures too.
        !(between && sizes_agree) && (beats(rules) || as_captured.as_ref().is_some_and(&beats))
    });
    Comparison { rival, dated: claim.dated > 0 }
}

/// How many records of a reading name people whom the user table knows, and of how many; the one before the first whole one is
/// among them where its id can be seen.
fn named(window: &[u8], layout: AttendanceLayout, shift: usize, people: &People) -> (u64, u64) {
    let missing = layout.width() - shift;
    let id_is_there = shift > 0 && missing <= layout.fields().id.range().start;
    let head = id_is_there.then(|| window.get(..shift)).flatten().map(|head| people.named(layout, head, missing));
    let records = window.get(shift..).unwrap_or(&[]).chunks_exact(layout.width());
    let all = head.into_iter().chain(records.map(|record| people.named(layout, record, 0)));
    all.fold((0, 0), |(named, of), who| (named + u64::from(who.is_some()), of + 1))
}

/// Scores the whole records from `shift` on, and the one before them whose head is not in the window. That of a rival ends
/// where it is beaten, as most soon are.
fn score(window: &[u8], layout: AttendanceLayout, shift: usize, rules: &Plausibility, role: Role) -> Score {
    let mut score = Score { partial: window.len() < shift + layout.width(), ..Score::default() };
    if shift > 0 {
        let missing = layout.width() - shift;
        if let Some(mut worth) = worth(layout, rules, role, missing, |at| window.get(at.checked_sub(missing)?).copied())
        {
            // Half a record has little to show, so all of that has to be right.
            if worth.points < RECENT_DATE + 2 * CLEAN || worth.unnamed && layout.is_wide() {
                worth = Worth::default();
            }
            score.add(worth);
        }
    }
    let records = window.get(shift..).unwrap_or(&[]).chunks_exact(layout.width());
    let all = score.records + records.len() as u64;
    for record in records {
        if role != Role::Claim && score.is_beaten(all) {
            break;
        }
        score.add(worth(layout, rules, role, 0, |at| record.get(at).copied()).unwrap_or_default());
    }
    score
}

/// What one record is worth. Fields whose bytes are missing are taken for right; without its time a record is not judged.
fn worth(
    layout: AttendanceLayout,
    rules: &Plausibility,
    role: Role,
    missing: usize,
    byte: impl Fn(usize) -> Option<u8>,
) -> Option<Worth> {
    let fields = layout.fields().in_order(rules.order);
    let AttendanceFields { id, time: time_at, .. } = fields;
    let time = number(&byte, time_at..time_at + 4)?;
    let [state, mode] = [fields.state, fields.mode].map(|bits| byte(bits.at).map(|byte| bits.of(byte)));
    // Bytes from the wrong place fail here, mostly; what is dearer to look at comes after.
    // Function keys may be set to any state, and which ones is learnt from the claimed reading alone.
    let documented = state.is_none_or(|state| crate::PunchState(state).is_known());
    // A record of 16 bytes that is read a byte early shows it by its id too.
    let odd = layout != AttendanceLayout::Sixteen && state.is_some_and(|state| rules.is_top_of_a_recent_time(state))
        || role == Role::Other && !documented;
    let date = if role != Role::Claim || documented || state.is_some_and(|state| rules.knows_state(state)) {
        date_points(rules, time)
    } else {
        0
    };
    if date == 0 {
        return Some(Worth::default());
    }
    // Which other modes a terminal uses is learnt from the claimed reading alone, so a rival's need not be known.
    let mode_known = mode.is_none_or(|mode| rules.knows_mode(mode));
    // Two records of 8 bytes have a recent time where one of 16 has its work code.
    let work_code = fields.work_code.and_then(|at| number(&byte, at..at + 4));
    let is_two = work_code.is_some_and(|code| rules.likelihood(code) == Likelihood::Recent);
    let unused = fields.unused.iter().all(|bits| byte(bits.at).is_none_or(|byte| bits.of(byte) == 0));
    let (has_id, clean) = match id {
        // Few uids are a multiple of 256, and 0 is none; but the high byte of small ones, read as the low one, always is.
        IdField::Slot(_) => (number(&byte, id.range()).is_none_or(|uid| uid & 0xFF != 0), unused),
        IdField::Number(_) => {
            let id = number(&byte, id.range());
            // Terminals of this family take up to nine digits.
            let short = id.is_none_or(|id| id < 1_000_000_000);
            (id.is_none_or(|id| id & 0xFF != 0), unused && !is_two && short)
        }
        IdField::Text(at) => {
            let mut text = [0; IdField::TEXT_LEN];
            let known = missing.saturating_sub(at).min(text.len());
            for (place, slot) in id.range().zip(&mut text).skip(known) {
                *slot = byte(place)?;
            }
            let has_id = match Id::of_text(text.get(known..).unwrap_or(&[])) {
                Id::Present => true,
                Id::Empty => known > 0,
                Id::Garbled => return Some(Worth::default()),
            };
            let is_rest_of_text = (0..=at).all(|at| byte(at).is_some_and(|byte| byte.is_ascii_graphic()));
            (has_id, !is_rest_of_text)
        }
    };
    let sum = date + u32::from(clean) * CLEAN + u32::from(mode_known) * CLEAN;
    let sum = sum.saturating_sub(u32::from(odd) * ODD);
    // Which states a terminal's keys are set to is learnt from the claim, as its modes are.
    let unlearned = !documented && role == Role::Same && layout.is_wide();
    let sum = sum.saturating_sub(u32::from(unlearned) * CLEAN);
    let sure = sum.saturating_sub(u32::from(is_two || !clean && layout.needs_users()) * DOUBT);
    let points = sure.saturating_sub(u32::from(!has_id) * DOUBT);
    Some(Worth {
        points,
        doubts: sure - points,
        odd,
        unnamed: !documented,
        dated: date >= LIKELY_DATE,
        time: Some(time),
    })
}

fn number(byte: &impl Fn(usize) -> Option<u8>, at: core::ops::Range<usize>) -> Option<u32> {
    at.rev().try_fold(0, |number, at| Some(number << 8 | u32::from(byte(at)?)))
}

fn date_points(rules: &Plausibility, time: u32) -> u32 {
    match rules.likelihood(time) {
        Likelihood::None => 0,
        Likelihood::Poor => POOR_DATE,
        Likelihood::Likely => LIKELY_DATE,
        Likelihood::Recent => RECENT_DATE,
    }
}
