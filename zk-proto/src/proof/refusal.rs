//! Refusals and second readings: the steps that proofs of logs, tails and user tables share.

use alloc::vec;
use alloc::vec::Vec;

use crate::spool::{Spool, SpoolError};

use super::region::Region;
use super::swapped::swapped;
use super::unproven::{Doubt, Shape};
use super::verdict::Verdict;
use super::{Evidence, Fingerprint, SPREAD, WORD_LEN};

/// The doubts that keep a set from being proven.
#[derive(Default)]
pub(super) struct Refusal {
    pub(super) doubts: Vec<Doubt>,
    /// The reading that has to be repeated.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Some sizes agree, so that the ids of people may decide.
    pub(super) people_would_help: bool,
}

impl From<Doubt> for Refusal {
    fn from(doubt: Doubt) -> Self {
        Self { doubts: vec![doubt], ..Self::default() }
    }
}

impl From<SpoolError> for Refusal {
    fn from(_: SpoolError) -> Self {
        Doubt::Unreadable.into()
    }
}

/// Checks that all of a set has arrived undamaged.
pub(super) fn came_whole(spool: &Spool, evidence: &Evidence) -> Result<(), Doubt> {
    let have = spool.contiguous();
    if have < evidence.announced {
        return Err(Doubt::Incomplete { have, announced: evidence.announced });
    }
    if evidence.damaged_packets > 0 && !evidence.remembered.checksums_wrong {
        return Err(Doubt::Damaged { packets: evidence.damaged_packets });
    }
    Ok(())
}

pub(super) fn length_word(spool: &mut Spool) -> Result<u32, Doubt> {
    let word = spool.read(0..WORD_LEN).map_err(|_| Doubt::Unreadable)?;
    Ok(word.first_chunk().map_or(0, |word| u32::from_le_bytes(*word)))
}

/// Requires an earlier, identical reading from another session if there are doubts, or if many records in a row are
/// bad. Records that were added since make no difference. `first` is the position of the first record in the
/// terminal's log. Returns the fingerprint to remember as confirmed.
pub(super) fn confirm(
    spool: &mut Spool,
    evidence: &Evidence,
    region: Region,
    first: u64,
    verdict: &Verdict,
    mut doubts: Vec<Doubt>,
) -> Result<Option<Fingerprint>, Refusal> {
    let Region { layout, records, .. } = region;
    let mut known = None;
    let suspicious = verdict.needs_confirmation();
    if let Some((from, to)) = suspicious {
        // However often it is read, it is the same.
        if let Some((at, records)) = swapped(spool, region)? {
            return Err(Doubt::Swapped { layout: Shape::Attendance(layout), first: first + at, records }.into());
        }
        known = evidence.remembered.confirmed.filter(|known| known.layout == layout && known.first == first);
        let covers = match known {
            Some(known) if (to..=records).contains(&known.records) => {
                digest(spool, Region { records: known.records, ..region })? == known.digest
            }
            _ => false,
        };
        if !covers {
            known = None;
            let layout = Shape::Attendance(layout);
            doubts.push(Doubt::BadOnes { layout, first: first + from, records: to - from });
        }
    }
    if doubts.is_empty() {
        return Ok(known);
    }
    let fingerprint = Fingerprint { layout, first, records, digest: digest(spool, region)? };
    let Some(earlier) = evidence.earlier else {
        return Err(Refusal { doubts, fingerprint: Some(fingerprint), ..Refusal::default() });
    };
    let same = earlier.layout == layout
        && earlier.first == first
        && earlier.records <= records
        && digest(spool, Region { records: earlier.records, ..region })? == earlier.digest;
    // New records were read only once: if they are doubtful, they have to be read again.
    let all_twice = suspicious.is_none_or(|(_, to)| to <= earlier.records);
    match (same, all_twice) {
        (true, true) => Ok(suspicious.map(|_| earlier)),
        (true, false) => Err(Refusal { doubts, fingerprint: Some(fingerprint), ..Refusal::default() }),
        (false, _) => Err(Refusal { fingerprint: Some(fingerprint), ..Doubt::ReadingsDiffer.into() }),
    }
}

/// Computes a digest of records. Bytes after the end of a text, which firmware leaves undefined, do not count. It
/// guards against accidents, not against an attacker.
fn digest(spool: &mut Spool, region: Region) -> Result<u64, SpoolError> {
    let mut state = Mixer(0);
    let fields = region.layout.fields();
    region.blocks(spool, |block| {
        for record in block.chunks_exact(region.layout.width()) {
            let (before, text, after) = fields.defined(record);
            state.add(before);
            if let Some(text) = text {
                state.word(text.len() as u64);
                state.add(text);
                state.add(after);
            }
        }
        true
    })?;
    Ok(state.0)
}

struct Mixer(u64);

impl Mixer {
    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(piece).for_each(|(slot, byte)| *slot = *byte);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(SPREAD).rotate_left(29);
    }
}
