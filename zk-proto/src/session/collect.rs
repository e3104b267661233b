//! Assembling the data packets of one answer.

use alloc::vec::Vec;

use bytes::Bytes;

/// The data packets of one answer, held until all its bytes are there.
///
/// A stream keeps their order. Datagrams get lost, duplicated and reordered. The field at offset 4 numbers them from 0,
/// but not on all firmware, so the numbers are only used while they are consistent.
#[derive(Debug)]
pub(super) struct Collector {
    need: u64,
    part: u64,
    numbered: bool,
    pieces: Vec<(u16, Bytes)>,
    /// The number of pieces from an earlier request for the same bytes.
    carried: usize,
    have: u64,
    damaged: bool,
}

impl Collector {
    /// Collects `need` bytes. With `datagrams`, packets may come out of order.
    pub(super) fn new(need: u64, datagrams: bool) -> Self {
        Self { need, part: 0, numbered: datagrams, pieces: Vec::new(), carried: 0, have: 0, damaged: false }
    }

    /// Starts over for another request for the same bytes. Numbered pieces are kept, so that the second answer only has
    /// to fill the holes of the first.
    pub(super) fn restart(&mut self, need: u64, datagrams: bool) {
        if !self.numbered || self.need != need || self.damaged {
            *self = Self::new(need, datagrams);
        }
        self.carried = self.pieces.len();
    }

    /// Notes how much the terminal will send, and its part size. More than was requested is not accepted.
    pub(super) fn announce(&mut self, total: u64, part: u64) {
        let need = if total > 0 { self.need.min(total) } else { self.need };
        if self.carried > 0 && (need, part) != (self.need, self.part) {
            self.drop_carried();
        }
        (self.need, self.part) = (need, part);
        // Data that overtook the announcement can only be placed now.
        if self.numbered && !self.pieces.iter().all(|(number, data)| self.fits(*number, data.len())) {
            self.numbered = false;
            self.drop_carried();
        }
    }

    /// Returns true if a piece with this number would have this length; always true without an announcement.
    fn fits(&self, number: u16, length: usize) -> bool {
        let begin = u64::from(number) * self.part;
        self.part == 0 || (begin < self.need && length as u64 == (self.need - begin).min(self.part))
    }

    fn drop_carried(&mut self) {
        self.pieces.drain(..self.carried);
        self.carried = 0;
        self.have = self.pieces.iter().map(|(_, data)| data.len() as u64).sum();
    }

    pub(super) fn add(&mut self, number: u16, data: Bytes, intact: bool) {
        self.damaged |= !intact;
        let known = if self.numbered { &self.pieces[..] } else { &[] };
        let before = known.iter().find(|(other, _)| *other == number);
        if before.is_some_and(|(_, before)| *before == data) {
            return;
        }
        if data.is_empty() || self.is_whole() {
            // Counted but not kept: a terminal may send endlessly.
            self.have += data.len() as u64;
            return;
        }
        if self.numbered {
            self.numbered = before.is_none() && self.fits(number, data.len());
            if !self.numbered {
                self.drop_carried();
            }
        }
        self.have += data.len() as u64;
        self.pieces.push((number, data));
    }

    /// Returns true if one packet had everything, and nothing else came.
    pub(super) fn is_single(&self) -> bool {
        self.pieces.len() == 1 && self.have == self.need
    }

    /// Returns true if each packet has a number that places it.
    pub(super) fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// The size of the whole answer in bytes.
    pub(super) fn need(&self) -> u64 {
        self.need
    }

    /// The number of bytes received.
    pub(super) fn have(&self) -> u64 {
        self.have
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.have >= self.need
    }

    /// Returns true if any packet's checksum was wrong.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Returns true if the bytes are still complete after each piece is placed. Pieces of two answers with inconsistent
    /// numbers do not add up. Without numbers, a surplus means a duplicated packet, and a short packet that is not the
    /// last means reordering.
    pub(super) fn settle(&mut self) -> bool {
        self.infer_part();
        let usual = self.pieces.first().map_or(0, |(_, data)| data.len());
        let before_last = self.pieces.len().saturating_sub(1);
        let regular = self.pieces.iter().take(before_last).all(|(_, data)| data.len() == usual)
            && self.pieces.last().is_none_or(|(_, data)| data.len() <= usual);
        self.is_whole() && (self.numbered || (regular && self.have == self.need))
    }

    /// Places data without an announcement by its numbers, if they are consistent with the length of the first piece.
    fn infer_part(&mut self) {
        if self.numbered && self.part == 0 {
            self.part = self.pieces.iter().find(|(number, _)| *number == 0).map_or(0, |(_, data)| data.len() as u64);
            if self.part == 0 || !self.pieces.iter().all(|(number, data)| self.fits(*number, data.len())) {
                self.numbered = false;
                self.drop_carried();
            }
        }
    }

    /// Returns the pieces up to the first hole.
    pub(super) fn take_prefix(&mut self) -> Vec<Bytes> {
        self.infer_part();
        if self.numbered {
            self.pieces.sort_by_key(|(number, _)| *number);
        }
        // A stream loses nothing, but a terminal may skip a packet: after it, nothing is in its place.
        let whole = self.pieces.iter().zip(0..).take_while(|((number, _), place)| number == place).count();
        self.pieces.truncate(whole);
        self.take().0
    }

    /// Takes the pieces in order, cut to the size of the answer, and the number of bytes that were cut.
    pub(super) fn take(&mut self) -> (Vec<Bytes>, u64) {
        self.infer_part();
        let Self { need, numbered, mut pieces, have, .. } = core::mem::replace(self, Self::new(0, false));
        if numbered {
            pieces.sort_by_key(|(number, _)| *number);
        }
        let mut left = need;
        let cut = pieces.into_iter().map(|(_, mut data)| {
            data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= data.len() as u64;
            data
        });
        (cut.filter(|data| !data.is_empty()).collect(), have.saturating_sub(need))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn text(collector: &mut Collector) -> Vec<u8> {
        collector.take().0.concat()
    }

    #[test]
    fn numbered_datagrams_are_put_in_order_and_doubles_are_dropped() {
        let mut collector = Collector::new(5, true);
        collector.announce(5, 2);
        collector.add(2, bytes("e"), true);
        collector.add(0, bytes("ab"), true);
        collector.add(0, bytes("ab"), true);
        assert!(!collector.is_whole());
        collector.add(1, bytes("cd"), true);
        assert!(collector.is_whole());
        assert_eq!(text(&mut collector), b"abcde");
    }

    #[test]
    fn data_that_overtakes_its_announcement_is_put_in_order() {
        for announced_after in 0..=3 {
            let mut collector = Collector::new(5, true);
            for (place, (number, text)) in [(1, "cd"), (0, "ab"), (2, "e")].into_iter().enumerate() {
                if place == announced_after {
                    collector.announce(5, 2);
                }
                collector.add(number, bytes(text), true);
            }
            assert!(collector.is_whole());
            assert_eq!(text(&mut collector), b"abcde");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_leave_the_order_of_arrival() {
        let mut collector = Collector::new(4, true);
        collector.announce(4, 2);
        collector.add(0x2F4A, bytes("ab"), true);
        collector.add(0x2F4A, bytes("cd"), true);
        assert_eq!(text(&mut collector), b"abcd");
    }

    #[test]
    fn a_second_answer_fills_the_holes_of_the_first() {
        let mut collector = Collector::new(5, true);
        collector.announce(5, 2);
        collector.add(0, bytes("ab"), true);
        collector.restart(5, true);
        collector.announce(5, 2);
        collector.add(2, bytes("e"), true);
        collector.add(1, bytes("cd"), true);
        assert!(collector.is_whole());
        assert_eq!(text(&mut collector), b"abcde");
    }

    #[test]
    fn a_second_answer_that_contradicts_the_first_stands_alone() {
        let mut collector = Collector::new(4, true);
        collector.announce(4, 2);
        collector.add(0, bytes("ab"), true);
        collector.restart(4, true);
        collector.announce(4, 2);
        collector.add(0, bytes("xy"), true);
        assert!(!collector.is_whole());
        collector.add(1, bytes("cd"), true);
        assert_eq!(text(&mut collector), b"xycd");
    }

    #[test]
    fn two_answers_without_an_announcement_fill_each_other_up() {
        let mut collector = Collector::new(5, true);
        collector.add(0, bytes("ab"), true);
        collector.add(2, bytes("e"), true);
        collector.restart(5, true);
        collector.add(1, bytes("cd"), true);
        assert!(collector.settle());
        assert_eq!(text(&mut collector), b"abcde");
    }

    #[test]
    fn two_answers_whose_numbers_make_no_sense_do_not_add_up() {
        let mut collector = Collector::new(4, true);
        collector.add(7, bytes("ab"), true);
        collector.restart(4, true);
        collector.add(9, bytes("ab"), true);
        assert!(collector.is_whole() && !collector.settle());
        collector.add(9, bytes("cd"), true);
        assert!(collector.settle());
        assert_eq!(text(&mut collector), b"abcd");
    }

    #[test]
    fn what_stands_before_a_hole_can_be_had() {
        let mut collector = Collector::new(6, true);
        collector.announce(6, 2);
        collector.add(2, bytes("ef"), true);
        collector.add(0, bytes("ab"), true);
        assert_eq!(collector.take_prefix().concat(), b"ab");
    }

    #[test]
    fn a_packet_that_a_stream_lacks_ends_what_can_be_had() {
        let mut collector = Collector::new(8, false);
        for (number, text) in [(0, "ab"), (1, "cd"), (3, "gh")] {
            collector.add(number, bytes(text), true);
        }
        assert_eq!(collector.take_prefix().concat(), b"abcd");
    }

    #[test]
    fn a_stream_is_never_reordered() {
        let mut collector = Collector::new(4, false);
        collector.announce(4, 2);
        collector.add(1, bytes("ab"), true);
        collector.add(0, bytes("cd"), true);
        assert_eq!(text(&mut collector), b"abcd");
    }

    #[test]
    fn what_comes_without_end_is_not_kept() {
        let mut collector = Collector::new(2, false);
        for _ in 0..1_000 {
            collector.add(0, bytes(""), true);
            collector.add(0, bytes("ab"), true);
        }
        assert_eq!(collector.pieces.len(), 1);
        assert_eq!(collector.take().1, 1_998);
    }

    #[test]
    fn more_than_was_needed_is_cut_and_counted() {
        let mut collector = Collector::new(3, false);
        collector.add(0, bytes("ab"), true);
        collector.add(1, bytes("cd"), true);
        collector.add(2, bytes("ef"), true);
        let (pieces, surplus) = collector.take();
        assert_eq!((pieces.concat(), surplus), (b"abc".to_vec(), 3));
    }
}
