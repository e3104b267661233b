//! The witnesses, and those of them that depend only on sizes and counts.

use core::fmt;

use super::{Counts, WORD_LEN};

/// The witnesses that hold for a width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// A: the set's length word is a whole number of records, and no longer than what came.
    pub length_word: bool,
    /// B: the transfer's size without the length word is a whole number of records.
    pub size: bool,
    /// C: the number of records is between the terminal's counts.
    pub count: bool,
    /// D: record numbers run on from record to record. `None` if the layout has none, or too few records arrived.
    pub numbers: Option<bool>,
    /// E: the ids are those of people in the terminal's user table. `None` if the table is empty or was not read.
    pub people: Option<bool>,
}

impl Witnesses {
    /// Number of witnesses that hold.
    #[must_use]
    pub fn holding(self) -> usize {
        let looked_at = [self.numbers == Some(true), self.people == Some(true)];
        [self.length_word, self.size, self.count].into_iter().chain(looked_at).filter(|holds| *holds).count()
    }

    /// Returns true if length word, size and count all hold.
    pub(super) fn sizes_agree(self) -> bool {
        self.length_word && self.size && self.count
    }
}

impl fmt::Display for Witnesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |holds: bool| if holds { "holds" } else { "fails" };
        write!(f, "length word {}, size {}, count {}", word(self.length_word), word(self.size), word(self.count))?;
        f.write_str(match self.numbers {
            Some(true) => ", record numbers run on",
            Some(false) => ", record numbers do not run on",
            None => "",
        })?;
        f.write_str(match self.people {
            Some(true) => ", the user table knows the ids",
            Some(false) => ", the user table does not know the ids",
            None => "",
        })
    }
}

/// The number of records of a width in a set, and the witnesses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) records: u64,
    /// Bytes after the last record.
    pub(super) trailing: u64,
    /// The length word includes these bytes.
    pub(super) counted_in: bool,
    pub(super) witnesses: Witnesses,
}

/// Interprets a set's length word and size as records of a width. `None` if not one record fits.
pub(super) fn extent(word: u32, announced: u64, width: u64, counts: Counts) -> Option<Extent> {
    let body = announced.checked_sub(WORD_LEN)?;
    let word = u64::from(word);
    let by_size = body.checked_div(width)?;
    let size = body.checked_rem(width)? == 0;
    // A length word of zero proves nothing: some firmware leaves it empty, and a cut can put zeros there.
    let by_word = (word > 0 && word <= body && word % width == 0).then_some(word / width);
    let (records, length_word) = match by_word {
        Some(records) if records == by_size || counts.allow(records) => (records, true),
        // The word leaves out whole records that arrived, and no count supports it: it is not the set's word.
        _ => (by_size, false),
    };
    if records == 0 {
        return None;
    }
    let witnesses = Witnesses { length_word, size, count: counts.allow(records), numbers: None, people: None };
    let trailing = body - records * width;
    Some(Extent { records, trailing, counted_in: word == body && trailing > 0, witnesses })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witnesses(word: u32, announced: u64, count: u32) -> (u64, u64, bool, bool, bool) {
        let Extent { records, trailing, witnesses, .. } = extent(word, announced, 40, Counts::steady(count)).unwrap();
        (records, trailing, witnesses.length_word, witnesses.size, witnesses.count)
    }

    #[test]
    fn a_whole_set_has_all_three() {
        assert_eq!(witnesses(120, 124, 3), (3, 0, true, true, true));
    }

    #[test]
    fn bytes_after_the_records_are_a_remainder() {
        assert_eq!(witnesses(120, 124 + 24, 3), (3, 24, true, false, true));
        assert_eq!(witnesses(120, 124 + 80, 3), (3, 80, true, true, true));
    }

    #[test]
    fn a_word_that_leaves_out_records_needs_the_count() {
        assert_eq!(witnesses(120, 124 + 80, 9), (5, 0, false, true, false));
        assert_eq!(witnesses(120, 124 + 80, 5), (5, 0, false, true, true));
    }

    #[test]
    fn a_cut_breaks_word_and_size() {
        assert_eq!(witnesses(120, 112, 3), (2, 28, false, false, false));
        assert_eq!(witnesses(108, 112, 3), (2, 28, false, false, false));
    }

    #[test]
    fn a_word_of_zero_is_no_witness() {
        assert_eq!(witnesses(0, 124, 3), (3, 0, false, true, true));
    }

    #[test]
    fn a_word_without_bytes_after_it_is_no_record() {
        assert_eq!(extent(0, 4, 40, Counts::steady(0)), None);
        assert_eq!(extent(0, 2, 40, Counts::steady(0)), None);
    }
}
