//! Arguments that are known words: shells complete them, and for a mistyped one the error names the nearest.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

/// Words less alike than this are no slip of the finger.
const ALIKE: f64 = 0.6;

/// Reads a value that is a known word, or that begins with one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<T> {
    all: fn() -> Vec<&'static str>,
    read: fn(&str) -> Result<T, String>,
}

impl<T> Words<T> {
    /// Of these words, read so.
    pub(crate) const fn new(all: fn() -> Vec<&'static str>, read: fn(&str) -> Result<T, String>) -> Self {
        Self { all, read }
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let read = self.read;
        StringValueParser::new().try_map(move |text: String| read(&text)).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.all)().into_iter().map(PossibleValue::new)))
    }
}

/// The error for a word that is unknown, and what to write instead. `others` tells where all of them are.
pub(crate) fn unknown(word: &str, all: &[&str], others: &str) -> String {
    match most_alike(word, all, |known| known).filter(|known| likeness(word, known) >= ALIKE) {
        Some(known) => format!("no such word; did you mean {known}? {others}"),
        None => format!("no such word; {others}"),
    }
}

/// The known word whose spelling is the nearest.
pub(crate) fn most_alike<T>(word: &str, known: impl IntoIterator<Item = T>, text: impl Fn(&T) -> &str) -> Option<T> {
    let likeness = |known: &T| likeness(word, text(known));
    known.into_iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}

fn likeness(one: &str, other: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_told_from_another_word() {
        let all = ["tft40", "bw8"];
        assert_eq!(unknown("tft4", &all, "see x"), "no such word; did you mean tft40? see x");
        assert_eq!(unknown("printer", &all, "see x"), "no such word; see x");
    }
}
