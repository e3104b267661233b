//! How much of a set is requested at once.

/// The smallest chunk, except at the end of a set. Below it, the requests themselves are the load.
const LEAST: u32 = 4096;
/// Consecutive chunks that came at the first request before the next one is larger again.
const CALM: u8 = 4;
/// The most often that the usual chunk is halved. Past that, even the largest one is at [`LEAST`].
const MOST_HALVINGS: u8 = 12;

/// The first request over datagrams. No terminal is known whose datagrams carry less.
const FIRST_DATAGRAM: u32 = 512;
/// Bytes of data in a datagram of nearly every terminal.
const USUAL_DATAGRAM: u32 = 1024;
/// The most that fits into one Ethernet frame with the headers of IP, UDP and this protocol. A longer datagram travels
/// in fragments, and losing one of them loses all.
const LARGEST_DATAGRAM: u32 = 1464;
/// The smallest request. A terminal that answers even this with several datagrams ignores the length.
const SMALLEST_DATAGRAM: u32 = 64;

/// The amount of data in a datagram of this terminal, as learned from its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Datagram {
    #[default]
    Unknown,
    /// The first request was answered by one datagram; larger ones may be too.
    Untried,
    Known(u32),
    /// No request was small enough.
    Unbounded,
}

/// The chunk size. It is halved for each chunk that was lost, short or damaged, and doubled after some that came whole.
///
/// A bad line loses less with small answers, and a slow terminal finishes them within the deadline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    halvings: u8,
    calm: u8,
    datagram: Datagram,
}

impl Chunk {
    /// The number of bytes to request, where `usual` is the most.
    pub(super) fn within(self, usual: u32) -> u32 {
        (usual >> self.halvings.min(31)).max(usual.min(LEAST))
    }

    /// Notes that a chunk had to be requested again.
    pub(super) fn lost(&mut self) {
        self.halvings = (self.halvings + 1).min(MOST_HALVINGS);
        self.calm = 0;
    }

    /// Notes that a chunk came whole at the first request.
    pub(super) fn came(&mut self) {
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.halvings = self.halvings.saturating_sub(1);
        }
    }

    /// The number of bytes to request over datagrams, so that the answer is one datagram. `None` if no number achieves
    /// that.
    pub(super) fn datagram(self) -> Option<u32> {
        match self.datagram {
            Datagram::Unknown => Some(FIRST_DATAGRAM),
            Datagram::Untried => Some(USUAL_DATAGRAM),
            Datagram::Known(bytes) => Some(bytes),
            Datagram::Unbounded => None,
        }
    }

    /// Notes that one datagram answered a request for so many bytes, with an announced number per packet, or 0.
    pub(super) fn datagram_came(&mut self, asked: u64, part: u64) {
        self.datagram = match self.datagram {
            Datagram::Unknown if part > asked => Datagram::Known(part.min(LARGEST_DATAGRAM.into()) as u32),
            Datagram::Unknown if asked >= FIRST_DATAGRAM.into() => Datagram::Untried,
            Datagram::Untried if asked >= USUAL_DATAGRAM.into() => Datagram::Known(USUAL_DATAGRAM),
            known => known,
        };
    }

    /// Notes that several datagrams answered a request for so many bytes, and the length of the longest.
    pub(super) fn datagrams_split(&mut self, asked: u64, longest: u64) {
        let bytes = if longest < asked { longest } else { asked / 2 };
        self.datagram = match u32::try_from(bytes) {
            Ok(bytes) if bytes >= SMALLEST_DATAGRAM => Datagram::Known(bytes),
            _ => Datagram::Unbounded,
        };
    }

    /// Notes that the terminal sent more than was requested.
    pub(super) fn datagrams_unbounded(&mut self) {
        self.datagram = Datagram::Unbounded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_halves_the_chunk_down_to_a_bound_and_calm_brings_it_back() {
        let mut chunk = Chunk::default();
        assert_eq!(chunk.within(65_472), 65_472);
        chunk.lost();
        assert_eq!(chunk.within(65_472), 32_736);
        (0..100).for_each(|_| chunk.lost());
        assert_eq!(chunk.within(65_472), LEAST);
        (0..CALM * MOST_HALVINGS).for_each(|_| chunk.came());
        assert_eq!(chunk.within(65_472), 65_472);
    }

    #[test]
    fn the_size_of_a_datagram_is_learned_from_the_answers() {
        let after = |part| {
            let mut chunk = Chunk::default();
            assert_eq!(chunk.datagram(), Some(512));
            chunk.datagram_came(512, part);
            chunk.datagram()
        };
        assert_eq!(after(1024), Some(1024));
        assert_eq!(after(600), Some(600));
        assert_eq!(after(65_528), Some(1464));
        assert_eq!([after(0), after(512)], [Some(1024); 2]);
    }

    #[test]
    fn a_small_first_answer_shows_nothing_unless_it_says_so() {
        let mut chunk = Chunk::default();
        chunk.datagram_came(100, 0);
        assert_eq!(chunk.datagram(), Some(512));
        chunk.datagram_came(100, 1024);
        assert_eq!(chunk.datagram(), Some(1024));
    }

    #[test]
    fn an_answer_in_several_datagrams_makes_the_next_question_smaller_for_good() {
        let mut chunk = Chunk::default();
        chunk.datagrams_split(512, 300);
        chunk.datagram_came(300, 1024);
        assert_eq!(chunk.datagram(), Some(300));
        chunk.datagrams_split(300, 300);
        assert_eq!(chunk.datagram(), Some(150));
        chunk.datagrams_split(150, 150);
        chunk.datagrams_split(75, 75);
        assert_eq!(chunk.datagram(), None);
    }

    #[test]
    fn a_chunk_that_was_set_small_stays_as_it_is() {
        let mut chunk = Chunk::default();
        chunk.lost();
        assert_eq!(chunk.within(100), 100);
    }
}
