//! The user ids that name a person, by the Python tool's rules, to the letter.

use crate::Reason;

/// A user id that the default rules take: `int()` of Python reads it, as a number above zero.
///
/// The text is kept as it was read: `42`, `0042` and ` 42 ` are three ids, as they were for the Python tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonId<'a>(&'a str);

impl<'a> PersonId<'a> {
    /// Takes the text of a user id as it was read.
    ///
    /// # Errors
    /// [`Reason::EmptyUserId`] when nothing is left after Python's `str.strip()`, [`Reason::NonNumericUserId`] when
    /// `int()` would raise, [`Reason::NonPositiveUserId`] when it would give zero or less.
    pub fn new(user_id: &'a str) -> Result<Self, Reason> {
        if user_id.trim_matches(is_python_space).is_empty() {
            return Err(Reason::EmptyUserId);
        }
        match sign_of_python_int(user_id) {
            None => Err(Reason::NonNumericUserId),
            Some(Sign::Positive) => Ok(Self(user_id)),
            Some(Sign::ZeroOrLess) => Err(Reason::NonPositiveUserId),
        }
    }

    /// The text as it was read.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Positive,
    ZeroOrLess,
}

/// The sign of Python's `int(text)`, or `None` if it raises `ValueError`: spaces around, one sign, then decimal
/// digits of any script with single underscores between them.
fn sign_of_python_int(text: &str) -> Option<Sign> {
    // Not `is_python_space`: `int()` takes the White_Space of Unicode, but not the four ASCII separators that `strip()`
    // removes.
    let text = text.trim_matches(char::is_whitespace);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut above_zero = false;
    for group in digits.split('_') {
        if group.is_empty() {
            return None;
        }
        for digit in group.chars() {
            above_zero |= decimal_value(digit)? != 0;
        }
    }
    Some(if above_zero && !negative { Sign::Positive } else { Sign::ZeroOrLess })
}

/// The characters for which Python's `str.isspace()` holds.
pub(crate) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The value of a decimal digit of any script (Unicode category Nd).
fn decimal_value(c: char) -> Option<u32> {
    let code = u32::from(c);
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let below = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(below.checked_sub(1)?)?;
    Some(code - zero).filter(|value| *value < 10)
}

/// The code points of digit zero; one to nine follow each. Unicode 14, which is Python 3.11's `unicodedata`.
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0,
    0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60,
    0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use Reason::{EmptyUserId as Empty, NonNumericUserId as NotANumber, NonPositiveUserId as NotAboveZero};

    /// The answers of CPython 3.11: `text.strip() == ""`, `int(text)`.
    const PYTHON: [(&str, Result<(), Reason>); 68] = [
        ("", Err(Empty)),
        (" ", Err(Empty)),
        ("\t\n\u{b}\u{c}\r", Err(Empty)),
        ("\u{1c}\u{1d}\u{1e}\u{1f}", Err(Empty)),
        ("\u{a0}\u{3000}\u{2028}\u{1680}", Err(Empty)),
        ("\u{200b}", Err(NotANumber)),
        ("\u{180e}", Err(NotANumber)),
        ("42", Ok(())),
        (" 42 ", Ok(())),
        ("+42", Ok(())),
        ("1_0", Ok(())),
        ("1_000", Ok(())),
        ("0042", Ok(())),
        ("\u{664}\u{662}", Ok(())),
        ("\u{664}2", Ok(())),
        ("\u{96a}\u{968}", Ok(())),
        ("\u{ff14}\u{ff12}", Ok(())),
        ("\u{1d7dc}\u{1d7da}", Ok(())),
        ("\u{1e950}\u{1e951}", Ok(())),
        ("\u{a0}42\u{2003}", Ok(())),
        ("\t42\n", Ok(())),
        ("42\u{85}", Ok(())),
        ("+0_7", Ok(())),
        ("\u{664}_\u{662}", Ok(())),
        ("+\u{664}\u{662}", Ok(())),
        ("\u{660}", Err(NotAboveZero)),
        ("+\u{660}", Err(NotAboveZero)),
        ("00", Err(NotAboveZero)),
        ("0", Err(NotAboveZero)),
        ("-0", Err(NotAboveZero)),
        ("+0", Err(NotAboveZero)),
        ("0_0", Err(NotAboveZero)),
        ("-5", Err(NotAboveZero)),
        ("- 5", Err(NotANumber)),
        ("+-5", Err(NotANumber)),
        ("++5", Err(NotANumber)),
        ("--5", Err(NotANumber)),
        ("\u{2212}5", Err(NotANumber)),
        ("+", Err(NotANumber)),
        ("-", Err(NotANumber)),
        ("_", Err(NotANumber)),
        ("_1", Err(NotANumber)),
        ("1_", Err(NotANumber)),
        ("1__0", Err(NotANumber)),
        ("1_ 0", Err(NotANumber)),
        ("+ 42", Err(NotANumber)),
        ("_\u{664}", Err(NotANumber)),
        ("4 2", Err(NotANumber)),
        ("4.2", Err(NotANumber)),
        ("1e3", Err(NotANumber)),
        ("0x10", Err(NotANumber)),
        ("0b1", Err(NotANumber)),
        ("1,000", Err(NotANumber)),
        ("A12", Err(NotANumber)),
        ("12A", Err(NotANumber)),
        ("None", Err(NotANumber)),
        ("\u{b2}", Err(NotANumber)),
        ("\u{bd}", Err(NotANumber)),
        ("\u{4e00}", Err(NotANumber)),
        ("\u{2167}", Err(NotANumber)),
        ("\u{1c}42", Err(NotANumber)),
        ("42\u{1f}", Err(NotANumber)),
        ("\u{1c}\u{664}\u{662}", Err(NotANumber)),
        ("\u{200b}42", Err(NotANumber)),
        ("\u{feff}42", Err(NotANumber)),
        ("42\0", Err(NotANumber)),
        ("\0", Err(NotANumber)),
        ("99999999999999999999999999999999", Ok(())),
    ];

    #[test]
    fn user_ids_are_taken_and_refused_as_by_python() {
        for (text, expected) in PYTHON {
            assert_eq!(PersonId::new(text).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn an_accepted_id_keeps_its_text() {
        assert_eq!(PersonId::new(" +0042 ").unwrap().as_str(), " +0042 ");
    }

    #[test]
    fn every_zero_is_followed_by_its_nine_digits() {
        for zero in ZEROS {
            let digits: Vec<_> = (zero..zero + 10).filter_map(char::from_u32).map(decimal_value).collect();
            assert_eq!(digits, (0..10).map(Some).collect::<Vec<_>>(), "from {zero:#x}");
        }
        assert!(ZEROS.is_sorted_by(|a, b| a + 10 <= *b), "the search needs order");
    }
}
