//! A number that tells two readings of a log apart.

use crate::spool::{Spool, SpoolError};

use super::judge::Region;

/// Condenses records to a number. Bytes behind a text's end, which firmware leaves undefined, do not count. It guards against
/// accidents, not against somebody who wants two logs to have the same number.
pub(super) fn digest(spool: &mut Spool, region: Region) -> Result<u64, SpoolError> {
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
        // The multiplier of a common linear congruential generator: odd, its bits well spread.
        const SPREAD: u64 = 6_364_136_223_846_793_005;
        self.0 = (self.0 ^ word).wrapping_mul(SPREAD).rotate_left(29);
    }
}
