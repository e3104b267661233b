//! The proof of a whole attendance log.

use alloc::vec;
use alloc::vec::Vec;

use crate::record::{AttendanceLayout, WIDE_MAX, WIDE_MIN, WIDE_MIN as FORTY};
use crate::spool::{Spool, SpoolError};

use super::digest::digest;
use super::fields::Rules;
use super::judge::{Region, Verdict, judge};
use super::look::Look;
use super::preview::Preview;
use super::proven::{Findings, Proven};
use super::unproven::{Reason, Shape, Unproven};
use super::witness::{Extent, extent};
use super::{Evidence, Reading, WORD_LEN, Witnesses};

/// The layouts that are always considered, besides the remembered one and the width that the counts suggest.
pub(super) const KNOWN: [AttendanceLayout; 5] = [
    AttendanceLayout::Wide(FORTY),
    AttendanceLayout::Wide(49),
    AttendanceLayout::Sixteen,
    AttendanceLayout::EightB,
    AttendanceLayout::EightA,
];

/// Fewer records than this say little by themselves: records of 8 and 16 bytes, which have little redundancy, and widths that
/// nobody has reported need length word, size and count then, the latter always.
pub(super) const FEW: u64 = 5;

/// Proves a whole log: `spool` holds its set from the length word on.
///
/// # Errors
/// [`Unproven`], with the bytes and the reasons. Where it asks for a second reading, read the set again on a fresh session and
/// prove that one with [`Evidence::earlier`].
pub fn prove(spool: Spool, evidence: &Evidence) -> Result<Proven, Unproven> {
    prove_with(spool, evidence, None)
}

/// Proves a whole log of which a [`Preview`] saw the bytes as they came. It comes to the same as [`prove`], mostly without
/// reading the records back.
///
/// # Errors
/// As [`prove`].
pub fn prove_previewed(spool: Spool, evidence: &Evidence, preview: &Preview) -> Result<Proven, Unproven> {
    prove_with(spool, evidence, preview.look())
}

fn prove_with(mut spool: Spool, evidence: &Evidence, ahead: Option<&Look>) -> Result<Proven, Unproven> {
    match weigh(&mut spool, evidence, ahead) {
        Ok(findings) => Ok(Proven::new(spool, findings)),
        Err(Doubt { reasons, reading }) => {
            let unproven = Unproven::new(spool, reasons, evidence.counts).announced(evidence.announced);
            Err(match reading {
                Some(reading) => unproven.with_reading(reading),
                None => unproven,
            })
        }
    }
}

/// What keeps a set from being proven.
struct Doubt {
    reasons: Vec<Reason>,
    reading: Option<Reading>,
}

impl From<Reason> for Doubt {
    fn from(reason: Reason) -> Self {
        Self { reasons: vec![reason], reading: None }
    }
}

impl From<SpoolError> for Doubt {
    fn from(_: SpoolError) -> Self {
        Reason::Unreadable.into()
    }
}

fn weigh(spool: &mut Spool, evidence: &Evidence, ahead: Option<&Look>) -> Result<Findings, Doubt> {
    came_whole(spool, evidence)?;
    if evidence.announced <= WORD_LEN {
        return empty(spool, evidence);
    }
    let word = length_word(spool)?;
    let mut doubt = Doubt { reasons: Vec::new(), reading: None };
    let mut best: Option<Accepted> = None;
    for layout in candidates(word, evidence) {
        let Some(extent) = extent(word, evidence.announced, layout.width() as u64, evidence.counts) else { continue };
        match weigh_layout(spool, evidence, layout, extent, word, ahead)? {
            Ok(accepted) => match &best {
                Some(other) if other.witnesses.holding() > accepted.witnesses.holding() => {}
                Some(other) if other.witnesses.holding() == accepted.witnesses.holding() => {
                    return Err(Reason::Ambiguous { first: other.region.layout, second: layout }.into());
                }
                _ => best = Some(accepted),
            },
            Err(reason) => doubt.reasons.push(reason),
        }
    }
    let Some(Accepted { region, trailing, witnesses, verdict }) = best else {
        if doubt.reasons.is_empty() {
            doubt.reasons.push(Reason::NoLayout);
        }
        return Err(doubt);
    };
    if !witnesses.count && !evidence.remembered.count_off {
        confirm(spool, evidence, region)?;
    }
    Ok(Findings {
        region: Some(region),
        order: evidence.order,
        first_index: 0,
        skipped: 0,
        trailing,
        witnesses,
        tally: verdict.tally,
        vague: verdict.tally.is_neutral() || !verdict.dated,
    })
}

/// Nothing about a set can be weighed before all of it is there, undamaged.
pub(super) fn came_whole(spool: &Spool, evidence: &Evidence) -> Result<(), Reason> {
    let have = spool.contiguous();
    if have < evidence.announced {
        return Err(Reason::Incomplete { have, announced: evidence.announced });
    }
    if evidence.damaged_packets > 0 && !evidence.remembered.checksums_wrong {
        return Err(Reason::Damaged { packets: evidence.damaged_packets });
    }
    Ok(())
}

pub(super) fn length_word(spool: &mut Spool) -> Result<u32, Reason> {
    let word = spool.read(0..WORD_LEN).map_err(|_| Reason::Unreadable)?;
    Ok(word.first_chunk().map_or(0, |word| u32::from_le_bytes(*word)))
}

fn empty(spool: &mut Spool, evidence: &Evidence) -> Result<Findings, Doubt> {
    let says_nothing = length_word(spool)? == 0;
    if !says_nothing || !evidence.counts.say_empty() {
        return Err(Reason::Empty.into());
    }
    Ok(Findings {
        region: None,
        order: evidence.order,
        first_index: 0,
        skipped: 0,
        trailing: 0,
        witnesses: Witnesses { length_word: true, size: true, count: true, numbers: None },
        tally: super::Tally::default(),
        vague: false,
    })
}

/// The known layouts, the remembered one, and every other wide one that divides by a count.
pub(super) fn candidates(word: u32, evidence: &Evidence) -> Vec<AttendanceLayout> {
    let mut layouts = Vec::from(KNOWN);
    layouts.extend(evidence.remembered.layout);
    let body = evidence.announced - WORD_LEN;
    for count in [evidence.counts.before, evidence.counts.after].into_iter().flatten() {
        for bytes in [u64::from(word), body] {
            let width = bytes.checked_div(count.into()).filter(|_| bytes % u64::from(count) == 0);
            let width = width.and_then(|width| u16::try_from(width).ok());
            layouts.extend(width.filter(|width| (WIDE_MIN..=WIDE_MAX).contains(width)).map(AttendanceLayout::Wide));
        }
    }
    layouts.sort_unstable();
    layouts.dedup();
    layouts
}

/// A layout that explains the set.
struct Accepted {
    region: Region,
    trailing: u64,
    witnesses: Witnesses,
    verdict: Verdict,
}

fn weigh_layout(
    spool: &mut Spool,
    evidence: &Evidence,
    layout: AttendanceLayout,
    extent: Extent,
    word: u32,
    ahead: Option<&Look>,
) -> Result<Result<Accepted, Reason>, SpoolError> {
    let Extent { records, trailing, mut witnesses } = extent;
    let shape = Shape::Attendance(layout);
    let remembered = evidence.remembered.layout == Some(layout);
    let numbered = matches!(layout, AttendanceLayout::Wide(_));
    // Record numbers, which only a look into the records shows, can add one witness and back a wide layout.
    let could_hold = witnesses.holding() + usize::from(numbered) >= 2;
    let could_back = witnesses.count || remembered || numbered;
    let lone_a = layout == AttendanceLayout::EightA && !witnesses.sizes_agree();
    if !could_hold || !could_back || lone_a {
        return Ok(Err(Reason::Witnesses { layout: shape, witnesses }));
    }
    let familiar = remembered || KNOWN.contains(&layout);
    // A word and a size that differ by whole records do not agree, although each is a whole number of them.
    let sizes_agree = witnesses.sizes_agree() && trailing == 0;
    let few = records < FEW;
    if (few && !numbered && !sizes_agree) || (!familiar && (few || !sizes_agree)) {
        return Ok(Err(Reason::Witnesses { layout: shape, witnesses }));
    }
    let region = Region { layout, at: WORD_LEN, records };
    let narrow = few && !numbered;
    if let Some(second) = also_fits(word, evidence, region).filter(|_| !numbered) {
        return Ok(Err(Reason::Ambiguous { first: layout, second }));
    }
    let rules = Rules::new(evidence, sizes_agree && !narrow).of_few(few);
    // A count that moved allows one record more or less, which with few narrow ones is another width.
    let certain_width = sizes_agree && familiar && (!narrow || evidence.counts.is_steady());
    let verdict = judge(spool, region, &rules, certain_width, ahead)?;
    witnesses.numbers = verdict.numbers;
    let backed = witnesses.count || remembered || witnesses.numbers == Some(true);
    let vague = verdict.tally.is_neutral() || !verdict.dated;
    Ok(if let Some(first) = verdict.bad_run {
        Err(Reason::BadRun { layout: shape, first })
    } else if let Some(rival) = verdict.rival {
        Err(Reason::Misaligned { layout, rival })
    } else if !verdict.is_acceptable() || (!familiar && verdict.tally.bad > 0) {
        Err(Reason::Implausible { layout: shape, tally: verdict.tally })
    } else if !backed || witnesses.holding() < 2 || (vague && !sizes_agree) {
        Err(Reason::Witnesses { layout: shape, witnesses })
    } else {
        Ok(Accepted { region, trailing, witnesses, verdict })
    })
}

/// Another width that length word, size and a count that moved fit as well, where one of the two has few records: what came is
/// too little to tell them apart.
fn also_fits(word: u32, evidence: &Evidence, region: Region) -> Option<AttendanceLayout> {
    KNOWN.into_iter().filter(|other| other.width() != region.layout.width()).find(|other| {
        extent(word, evidence.announced, other.width() as u64, evidence.counts).is_some_and(|extent| {
            let few = region.records.min(extent.records) < FEW;
            few && extent.witnesses.sizes_agree() && extent.trailing == 0
        })
    })
}

/// The count alone disagrees: then the same must have come before, on another session. What was added since is no difference.
fn confirm(spool: &mut Spool, evidence: &Evidence, region: Region) -> Result<(), Doubt> {
    let Region { layout, records, .. } = region;
    let Some(earlier) = evidence.earlier else {
        let reading = Reading { layout, records, digest: digest(spool, region)? };
        let reasons = vec![Reason::CountFails { layout: Shape::Attendance(layout), records }];
        return Err(Doubt { reasons, reading: Some(reading) });
    };
    let same = earlier.layout == layout
        && earlier.records <= records
        && digest(spool, Region { records: earlier.records, ..region })? == earlier.digest;
    if same { Ok(()) } else { Err(Reason::ReadingsDiffer.into()) }
}
