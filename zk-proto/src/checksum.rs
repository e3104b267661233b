//! The 16-bit ones-complement sum that every packet carries.

/// Computes the checksum of a packet whose own checksum field is zero or missing from `parts`.
///
/// Sums little-endian words over the concatenation of `parts`; a lone last byte is the low half of its word.
/// Only the last part may have an odd length. Source: `vectors/checksum.json`.
#[must_use]
pub fn checksum(parts: &[&[u8]]) -> u16 {
    !fold(parts.iter().map(|part| sum(part)).sum())
}

/// Returns true if a whole packet is intact: including its stored checksum, it sums to 0xFFFF.
#[must_use]
pub fn is_intact(packet: &[u8]) -> bool {
    fold(sum(packet)) == 0xFFFF
}

/// Adds eight bytes at a time: the order of words does not matter in ones-complement addition.
fn sum(bytes: &[u8]) -> u64 {
    let mut eights = bytes.chunks_exact(8);
    let mut wide: u64 = 0;
    for eight in &mut eights {
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        let word = u64::from_le_bytes(word);
        wide += (word & 0xFFFF_FFFF) + (word >> 32);
    }
    // Up to seven bytes are left. Zeros after them add nothing, and make a lone last byte the low half of its word.
    let mut last = [0; 8];
    last.iter_mut().zip(eights.remainder()).for_each(|(to, from)| *to = *from);
    let last = u64::from_le_bytes(last);
    wide += (last & 0xFFFF_FFFF) + (last >> 32);
    // One fold keeps the total far from an overflow, however many parts are added.
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
