//! The proof of a log's tail: the records after those that are known.

use alloc::vec::Vec;

use crate::spool::Spool;

use super::pass::judge;
use super::plausible::Plausibility;
use super::proven::{Findings, Proven};
use super::refusal::{Refusal, came_whole, confirm};
use super::region::Region;
use super::unproven::{Doubt, Shape, Unproven};
use super::{Begin, Evidence, Known, WORD_LEN, Witnesses};

/// Proves the tail of a log. `spool` holds the set from [`Known::overlap_at`] to its end, [`Evidence::announced`] is
/// the size of the whole set, and `word` is its length word.
///
/// An overlap that equals the stored records, field by field, proves width and alignment that far. After it, 64
/// records in a row with more bad than good are refused, and so are records that another interpretation beats.
///
/// # Errors
/// [`Unproven`]: read the whole log.
pub fn prove_tail(mut spool: Spool, word: u32, known: &Known, evidence: &Evidence) -> Result<Proven, Unproven> {
    match prove_overlap(&mut spool, word, known, evidence) {
        Ok(findings) => Ok(Proven::new(spool, findings)),
        Err(Refusal { doubts, fingerprint, .. }) => Err(Unproven::new(spool, doubts, evidence.counts)
            .announced(evidence.announced)
            .beginning(Begin::Record { at: known.overlap_at(), word })
            .with_fingerprint(fingerprint)),
    }
}

fn prove_overlap(spool: &mut Spool, word: u32, known: &Known, evidence: &Evidence) -> Result<Findings, Refusal> {
    let layout = known.layout;
    let width = layout.width() as u64;
    let overlap = known.overlap_records();
    let word = u64::from(word);
    let shape = Shape::Attendance(layout);
    let from = known.overlap_at();
    came_whole(spool, &Evidence { announced: evidence.announced.saturating_sub(from), ..evidence.clone() })?;
    let came = evidence.announced.saturating_sub(WORD_LEN);
    let length_word = word % width == 0 && word <= came;
    let body = word - word % width;
    // The length word includes a remainder, and the count shows where the records end.
    let remainder = word == came && evidence.counts.allow(body / width);
    if !length_word && !remainder {
        let witnesses = Witnesses { length_word, ..Witnesses::default() };
        return Err(Doubt::Witnesses { layout: shape, witnesses }.into());
    }
    if overlap == 0 || WORD_LEN + body < known.end() {
        return Err(Doubt::ShorterThanKnown.into());
    }
    let head = spool.read(0..overlap * width).map_err(|_| Doubt::Unreadable)?;
    let pairs = head.chunks_exact(layout.width()).zip(known.overlap.chunks_exact(layout.width()));
    if head.len() as u64 != overlap * width || !pairs.into_iter().all(|(a, b)| layout.same(a, b)) {
        return Err(Doubt::OverlapDiffers.into());
    }
    let records = (WORD_LEN + body - from) / width;
    let region = Region { layout, at: 0, records, trusted: overlap };
    let rules = Plausibility::new(evidence, true);
    let verdict = judge(spool, region, &rules, true, None).map_err(|_| Doubt::Unreadable)?;
    if let Some(first) = verdict.bad_run {
        let first = known.records - overlap + first;
        return Err(Doubt::BadRun { layout: shape, first }.into());
    }
    if let Some(rival) = verdict.rival {
        return Err(Doubt::Misaligned { layout, rival }.into());
    }
    let first_index = known.records - overlap;
    if let Some(first) = verdict.repeated {
        return Err(Doubt::Repeated { layout: shape, first: first_index + first }.into());
    }
    let confirmed = confirm(spool, evidence, region, first_index, &verdict, Vec::new())?;
    let total = body / width;
    let size = (evidence.announced - WORD_LEN) % width == 0;
    Ok(Findings {
        region: Some(region),
        order: evidence.order,
        first_index,
        skipped: overlap,
        trailing: evidence.announced - WORD_LEN - body,
        witnesses: Witnesses {
            length_word,
            size,
            count: evidence.counts.allow(total),
            numbers: verdict.numbers,
            people: None,
        },
        tally: verdict.tally,
        // The overlap proves the alignment.
        vague: false,
        states: verdict.states,
        modes: verdict.modes,
        confirmed,
        people_wanted: false,
    })
}
