//! The search for better interpretations of the same bytes.
//!
//! A cut that changes no size moves every record by the same distance. Fields read from the wrong offset are often
//! harmless (zeros, small numbers), so the rules alone let some of them pass. But then the true offset, somewhere
//! else in the same bytes, makes better records.

use crate::record::{AttendanceFields, AttendanceLayout, FieldOrder, IdField, u16_at};

use super::People;
use super::plausible::{ENOUGH, Id, Likelihood, Plausibility};
use super::region::MIN_STEPS;

mod few;

pub(super) use few::alternative;

/// Points for a date: few for one of the clock's first years or after every clock, more for a likely one, most for a
/// recent one.
const POOR_DATE: u32 = 1;
const LIKELY_DATE: u32 = 4;
const RECENT_DATE: u32 = 6;
/// A point each: unused bytes are zero and the id is not the rest of a longer text; the verify mode is known.
const CLEAN: u32 = 1;
/// Points lost for an empty id (see [`Order`]), and for unused bits of layout B that are set.
const DOUBT: u32 = 3;
/// Points lost for a state that is the top byte of a recent time: if a time is misread as a state, all records share
/// it.
const ODD: u32 = 2;

/// Counts how often the dates of an interpretation go back. A log is written in the order of time.
///
/// Dates out of order prove nothing by themselves: clocks are set back, and full logs start over somewhere. But bytes
/// of other fields make dates in no order. So of two interpretations the one in order is likelier, and its empty ids
/// are those of deleted users rather than zeros of another field.
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

/// The score of one interpretation of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    points: u64,
    records: u64,
    /// Records with a likely date.
    dated: u64,
    /// Points lost for empty ids.
    doubts: u64,
    /// Records whose state may be the top byte of a time.
    odd: u64,
    order: Order,
    /// No record is whole.
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

    /// Returns the points compared with another interpretation: if only these dates are in order, empty ids cost
    /// nothing.
    fn points_beside(self, other: Self) -> u64 {
        self.points + if self.order.holds() && other.order.fails() { self.doubts } else { 0 }
    }

    /// Returns true if this interpretation makes better records than `claim` on average, or equally good ones if
    /// `doubtful`. Three in five records need a likely date, since a few always match by chance. Part of a record
    /// beats a whole one only by more than the smallest difference.
    fn beats(self, claim: Self, doubtful: bool, to_prove: bool) -> bool {
        let margin = if self.partial && !doubtful { u64::from(CLEAN) } else { 0 };
        let mine = self.points_beside(claim) * claim.records;
        // A uid that is a multiple of 256 costs points: one in 16 such records must not decide.
        let mine = if to_prove { mine + mine / 16 } else { mine };
        let claimed = (claim.points_beside(self) + margin * claim.records) * self.records;
        let better = if doubtful { mine >= claimed } else { mine > claimed };
        self.dated > 0 && self.dated * 5 >= self.records * 3 && better
    }

    /// Returns true if too many of the records so far have no likely date, so that the `all` records cannot win.
    fn is_beaten(self, all: u64) -> bool {
        (self.records - self.dated) * 5 > all * 2
    }
}

/// The score of one record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Worth {
    points: u32,
    /// Points lost for the empty id.
    doubts: u32,
    /// The state may be the top byte of a time.
    odd: bool,
    /// No document names the state.
    unnamed: bool,
    /// The date is a likely one.
    dated: bool,
    /// The time, if the record scores.
    time: Option<u32>,
}

/// Another interpretation that explains the bytes at least as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// The layout.
    pub layout: AttendanceLayout,
    /// Distance to the first whole record, in bytes; may be 0 with another layout.
    pub shift: usize,
}

/// The part an interpretation plays in a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The claim. Its states are those that the rules know.
    Claim,
    /// The same layout from another beginning.
    Same,
    /// As before, and there the record numbers run on, as no other bytes do. Such a rival may have any state.
    Numbered,
    /// Another layout. Its states have to be documented.
    Other,
}

/// The result of comparing a window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Comparison {
    pub(super) rival: Option<Rival>,
    /// A record of the claim has a likely date.
    pub(super) dated: bool,
}

/// Looks for an interpretation that beats records of `layout` from the window's first byte on.
///
/// `sizes_agree` means that length word, size and count support the width. Then a rival must be better, and only
/// three kinds are tried: other beginnings, the other layout of the same width, and 16 bytes if many short records
/// have no likely date. Otherwise an equally good rival is enough.
pub(super) fn compare(window: &[u8], layout: AttendanceLayout, rules: &Plausibility, sizes_agree: bool) -> Comparison {
    compare_with(window, layout, rules, sizes_agree, |_| true)
}

/// As [`compare`], with those interpretations alone that are `possible`.
pub(super) fn compare_with(
    window: &[u8],
    layout: AttendanceLayout,
    rules: &Plausibility,
    sizes_agree: bool,
    possible: impl Fn(&Rival) -> bool,
) -> Comparison {
    // If the claim names people in the user table, only an interpretation that also does can be right.
    let people = rules.people.as_ref().map(|people| (people, named(window, layout, 0, people)));
    let width = layout.width();
    let claim = score(window, layout, 0, rules, Role::Claim);
    // A record of 16 bytes looks like one of 8 and a second one whose time is the work code; a count twice as high
    // suggests so.
    let mut every = AttendanceLayout::KNOWN;
    every.sort_unstable();
    let other_layouts: &[AttendanceLayout] = match layout {
        _ if rules.pinned => &[],
        AttendanceLayout::EightA if sizes_agree => &[AttendanceLayout::EightB, AttendanceLayout::Sixteen],
        AttendanceLayout::EightB if sizes_agree => &[AttendanceLayout::EightA, AttendanceLayout::Sixteen],
        // Two records of 8 bytes look like one of 16 with a uid for its state, if the count is half of what it should
        // be.
        AttendanceLayout::Sixteen if sizes_agree => &[AttendanceLayout::EightB, AttendanceLayout::EightA],
        _ if sizes_agree => &[],
        _ => &every,
    };
    let numbered = numbers_run_on(window, layout, 0);
    let same = (1..width).map(|shift| Rival { layout, shift });
    let others = other_layouts.iter().filter(|other| **other != layout).flat_map(|&other| {
        // With the same first byte, wide layouts differ only in their width, which sizes and counts have decided.
        let both_wide = layout.is_wide() && other.is_wide();
        (usize::from(both_wide)..other.width()).map(move |shift| Rival { layout: other, shift })
    });
    let as_captured = (rules.order == FieldOrder::VerifyFirst).then(|| rules.in_order(FieldOrder::StateFirst));
    let rival = same.chain(others).filter(possible).find(|rival| {
        // No terminal is known to use layout A, so A has to be the better one. And one A that fits between two
        // records of B does not make them doubtful.
        let many = window.len() >= ENOUGH as usize * width;
        let to_prove = rival.layout == AttendanceLayout::EightB && (rival.shift == 0 || many);
        let between = rival.layout == AttendanceLayout::EightA && rival.shift > 0 && window.len() <= 2 * width;
        // One record of 8 bytes with a date is not part of one of 16.
        if sizes_agree && rival.layout != layout && claim.dated > 0 && window.len() < rival.layout.width() {
            return false;
        }
        // The states of a claim may be bytes of its times, so another layout needs documented states. A record of 16
        // bytes shows by its work code that it is one.
        let alike = rival.layout == layout || rival.layout == AttendanceLayout::Sixteen;
        let role = match alike {
            true if !numbered && rival.layout == layout && numbers_run_on(window, layout, rival.shift) => {
                Role::Numbered
            }
            true => Role::Same,
            false => Role::Other,
        };
        let mut doubtful = !sizes_agree || to_prove || claim.odd * 2 > claim.records || role == Role::Numbered;
        if let Some((people, (claimed, of))) = people {
            let (named, records) = named(window, rival.layout, rival.shift, people);
            if records == 0 || named * of < claimed * records {
                return false;
            }
            doubtful |= rival.shift > 0;
        }
        let beats = |rules| score(window, rival.layout, rival.shift, rules, role).beats(claim, doubtful, to_prove);
        // A claim in the configured order has to beat interpretations in the captured order too.
        !(between && sizes_agree) && (beats(rules) || as_captured.as_ref().is_some_and(&beats))
    });
    Comparison { rival, dated: claim.dated > 0 }
}

/// Returns true if the numbers of whole records run on over at least four steps.
fn numbers_run_on(window: &[u8], layout: AttendanceLayout, shift: usize) -> bool {
    let Some(at) = layout.fields().number else { return false };
    let records = window.get(shift..).unwrap_or(&[]).chunks_exact(layout.width());
    let mut numbers = records.filter_map(|record| u16_at(record, at));
    let Some(first) = numbers.next() else { return false };
    let mut steps = 0;
    let run_on = numbers.zip(1..).all(|(number, step)| {
        steps = step;
        number == first.wrapping_add(step)
    });
    run_on && u64::from(steps) >= MIN_STEPS
}

/// Counts the records that name people in the user table, and all records. A record before the first whole one counts
/// if its id is visible.
fn named(window: &[u8], layout: AttendanceLayout, shift: usize, people: &People) -> (u64, u64) {
    let missing = layout.width() - shift;
    let id_is_there = shift > 0 && missing <= layout.fields().id.range().start;
    let head = id_is_there.then(|| window.get(..shift)).flatten().map(|head| people.named(layout, head, missing));
    let records = window.get(shift..).unwrap_or(&[]).chunks_exact(layout.width());
    let all = head.into_iter().chain(records.map(|record| people.named(layout, record, 0)));
    all.fold((0, 0), |(named, of), who| (named + u64::from(who.is_some()), of + 1))
}

/// Scores the whole records from `shift` on, and the one before them, whose head is outside the window. Stops once a
/// rival has lost, as most soon do.
fn score(window: &[u8], layout: AttendanceLayout, shift: usize, rules: &Plausibility, role: Role) -> Score {
    if role != Role::Claim && has_few_dates(window, layout, shift, rules) {
        return Score::default();
    }
    let mut score = Score { partial: window.len() < shift + layout.width(), ..Score::default() };
    if shift > 0 {
        let missing = layout.width() - shift;
        if let Some(mut worth) = worth(layout, rules, role, missing, |at| window.get(at.checked_sub(missing)?).copied())
        {
            // Half a record shows little, so all of it has to be right.
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

/// Returns true if so few whole records have a likely date that this rival cannot win. Most lose by this alone.
fn has_few_dates(window: &[u8], layout: AttendanceLayout, shift: usize, rules: &Plausibility) -> bool {
    let fields = layout.fields();
    let records = window.get(shift..).unwrap_or(&[]).chunks_exact(layout.width());
    let mut score = Score::default();
    let all = records.len() as u64 + u64::from(shift > 0);
    records.into_iter().any(|record| {
        score.records += 1;
        score.dated += u64::from(fields.time_of(record).is_some_and(|time| date_points(rules, time) >= LIKELY_DATE));
        score.is_beaten(all)
    })
}

/// Scores one record. Fields with missing bytes count as right. Returns `None` if the time is missing.
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
    // Most misaligned bytes fail here, before the slower checks. Function keys may be set to any state; only the
    // claim teaches which.
    let documented = state.is_none_or(|state| crate::PunchState(state).is_known());
    // A record of 16 bytes that is read a byte early also shows it by its id.
    let odd = layout != AttendanceLayout::Sixteen
        && role != Role::Numbered
        && state.is_some_and(|state| rules.is_top_of_a_recent_time(state))
        || role == Role::Other && !documented;
    let date = if role != Role::Claim || documented || state.is_some_and(|state| rules.knows_state(state)) {
        date_points(rules, time)
    } else {
        0
    };
    if date == 0 {
        return Some(Worth::default());
    }
    // Only the claim teaches which other modes a terminal uses, so a rival's mode need not be known.
    let mode_known = mode.is_none_or(|mode| rules.knows_mode(mode));
    // If the work code is a recent time, these are two records of 8 bytes.
    let work_code = fields.work_code.and_then(|at| number(&byte, at..at + 4));
    let is_two = work_code.is_some_and(|code| rules.likelihood(code) == Likelihood::Recent);
    let unused = fields.unused.iter().all(|bits| byte(bits.at).is_none_or(|byte| bits.of(byte) == 0));
    let (has_id, clean) = match id {
        // Few uids are a multiple of 256, and 0 is nobody. But a small uid read one byte early always is.
        IdField::Slot(_) => (number(&byte, id.range()).is_none_or(|uid| uid & 0xFF != 0), unused),
        IdField::Number(_) => {
            let id = number(&byte, id.range());
            // Terminals of this family take at most nine digits.
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
            (has_id, role == Role::Numbered || !is_rest_of_text)
        }
    };
    let sum = date + u32::from(clean) * CLEAN + u32::from(mode_known) * CLEAN;
    let sum = sum.saturating_sub(u32::from(odd) * ODD);
    // Only the claim teaches which states a terminal's keys are set to.
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
