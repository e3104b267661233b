//! The search for records that come twice: a terminal that answers a question with the bytes of another one, or sends a
//! packet twice and drops the last. All sizes agree then, and each record is sound.

use alloc::vec;
use alloc::vec::Vec;

use crate::record::{AttendanceLayout, u16_at, u32_at};

use super::SPREAD;

/// So many records in a row are compared at once. Two people who press the same keys in the same second are no repeat;
/// eight records with the ids and the seconds of eight others, in their order, are.
const SPAN: usize = 8;
/// The most spans that are remembered. With more, every second one is forgotten, so that memory does not grow with the
/// log.
const MOST: usize = 2_048;
/// One span of four is remembered at first, those with the lowest sums: 32 records that come twice are found.
const FIRST_LIMIT: u64 = u64::MAX >> 2;

/// Records that are looked at together.
const AT_ONCE: usize = 64;

/// Remembers spans of the records that passed, chosen by their content: the same span is remembered, or not, wherever
/// it stands.
#[derive(Clone, Debug)]
pub(super) struct Repeats {
    layout: AttendanceLayout,
    /// What the last records say.
    last: [u64; SPAN],
    /// Records so far.
    seen: u64,
    /// The rolling sum over the last records.
    sum: u64,
    /// Records since the time last changed.
    still: usize,
    remembered: Spans,
    /// Spans with sums up to this are remembered.
    limit: u64,
}

impl Repeats {
    pub(super) fn new(layout: AttendanceLayout) -> Self {
        Self { layout, last: [0; SPAN], seen: 0, sum: 0, still: 0, remembered: Spans::default(), limit: FIRST_LIMIT }
    }

    /// Adds whole records. Returns the position of the first of some that came before, counted from the first record.
    pub(super) fn add(&mut self, records: &[u8]) -> Option<u64> {
        records.chunks(AT_ONCE * self.layout.width()).find_map(|few| self.add_few(few))
    }

    fn add_few(&mut self, records: &[u8]) -> Option<u64> {
        let fields = self.layout.fields();
        let id = fields.id.range();
        // What the records say, after the last ones before them.
        let mut says = [0; SPAN + AT_ONCE];
        says[..SPAN].copy_from_slice(&self.last);
        let mut end = SPAN;
        for (says, record) in says[SPAN..].iter_mut().zip(records.chunks_exact(self.layout.width())) {
            let time = u32_at(record, fields.time).unwrap_or_default();
            let who = match id.len() {
                2 => u16_at(record, id.start).map(u32::from),
                _ => u32_at(record, id.start),
            };
            *says = u64::from(time) << 32 | u64::from(who.unwrap_or_default());
            end += 1;
        }
        let found = self.remember(&says[..end]);
        self.last.copy_from_slice(&says[end - SPAN..end]);
        self.seen += (end - SPAN) as u64;
        found
    }

    /// Remembers the spans that end with these records; the first [`SPAN`] were there before. Returns the position of
    /// the first span that was remembered.
    fn remember(&mut self, says: &[u64]) -> Option<u64> {
        // By this the record that leaves the span has been multiplied.
        const OLDEST: u64 = SPREAD.wrapping_pow(SPAN as u32);
        let (mut sum, mut still) = (self.sum, self.still);
        let (mut chosen, mut count) = ([(0, 0); AT_ONCE], 0);
        let before = says.iter().zip(&says[SPAN - 1..]);
        for (position, ((leaves, before), says)) in (self.seen + 1..).zip(before.zip(&says[SPAN..])) {
            still = if before >> 32 == says >> 32 { still + 1 } else { 0 };
            sum = sum.wrapping_mul(SPREAD).wrapping_add(says.wrapping_sub(leaves.wrapping_mul(OLDEST)));
            let span = (sum ^ sum >> 32).wrapping_mul(SPREAD);
            chosen[count] = (span, position);
            // A clock that stands still repeats itself.
            count += usize::from((position >= SPAN as u64) & (still < SPAN - 1) & (span <= self.limit));
        }
        (self.sum, self.still) = (sum, still);
        let chosen = &chosen[..count];
        self.remembered.fetch(chosen.iter().map(|(span, _)| *span));
        for (span, position) in chosen {
            if *span > self.limit {
                continue;
            }
            if !self.remembered.insert(*span) {
                return Some(position - SPAN as u64);
            }
            if self.remembered.len > MOST {
                self.limit >>= 1;
                let limit = self.limit;
                self.remembered.retain(|span| span <= limit);
            }
        }
        None
    }
}

/// A set of sums, each in the first free place from the one that its bits name on. Zero marks a free place: the one sum
/// that it stands for is not remembered.
#[derive(Clone, Debug, Default)]
struct Spans {
    places: Vec<u64>,
    len: usize,
}

impl Spans {
    /// Twice as many as are ever taken, so that the next free place is near.
    const PLACES: usize = (2 * MOST).next_power_of_two();

    /// Brings the places of these sums near. Many logs are read by turns, so that each place is far away: fetched
    /// together, all cost little more than one.
    fn fetch(&self, sums: impl Iterator<Item = u64>) {
        let places = sums.map(|sum| self.places.get(Self::place(sum)).copied().unwrap_or_default());
        core::hint::black_box(places.fold(0, |all, sum| all | sum));
    }

    fn place(sum: u64) -> usize {
        (sum >> 32) as usize & (Self::PLACES - 1)
    }

    /// Returns false if the sum is here already.
    fn insert(&mut self, sum: u64) -> bool {
        if self.places.is_empty() {
            self.places = vec![0; Self::PLACES];
        }
        let mut place = Self::place(sum);
        loop {
            place &= Self::PLACES - 1;
            match &mut self.places[place] {
                free @ 0 => {
                    *free = sum;
                    self.len += usize::from(sum != 0);
                    return true;
                }
                taken if *taken == sum => return false,
                _ => place += 1,
            }
        }
    }

    fn retain(&mut self, stays: impl Fn(u64) -> bool) {
        let before = core::mem::take(self);
        for sum in before.places.into_iter().filter(|sum| *sum != 0 && stays(*sum)) {
            self.insert(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 16;

    /// A record of 16 bytes for each second, by people in turn.
    fn log(seconds: impl IntoIterator<Item = u32>) -> Vec<u8> {
        let record = |second: u32| {
            let mut record = [0; WIDTH];
            record[..4].copy_from_slice(&(1 + second % 7).to_le_bytes());
            record[4..8].copy_from_slice(&(800_000_000 + second).to_le_bytes());
            record
        };
        seconds.into_iter().flat_map(record).collect()
    }

    fn found(log: &[u8]) -> Option<u64> {
        Repeats::new(AttendanceLayout::Sixteen).add(log)
    }

    #[test]
    fn a_block_that_comes_twice_is_found_wherever_it_stands() {
        for (first, length, again) in [(0, 64, 64), (100, 64, 900), (500, 32, 800), (3, 200, 203)] {
            let with = (0..again).chain(first..first + length).chain(again..1_000);
            let at = found(&log(with)).unwrap();
            assert!((u64::from(again)..u64::from(again + length)).contains(&at), "{first} {length} {again}: {at}");
        }
    }

    #[test]
    fn it_makes_no_difference_how_many_records_come_at_once() {
        let log = log((0..900).chain(300..364).chain(900..1_000));
        let whole = found(&log);
        assert!(whole.is_some());
        for records in [1, 2, 7, 8, 9, 63, 64, 65, 500] {
            let mut repeats = Repeats::new(AttendanceLayout::Sixteen);
            let found = log.chunks(records * WIDTH).find_map(|few| repeats.add(few));
            assert_eq!(found, whole, "{records}");
        }
    }

    #[test]
    fn a_chunk_that_comes_twice_in_a_long_log_is_found_with_little_memory() {
        let mut repeats = Repeats::new(AttendanceLayout::Sixteen);
        assert_eq!(repeats.add(&log(0..500_000)), None);
        assert!(repeats.remembered.len <= MOST);
        assert!(repeats.add(&log(200_000..204_092)).is_some());
    }

    #[test]
    fn nobody_repeats_by_pressing_twice_and_no_clock_by_standing_still() {
        let twice: Vec<u8> = log((0..2_000).flat_map(|second| [second, second]));
        assert_eq!(found(&twice), None);
        let still: Vec<u8> = (0..2_000).flat_map(|_| log([5])).collect();
        assert_eq!(found(&still), None);
    }
}
