//! A look at records while they arrive.

use alloc::vec::Vec;

use crate::record::{AttendanceLayout, FieldOrder};

use super::pass::Pass;
use super::plausible::{FEW, Plausibility};
use super::witness::extent;
use super::{Evidence, WORD_LEN};

/// Judges records while they arrive, so that a proof need not read all of them back.
///
/// It saves time and decides nothing. It begins with what is likely: the layout that length word, size and count agree on. What
/// it has seen counts only where the proof, which knows everything, comes to the same layout, number and rules; else the
/// records are judged from the spool.
#[derive(Clone, Debug)]
pub struct Preview {
    evidence: Evidence,
    /// Where the next bytes have to stand; `None` once some did not.
    next: Option<u64>,
    /// What came and was not judged yet: a part of the length word, then of a window.
    rest: Vec<u8>,
    pass: Option<Pass>,
    /// Bytes of the records that are still to come.
    left: u64,
}

impl Preview {
    /// For a set of which this much is known before it comes: what was announced, one count, the clocks.
    #[must_use]
    pub fn new(evidence: Evidence) -> Self {
        Self { evidence, next: Some(0), rest: Vec::new(), pass: None, left: 0 }
    }

    /// Takes bytes of the set, as they are written to the spool.
    pub fn push(&mut self, offset: u64, mut bytes: &[u8]) {
        if self.next != Some(offset) {
            (self.next, self.pass) = (None, None);
            return;
        }
        self.next = offset.checked_add(bytes.len() as u64);
        if offset < WORD_LEN {
            let (word, records) = bytes.split_at(bytes.len().min((WORD_LEN - offset) as usize));
            self.rest.extend_from_slice(word);
            bytes = records;
            if let Some(word) = self.rest.first_chunk().map(|word| u32::from_le_bytes(*word)) {
                self.rest.clear();
                self.begin(word);
            }
        }
        let Some(pass) = &mut self.pass else { return };
        let (mut bytes, _) = bytes.split_at(bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)));
        self.left -= bytes.len() as u64;
        let window = pass.window();
        if !self.rest.is_empty() {
            let (first, others) = bytes.split_at(bytes.len().min(window - self.rest.len()));
            self.rest.extend_from_slice(first);
            bytes = others;
            if self.rest.len() == window {
                pass.feed(&self.rest);
                self.rest.clear();
            }
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % window);
        pass.feed(whole);
        self.rest.extend_from_slice(rest);
        if self.left == 0 {
            pass.feed(&self.rest);
            self.rest.clear();
        }
    }

    /// Chooses what to look for. Where it is not plain, nothing: the proof has to try all of it.
    fn begin(&mut self, word: u32) {
        let evidence = &self.evidence;
        // Of the two layouts of 8 bytes, each has to be held against the other.
        let plain = AttendanceLayout::KNOWN
            .into_iter()
            .filter(|layout| !layout.needs_users() || evidence.remembered.layout == Some(*layout));
        let fitting = plain.filter_map(|layout| {
            let extent = extent(word, evidence.announced, layout.width() as u64, evidence.counts)?;
            (extent.witnesses.sizes_agree() && extent.trailing == 0 && extent.records >= FEW)
                .then_some((layout, extent.records))
        });
        let Some((layout, records)) = fitting.max_by_key(|(layout, _)| evidence.remembered.layout == Some(*layout))
        else {
            return;
        };
        self.left = records * layout.width() as u64;
        self.pass = Some(Pass::new(layout, Plausibility::new(evidence, true).in_order(FieldOrder::StateFirst), true));
    }

    /// What it saw, when that was all.
    pub(super) fn pass(&self) -> Option<&Pass> {
        self.pass.as_ref().filter(|_| self.left == 0)
    }
}
