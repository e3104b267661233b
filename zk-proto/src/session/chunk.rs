//! How much of a set is asked for at once.

/// Never less than this, but for what is left of a set: below it the requests themselves are the load.
const LEAST: u32 = 4096;
/// Chunks in a row that came at the first asking before the next one is larger again.
const CALM: u8 = 4;
/// The usual chunk is halved so often at most: past that, even the largest one is at [`LEAST`].
const MOST_HALVINGS: u8 = 12;

/// How often the usual chunk is halved: once more for each that was lost, short or damaged, once less after some that came
/// whole.
///
/// A line that loses much loses less of a small answer, and a slow terminal ends it within its deadline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    halvings: u8,
    calm: u8,
}

impl Chunk {
    /// Bytes to ask for where `usual` is the most.
    pub(super) fn within(self, usual: u32) -> u32 {
        (usual >> self.halvings.min(31)).max(usual.min(LEAST))
    }

    /// A chunk had to be asked for again.
    pub(super) fn lost(&mut self) {
        self.halvings = (self.halvings + 1).min(MOST_HALVINGS);
        self.calm = 0;
    }

    /// A chunk came whole at the first asking.
    pub(super) fn came(&mut self) {
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.halvings = self.halvings.saturating_sub(1);
        }
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
    fn a_chunk_that_was_set_small_stays_as_it_is() {
        let mut chunk = Chunk::default();
        chunk.lost();
        assert_eq!(chunk.within(100), 100);
    }
}
