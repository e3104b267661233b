//! The 16-bit ones-complement sum that every packet carries.

/// The checksum of a packet whose own checksum field is zero or left out of `parts`.
///
/// Sums little-endian words over the concatenation of `parts`; a lone last byte is the low half of its word.
/// Only the last part may have an odd length. Source: `vectors/checksum.json`.
#[must_use]
pub fn checksum(parts: &[&[u8]]) -> u16 {
    !fold(parts.iter().map(|part| sum(part)).sum())
}

/// Whether a whole packet, its stored checksum included, is intact: such a packet sums to 0xFFFF.
#[must_use]
pub fn is_intact(packet: &[u8]) -> bool {
    fold(sum(packet)) == 0xFFFF
}

/// Eight bytes at a time: ones-complement addition does not care in which order words meet.
fn sum(bytes: &[u8]) -> u64 {
    let mut eights = bytes.chunks_exact(8);
    let mut wide: u64 = 0;
    for eight in &mut eights {
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        let word = u64::from_le_bytes(word);
        wide += (word & 0xFFFF_FFFF) + (word >> 32);
    }
    // Up to seven bytes are left; zeros behind them add nothing, and make a lone last byte the low half of its word.
    let mut last = [0; 8];
    last.iter_mut().zip(eights.remainder()).for_each(|(to, from)| *to = *from);
    let last = u64::from_le_bytes(last);
    wide += (last & 0xFFFF_FFFF) + (last >> 32);
    // One fold keeps the total far from overflow however many parts are added.
    (wide & 0xFFFF_FFFF) + (wide >> 32)
}

fn fold(mut wide: u64) -> u16 {
    while wide > 0xFFFF {
        wide = (wide & 0xFFFF) + (wide >> 16);
    }
    wide as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connect_packet_has_the_published_sum() {
        assert_eq!(checksum(&[&[0xE8, 0x03, 0, 0, 0, 0, 0, 0]]), 0xFC17);
        assert!(is_intact(&[0xE8, 0x03, 0x17, 0xFC, 0, 0, 0, 0]));
    }

    #[test]
    fn a_lone_last_byte_is_the_low_half_of_its_word() {
        assert_eq!(checksum(&[&[1, 0, 5]]), checksum(&[&[1, 0, 5, 0]]));
    }

    #[test]
    fn many_full_words_fold_until_they_fit() {
        assert_eq!(checksum(&[&[0xFF; 4096]]), 0);
    }
}
