//! A set of byte values: punch states, verify modes.

use core::fmt;

/// A set of byte values.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// Adds a value.
    pub fn insert(&mut self, value: u8) {
        if let Some(word) = self.0.get_mut(usize::from(value >> 6)) {
            *word |= 1 << (value & 63);
        }
    }

    /// Whether the value is in the set.
    #[must_use]
    pub fn contains(self, value: u8) -> bool {
        self.0.get(usize::from(value >> 6)).is_some_and(|word| word >> (value & 63) & 1 == 1)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |value| self.contains(*value))
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<I: IntoIterator<Item = u8>>(values: I) -> Self {
        let mut set = Self::default();
        set.extend(values);
        set
    }
}

impl Extend<u8> for ByteSet {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.insert(value));
    }
}

impl fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_of_its_own() {
        for value in 0..=u8::MAX {
            let set: ByteSet = [value].into_iter().collect();
            assert!(set.iter().eq([value]) && !set.is_empty());
        }
        assert!(ByteSet::default().is_empty());
    }
}
