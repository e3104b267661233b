//! A table of users or fingerprints, held until the place of its secrets is known.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::content::{Set, secrets, word};
use crate::DeviceTime;
use crate::proof::{Counts, Evidence, WORD_LEN, prove_users};
use crate::spool::Spool;

/// The longest table that is held, longer than any terminal's.
pub(super) const MOST: usize = 16 << 20;
/// Bytes before each fingerprint: size, uid, finger, flag.
const ENTRY: usize = 6;

/// A packet that holds a part of the table.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The position of the packet in the received bytes.
    pub(super) packet: Range<u64>,
    /// The position of its data in the table.
    pub(super) at: u64,
    pub(super) data: Vec<u8>,
    pub(super) intact: bool,
}

/// The packets of one table so far.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) set: Set,
    /// The size of the table as announced.
    pub(super) size: Option<u64>,
    pub(super) pieces: Vec<Piece>,
}

impl Table {
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.data.len()).sum()
    }

    /// The mask of the secret bytes, if the table is whole and their place is known.
    pub(super) fn mask(&self, users: Option<u32>) -> Option<Vec<bool>> {
        let table = self.assemble()?;
        match self.set {
            Set::Users => self.mask_users(table, users),
            Set::Templates => mask_templates(&table),
            Set::Open | Set::Secret => None,
        }
    }

    /// The mask by a proven layout.
    fn mask_users(&self, set: Vec<u8>, count: Option<u32>) -> Option<Vec<bool>> {
        let announced = self.size.unwrap_or(set.len() as u64);
        let mut spool = Spool::in_memory(MOST);
        spool.write_at(0, &set).ok()?;
        let counts = Counts { before: count, after: None };
        // The proof of users checks no dates.
        let evidence = Evidence::new(announced, counts, DeviceTime::RESET);
        let table = prove_users(spool, &evidence).ok()?;
        let mut mask = vec![false; usize::try_from(WORD_LEN).ok()?.min(set.len())];
        let Some(layout) = table.layout() else { return Some(mask) };
        for record in set.get(mask.len()..)?.chunks(layout.width()) {
            if record.len() == layout.width() {
                mask.extend(secrets(layout, record));
            } else {
                mask.extend(record.iter().map(|_| true));
            }
        }
        Some(mask)
    }

    /// Returns the table, if its intact pieces fit together without a hole.
    fn assemble(&self) -> Option<Vec<u8>> {
        let end = |piece: &Piece| usize::try_from(piece.at).ok()?.checked_add(piece.data.len());
        let intact = || self.pieces.iter().filter(|piece| piece.intact);
        let len = intact().map(end).try_fold(0, |most, end| Some(end?.max(most)))?;
        if len > MOST {
            return None;
        }
        let (mut set, mut known) = (vec![0; len], vec![false; len]);
        for piece in intact() {
            let range = usize::try_from(piece.at).ok()?..end(piece)?;
            let (set, known) = (set.get_mut(range.clone())?, known.get_mut(range)?);
            for ((slot, known), byte) in set.iter_mut().zip(known).zip(&piece.data) {
                if *known && slot != byte {
                    return None;
                }
                (*slot, *known) = (*byte, true);
            }
        }
        known.iter().all(|known| *known).then_some(set)
    }
}

/// The mask by entries that follow each other from the length word to the end.
fn mask_templates(set: &[u8]) -> Option<Vec<bool>> {
    let mut mask = vec![false; 4];
    let mut rest = set.get(4..)?;
    if word(set, 0)? != rest.len() as u64 {
        return None;
    }
    while let Some(size) = rest.first_chunk().map(|size| usize::from(u16::from_le_bytes(*size))) {
        let [_, _, _, _, finger, flag] = rest.first_chunk::<ENTRY>()?;
        if size <= ENTRY || *finger > 9 || *flag > 3 {
            return None;
        }
        mask.extend((0..size).map(|place| place >= ENTRY));
        rest = rest.get(size..)?;
    }
    rest.is_empty().then_some(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fingerprints_that_follow_each_other_whose_they_are_stays() {
        let entry = |uid: u8| [8, 0, uid, 0, 3, 1, 0xAA, 0xBB];
        let set = [&[16, 0, 0, 0][..], &entry(1), &entry(2)].concat();
        let kept: Vec<_> = mask_templates(&set).unwrap().iter().map(|secret| !secret).collect();
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 4 + 2 * ENTRY);
        assert!(kept.iter().zip(&set).all(|(kept, byte)| *kept != matches!(byte, 0xAA | 0xBB)));
        for cut in 1..set.len() - 4 {
            let mut shifted = set.clone();
            shifted.drain(4..4 + cut);
            shifted.resize(set.len(), 0);
            assert!(mask_templates(&shifted).is_none(), "{cut}");
        }
        assert!(mask_templates(&set[..19]).is_none());
    }
}
