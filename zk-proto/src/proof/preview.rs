//! The first pass over records, made while they arrive.

use alloc::vec::Vec;

use crate::record::{AttendanceLayout, FieldOrder};

use super::pass::Pass;
use super::plausible::{FEW, Plausibility};
use super::witness::extent;
use super::{Evidence, WORD_LEN};

/// Judges records while they arrive, so that a proof need not read all of them back.
///
/// It saves time and decides nothing. It starts with the likely layout, on which length word, size and count agree.
/// Its result counts only if the proof, which knows everything, arrives at the same layout, number and rules.
/// Otherwise the records are judged from the spool.
#[derive(Clone, Debug)]
pub struct Preview {
    evidence: Evidence,
    /// Offset of the next bytes; `None` once bytes came out of order.
    next: Option<u64>,
    /// Bytes that wait to be judged: part of the length word, then of a window.
    rest: Vec<u8>,
    pass: Option<Pass>,
    /// Bytes of records still to come.
    left: u64,
}

impl Preview {
    /// Creates a preview from what is known before the set arrives: its size, one count, the clocks.
    #[must_use]
    pub fn new(evidence: Evidence) -> Self {
        Self { evidence, next: Some(0), rest: Vec::new(), pass: None, left: 0 }
    }

    /// Takes bytes of the set as they are written to the spool.
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

    /// Chooses the layout to look for. If that is not obvious, there is no preview, and the proof tries everything.
    fn begin(&mut self, word: u32) {
        let evidence = &self.evidence;
        // The two layouts of 8 bytes have to be compared with each other.
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

    /// Returns the pass if it covered all records.
    pub(super) fn pass(&self) -> Option<&Pass> {
        self.pass.as_ref().filter(|_| self.left == 0)
    }
}
